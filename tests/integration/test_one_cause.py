"""One cause is one incident: what a scheduler, a hold, an outage or chance does to twelve companies is told
once (docs/runbook.md, "How alerts behave")."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from impact_in_pipelines.db.engine import Database
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sandbox.server import Sandbox
from impact_in_pipelines.services.operating import platforms
from impact_in_pipelines.sla.wire import incident_document

from .alert_worlds import MINUTE, AlertWorld, alert_world

BENEVITY, GOODERA = Platform.BENEVITY, Platform.GOODERA
NAMED = "12 companies: c-1, c-10, c-11, c-12, c-2, c-3, c-4, c-5, c-6, c-7 and 2 more"


@pytest.fixture
def made(database: Database, sandbox: Sandbox) -> Iterator[AlertWorld]:
    """A clean database and sandbox with both channels configured."""
    with alert_world(database.url, sandbox) as alerts:
        yield alerts


def minutes(made: AlertWorld, count: int, *drained: Platform, step: int = 1) -> None:
    """Let minutes pass, with everything that runs meanwhile: drains of these platforms, and the sensors, once
    each `step` minutes."""
    for _ in range(0, count, step):
        made.later(step * MINUTE)
        for platform in drained:
            made.world.limits_rest()
            made.world.drain(platform)
        made.alerts.watch_outages()
        made.alerts.watch_sla()
        made.alerts.send()


def said(made: AlertWorld) -> list[str]:
    """The texts of the messages that Slack accepted."""
    return [line["message"]["text"] for line in made.slack]


def actions(made: AlertWorld) -> list[str]:
    """What PagerDuty was told, of one incident."""
    assert len({key for _, key in made.pages}) <= 1
    return [action for action, _ in made.pages]


def of_companies(made: AlertWorld) -> int:
    """How many companies have incidents of their own."""
    return len({row["company_id"] for row in made.incidents() if row["company_id"]})


def test_a_daemon_that_was_dead_is_told_once(made: AlertWorld) -> None:
    """12 companies on two platforms, an hour: one message and one page with the count and names; when it is
    back one more of each. What is late arrives, is measured for hours, and is told no more."""
    companies = made.world.due(BENEVITY, 12)
    made.world.schedules(GOODERA, companies)
    made.later(60 * MINUTE)
    minutes(made, 2)
    (told,) = said(made)
    assert "12 companies on Benevity, Goodera" in told
    assert NAMED in told
    (page,) = made.world.sandbox.client.messages("pagerduty")
    assert NAMED in page["message"]["payload"]["summary"]

    minutes(made, 10, BENEVITY, GOODERA)
    minutes(made, 180, step=15)

    assert made.world.statuses() == {"success": 24}
    assert len(said(made)) == 2
    assert "the scheduler works again; 12 companies" in said(made)[-1]
    assert actions(made) == ["trigger", "resolve"]
    assert of_companies(made) == 12


def test_it_is_told_once_too_if_a_drain_was_quicker_than_the_sensors(made: AlertWorld) -> None:
    """Nothing is unplanned any more, and everything late: many at once, without a known cause."""
    made.world.due(BENEVITY, 12)
    made.later(60 * MINUTE)
    made.world.drain(BENEVITY)
    minutes(made, 5, BENEVITY)
    minutes(made, 120, step=15)

    (told,) = said(made)
    assert NAMED in told
    assert actions(made) == ["trigger"]
    assert of_companies(made) == 12


def test_a_schedule_that_is_switched_off_is_told_once_it_pages(made: AlertWorld) -> None:
    """The sensors run meanwhile: at five minutes it is recorded, at fifteen told, with one page."""
    made.world.due(BENEVITY, 12)
    minutes(made, 14)
    assert of_companies(made) == 12
    assert said(made) == []

    minutes(made, 3)
    minutes(made, 60, step=15)

    (told,) = said(made)
    assert NAMED in told
    assert actions(made) == ["trigger"]


def test_a_platform_that_a_person_holds_is_told_once(made: AlertWorld) -> None:
    """Held from before anything was due: one message and one page when it is late, who and why, and one of
    each when it is resumed."""
    world = made.world
    platforms.hold(world.runtime, BENEVITY, company_id=None, reason="they move", actor="ida")
    world.due(BENEVITY, 12)
    minutes(made, 18, BENEVITY)
    minutes(made, 60, BENEVITY, step=15)
    (told,) = said(made)
    assert "held by ida" in told
    assert "they move" in told
    assert NAMED in told
    assert actions(made) == ["trigger"]

    platforms.resume(world.runtime, BENEVITY, company_id=None, actor="ida")
    minutes(made, 12, BENEVITY)
    minutes(made, 120, BENEVITY, step=15)

    assert world.statuses() == {"success": 12}
    assert len(said(made)) == 2
    assert actions(made) == ["trigger", "resolve"]
    assert of_companies(made) == 12


def test_a_platform_that_is_down_is_told_once(made: AlertWorld) -> None:
    """Its breaker holds everything at once; the message comes with level 3, and names who is late."""
    world = made.world
    world.due(BENEVITY, 12)
    fault = world.sandbox.client.add_fault(BENEVITY.value, "server_error")
    minutes(made, 34, BENEVITY, step=2)
    (told,) = said(made)
    assert "Level 3" in told
    assert "12 deliveries held" in told
    assert NAMED in told
    assert actions(made) == ["trigger"]

    world.sandbox.client.remove_fault(fault)
    minutes(made, 12, BENEVITY)
    minutes(made, 120, BENEVITY, step=15)

    assert world.statuses() == {"success": 12}
    assert len(said(made)) == 2
    assert NAMED in said(made)[-1]
    assert actions(made) == ["trigger", "resolve"]


def test_many_in_one_minute_are_told_together_and_one_by_itself(made: AlertWorld) -> None:
    """Twelve on Goodera, and one on Benevity that has nothing to do with it."""
    companies = made.world.companies(13)
    for company in companies[:12]:
        made.settled(company, GOODERA, arrived=97, failed=3)
    made.settled(companies[12], BENEVITY, arrived=97, failed=3)
    minutes(made, 3)

    together, alone = sorted(said(made), key=len, reverse=True)
    assert NAMED in together
    assert "c-13 on Benevity" in alone
    for company in companies:
        made.recovered(company)
    minutes(made, 10)
    assert len(said(made)) == 4
    assert sorted(action for action, _ in made.pages) == ["resolve"] * 2 + ["trigger"] * 2
    assert all(row["closed_at"] for row in made.incidents())


def test_what_gets_worse_than_its_cause_had_made_it_is_told(made: AlertWorld) -> None:
    """The cause is over for hours, and one company goes on failing."""
    companies = made.world.companies(12)
    for company in companies:
        made.settled(company, GOODERA, arrived=97, failed=3)
    minutes(made, 2)
    made.later(timedelta(hours=2))
    made.settled(companies[4], GOODERA, arrived=90, failed=10)
    minutes(made, 2)

    assert len(said(made)) == 2
    assert "c-5 on Goodera" in said(made)[-1]


def test_another_wave_is_told_again(made: AlertWorld) -> None:
    """An open incident of many is no excuse for what befalls others tomorrow."""
    companies = made.world.companies(8)
    for company in companies[:4]:
        made.settled(company, GOODERA, arrived=97, failed=3)
    minutes(made, 2)
    made.later(timedelta(hours=2))
    for company in companies[4:]:
        made.settled(company, GOODERA, arrived=97, failed=3)
    minutes(made, 2)

    assert len(said(made)) == 2
    assert "c-5, c-6, c-7, c-8" in said(made)[-1]
    assert actions(made) == ["trigger", "trigger"]


def test_a_company_learns_nothing_of_the_others(made: AlertWorld) -> None:
    """Names are for operations: neither its own incident nor the platform's, as it may read it, has any."""
    made.world.due(BENEVITY, 12)
    made.later(60 * MINUTE)
    minutes(made, 2)
    runtime = made.world.runtime

    listed = runtime.incidents.listed(closed_too=True, limit=100)
    assert len(listed) > 12
    for row in listed:
        shown = json.dumps(incident_document(row), default=str)
        others = [f"c-{n}" for n in range(1, 13) if f"c-{n}" != row.company]
        assert not [name for name in others if f'"{name}"' in shown or f"{name}," in shown]
