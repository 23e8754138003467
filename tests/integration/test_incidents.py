"""Incidents on a real log: opened, raised, muted, closed, with their notices in the same transaction."""

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from impact_in_pipelines.db.engine import Database
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sandbox.server import Sandbox
from impact_in_pipelines.services.alerts import Purged

from .alert_worlds import MINUTE, AlertWorld, alert_world

GOODERA, WORKDAY = Platform.GOODERA, Platform.WORKDAY
HOLD = timedelta(minutes=5)


@pytest.fixture
def made(database: Database, sandbox: Sandbox) -> Iterator[AlertWorld]:
    """A clean database and sandbox with both channels configured."""
    with alert_world(database.url, sandbox) as alerts:
        yield alerts


def kinds(made: AlertWorld, channel: str = "slack") -> list[str]:
    """Why the notices for a channel were written, in order."""
    return [row["kind"] for row in made.outbox() if row["channel"] == channel]


def test_three_of_a_hundred_failed(made: AlertWorld) -> None:
    """The specification's own: 97 of 100 is a breach, told on Slack and PagerDuty, closed on recovery."""
    (company,) = made.world.companies()
    made.settled(company, GOODERA, arrived=97, failed=3)

    assert made.watch().opened == 1
    made.watch()
    made.recovered(company)
    made.watch()
    assert made.watch(HOLD).closed == 1
    made.watch()

    (incident,) = made.incidents()
    assert (incident["type"], incident["severity"]) == ("success_rate", "critical")
    assert (incident["actual"], incident["threshold"]) == (97.0, 98.0)
    assert (incident["company_id"], incident["platform"]) == (company, "goodera")
    assert incident["since"] is not None
    assert incident["closed_at"] < made.world.clock() - HOLD
    assert kinds(made) == ["opened", "recovered"]
    assert kinds(made, "pagerduty") == ["opened", "recovered"]


def test_a_healthy_log_has_no_incidents(made: AlertWorld) -> None:
    """Nobody is disturbed for what is good."""
    (company,) = made.world.companies()
    made.settled(company, GOODERA, arrived=100)

    assert made.watch().breaches == 0
    assert made.incidents() == []


def test_three_failures_in_a_row_page_although_they_are_few(made: AlertWorld) -> None:
    """Consecutive failures are facts; the rate that rests on the same three pages nobody."""
    (company,) = made.world.companies()
    (schedule,) = made.world.schedules(
        GOODERA, [company], fire=made.world.clock() + timedelta(days=1)
    )
    made.settled(company, GOODERA, arrived=1, failed=3, schedule=schedule, latest=True)

    made.watch()

    paged = {row["type"]: row["paged"] for row in made.incidents()}
    assert paged["consecutive_failures"] is True
    assert paged["success_rate"] is False
    assert kinds(made, "pagerduty") == ["opened"]


def test_a_warning_that_becomes_critical(made: AlertWorld) -> None:
    """4 min 1 s on average is a warning, 5 min 1 s critical: one opening, one rise."""
    (company,) = made.world.companies()
    made.settled(company, GOODERA, arrived=20, latency=timedelta(minutes=4, seconds=1))
    made.watch()
    assert [row["severity"] for row in made.incidents()] == ["warning"]
    assert kinds(made, "pagerduty") == []

    made.world.execute(
        "UPDATE impact_deliveries SET delivered_at = scheduled_for + interval '5 minutes 1 second'"
    )
    made.watch()
    made.watch()

    assert [row["severity"] for row in made.incidents()] == ["critical"]
    assert kinds(made) == ["opened", "raised"]
    assert kinds(made, "pagerduty") == ["raised"]


def test_many_companies_in_one_pass(made: AlertWorld) -> None:
    """Each has an incident of its own, the platform has one because it isn't one account, and one tells of
    all of them."""
    for company in made.world.companies(20):
        made.settled(company, GOODERA, arrived=10, failed=3)

    assert made.watch().opened == 22

    of_all = [(row["platform"], row["type"]) for row in made.incidents() if not row["company_id"]]
    assert sorted(of_all) == [("goodera", "success_rate"), ("goodera", "widespread")]
    assert kinds(made) == ["opened"]


def test_a_read_that_fails_closes_nothing(made: AlertWorld) -> None:
    """The law of every monitor here: no answer is not good news."""
    (company,) = made.world.companies()
    made.settled(company, GOODERA, arrived=97, failed=3)
    made.watch()

    made.world.execute("ALTER TABLE impact_deliveries RENAME TO mislaid")
    made.later(timedelta(hours=1))
    with pytest.raises(DBAPIError):
        made.alerts.watch_sla()
    made.world.execute("ALTER TABLE mislaid RENAME TO impact_deliveries")

    assert [row["closed_at"] for row in made.incidents()] == [None]
    assert made.watch().closed == 0
    assert kinds(made) == ["opened"]


def test_an_incident_is_not_stored_without_its_notice(made: AlertWorld) -> None:
    """One transaction: where the notice can't be written, the incident isn't open either."""
    (company,) = made.world.companies()
    made.settled(company, GOODERA, arrived=97, failed=3)
    made.world.execute("ALTER TABLE notifications RENAME TO mislaid")
    made.later()
    with pytest.raises(DBAPIError):
        made.alerts.watch_sla()
    made.world.execute("ALTER TABLE mislaid RENAME TO notifications")
    assert made.incidents() == []

    made.watch()

    assert kinds(made) == ["opened"]


def test_two_ticks_at_once_open_one_incident(made: AlertWorld) -> None:
    """The daemon's and one that somebody evaluates in the UI: the second one leaves it to the first."""
    (company,) = made.world.companies()
    made.settled(company, GOODERA, arrived=97, failed=3)
    made.later()
    results: list[object] = []
    threads = [
        threading.Thread(target=lambda: results.append(made.alerts.watch_sla())) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert any(results)
    assert len(made.incidents()) == 1
    assert kinds(made) == ["opened"]


def test_a_tick_that_finds_another_at_it_says_so(made: AlertWorld) -> None:
    """It neither waits nor judges."""
    with made.world.database.engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(727104)"))

        assert made.alerts.watch_sla() is None
        assert made.alerts.watch_outages() is None


def test_maintenance_mutes_and_what_outlives_it_is_told(made: AlertWorld) -> None:
    """Recorded with its window; nobody hears of it before the window has ended."""
    (company,) = made.world.companies()
    runtime = made.world.runtime
    window = runtime.maintenance.add(
        company_id=None,
        platform=GOODERA,
        starts_at=made.world.clock(),
        ends_at=made.world.clock() + timedelta(hours=2),
        reason="Goodera upgrades",
        by="ola",
        now=made.world.clock(),
    )
    made.settled(company, GOODERA, arrived=97, failed=3)
    made.watch()
    (incident,) = made.incidents()
    assert incident["maintenance_id"] == window.id
    assert "Goodera upgrades" in incident["muted_by"]
    assert made.outbox() == []

    made.watch(timedelta(hours=2))

    assert kinds(made) == ["opened"]
    assert kinds(made, "pagerduty") == ["opened"]


def test_a_window_that_is_ended_early_ends_its_quiet(made: AlertWorld) -> None:
    """And one that has not begun never comes."""
    (company,) = made.world.companies()
    store, now = made.world.runtime.maintenance, made.world.clock()
    for starts_at in (now, now + timedelta(days=1)):
        store.add(
            company_id=company,
            platform=None,
            starts_at=starts_at,
            ends_at=starts_at + timedelta(hours=2),
            reason="moving",
            by="ola",
            now=now,
        )
    made.settled(company, GOODERA, arrived=97, failed=3)
    made.watch()
    assert made.outbox() == []

    for window in store.overlapping(now, now + timedelta(days=3)):
        store.end(str(window.id), by="kari", now=made.world.clock())
    made.watch()

    assert kinds(made) == ["opened"]
    day_after = now + timedelta(days=1)
    assert store.overlapping(day_after, day_after + timedelta(hours=2)) == []


def test_a_platform_that_fails_everybody_for_half_an_hour(made: AlertWorld) -> None:
    """One incident of the platform, level 3, at the thirtieth minute; one delivery ends it."""
    first, second = made.world.companies(2)
    failing = ["retryable"] * 6
    made.attempts(first, GOODERA, *failing, every=5 * MINUTE)
    made.attempts(second, GOODERA, *failing, every=5 * MINUTE)
    made.attempts(second, WORKDAY, *failing[:-1], "delivered", every=5 * MINUTE)
    assert made.alerts.watch_outages() is not None
    assert made.incidents() == []

    made.later(5 * MINUTE)
    opening = made.alerts.watch_outages()
    made.later(timedelta(hours=4))
    going_on = made.alerts.watch_outages()

    (incident,) = made.incidents()
    # The tick leaves a trace of what it has opened.
    assert opening is not None
    assert opening.moved == (
        f"opened platform_outage of all companies on goodera ({incident['id']})",
    )
    assert going_on is not None
    assert going_on.moved == ()
    assert (incident["company_id"], incident["platform"]) == (None, "goodera")
    assert incident["type"] == "platform_outage"
    assert incident["actual"] == 270.0
    assert incident["closed_at"] is None
    assert kinds(made) == kinds(made, "pagerduty") == ["opened"]

    made.attempts(first, GOODERA, "delivered")
    made.later()
    made.alerts.watch_outages()

    assert kinds(made) == kinds(made, "pagerduty") == ["opened", "recovered"]


def test_one_account_with_a_wrong_password_is_no_outage(made: AlertWorld) -> None:
    """Every attempt fails, and it is the account's own fault."""
    (company,) = made.world.companies()
    made.attempts(company, GOODERA, *["permanent"] * 8, every=5 * MINUTE)
    made.world.execute("UPDATE delivery_attempts SET error_kind = 'authentication'")

    made.alerts.watch_outages()

    assert made.incidents() == []


def test_attempts_that_never_left_say_nothing_of_the_platform(made: AlertWorld) -> None:
    """A connection that isn't configured fails here, not there."""
    for company in made.world.companies(3):
        made.attempts(company, GOODERA, *["permanent"] * 8, every=5 * MINUTE)
    made.world.execute("UPDATE delivery_attempts SET error_kind = 'configuration'")

    made.alerts.watch_outages()

    assert made.incidents() == []


def test_a_platforms_health_is_kept_with_its_beginning(made: AlertWorld) -> None:
    """Degraded, out and healthy again, as the attempts go; a state that stays keeps its beginning."""
    first, second = made.world.companies(2)

    def looked() -> tuple[str, datetime, str | None]:
        made.later()
        made.alerts.watch_outages()
        (one,) = [h for h in made.world.runtime.incidents.health() if h.platform is GOODERA]
        return one.state.value, one.since, one.reason

    made.attempts(first, GOODERA, *["retryable"] * 3)
    made.attempts(second, GOODERA, *["retryable"] * 4)
    degraded = looked()
    again = looked()
    made.later(30 * MINUTE)
    made.attempts(second, GOODERA, "retryable")
    out = looked()
    made.attempts(second, GOODERA, "delivered")
    well = looked()

    assert degraded[0] == "degraded"
    assert "7 attempts of 2 companies failed" in (degraded[2] or "")
    assert again[:2] == degraded[:2]
    assert out[0] == "outage"
    assert well == ("healthy", made.world.clock(), None)


def test_what_is_long_over_is_dropped_and_nothing_that_is_open(made: AlertWorld) -> None:
    """Sent notices after 90 days, closed incidents once no report can be made of their days. What is open,
    and what is still to be told, stays."""
    healed, ill = made.world.companies(2)
    made.settled(healed, GOODERA, arrived=97, failed=3)
    made.settled(ill, WORKDAY, arrived=97, failed=3)
    made.watch()
    made.recovered(healed)
    made.watch()
    made.watch(HOLD)
    made.alerts.send()
    told = len(made.outbox())
    assert told == 6

    made.later(timedelta(days=89))
    assert made.alerts.purge() == Purged(notices=0, incidents=0)
    made.later(timedelta(days=2))
    assert made.alerts.purge() == Purged(notices=told, incidents=0)
    assert len(made.incidents()) == 2
    made.later(timedelta(days=320))
    assert made.alerts.purge() == Purged(notices=0, incidents=1)
    (left,) = made.incidents()
    assert (left["company_id"], left["closed_at"]) == (ill, None)


def test_a_closed_incident_of_which_somebody_is_still_to_be_told_stays(made: AlertWorld) -> None:
    """A channel that has been away for a year is no reason to forget; what was sent of it goes with it."""
    (company,) = made.world.companies()
    made.settled(company, GOODERA, arrived=97, failed=3)
    made.watch()
    made.recovered(company)
    made.watch()
    made.watch(HOLD)
    made.later(timedelta(days=500))
    assert made.alerts.purge() == Purged(notices=0, incidents=0)

    made.world.execute("UPDATE notifications SET sent_at = :now", now=made.world.clock())
    assert made.alerts.purge() == Purged(notices=0, incidents=1)
    assert made.outbox() == []
