"""People hear of what is held: refused accounts, forgotten holds, outages that end (D12)."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from impact_in_pipelines.db.engine import Database
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sandbox.server import Sandbox
from impact_in_pipelines.services.operating import platforms

from .alert_worlds import AlertWorld, alert_world

BENEVITY = Platform.BENEVITY
HOUR = timedelta(hours=1)


@pytest.fixture
def made(database: Database, sandbox: Sandbox) -> Iterator[AlertWorld]:
    """A clean database and sandbox with both channels configured."""
    with alert_world(database.url, sandbox) as alerts:
        yield alerts


def looked(made: AlertWorld, by: timedelta = timedelta(minutes=1)) -> None:
    made.later(by)
    assert made.alerts.watch_outages() is not None


def notices(made: AlertWorld, type_: str) -> list[str]:
    """The kinds of the notices about incidents of a type, in order."""
    rows = made.world.rows(
        "SELECT n.kind FROM notifications n JOIN incidents i ON i.id = n.incident_id "
        "WHERE i.type = :type AND n.channel IN ('slack', 'slack_critical') ORDER BY n.seq",
        type=type_,
    )
    return [row["kind"] for row in rows]


def refuse(made: AlertWorld) -> Any:
    """An account whose breaker has opened for refusals."""
    (company,) = made.world.companies()
    made.world.execute(
        "INSERT INTO connection_closures (company_id, platform, kind, closed_until, since, reason, holds, "
        "state, cause, interval_seconds) VALUES (:company, 'benevity', 'breaker', :now, :now, "
        "'Benevity answered HTTP 401', true, 'open', 'refused', 60)",
        company=company,
        now=made.world.clock(),
    )
    return company


def test_a_refused_account_is_told_of_at_once_after_one_and_two_days_and_then_paused(
    made: AlertWorld,
) -> None:
    """Three notices, one incident that its company sees, and a pause with the reason after 72 hours."""
    company = refuse(made)
    looked(made)
    looked(made)
    assert notices(made, "connection_refused") == ["opened"]
    looked(made, 24 * HOUR)
    looked(made)
    looked(made, 24 * HOUR)
    assert notices(made, "connection_refused") == ["opened", "reminded", "reminded"]
    (incident,) = [one for one in made.incidents() if one["type"] == "connection_refused"]
    assert (incident["company_id"], incident["closed_at"]) == (company, None)
    assert "HTTP 401" in incident["details"]["last_error"]

    looked(made, 24 * HOUR)

    held = made.world.runtime.closures.in_force(made.world.clock())
    (pause,) = [one for one in held if one.kind == "person"]
    assert (pause.company_id, pause.held_by) == (company, "breaker")
    assert pause.reason == "refused for 72 hours: Benevity answered HTTP 401"


def test_who_holds_a_platform_is_reminded_once_a_day(made: AlertWorld) -> None:
    """And the incident ends when it is resumed."""
    runtime = made.world.runtime
    platforms.hold(runtime, BENEVITY, company_id=None, reason="they move", actor="ida")
    for _ in range(4):
        looked(made, 12 * HOUR)
    assert notices(made, "held") == ["opened", "reminded", "reminded"]
    platforms.resume(runtime, BENEVITY, company_id=None, actor="ida")
    looked(made)
    assert notices(made, "held")[-1] == "recovered"


def test_an_outage_says_how_many_are_held_and_its_end_how_many_went_out(made: AlertWorld) -> None:
    """Level 3 after half an hour with the count; the recovery with the count and the lateness."""
    world = made.world
    world.due(BENEVITY, 7)
    fault = world.sandbox.client.add_fault(BENEVITY.value, "server_error")
    for _ in range(45):
        world.drain(BENEVITY)
        looked(made)
    (incident,) = [one for one in made.incidents() if one["type"] == "platform_outage"]
    assert incident["details"]["held"] == 7

    world.sandbox.client.remove_fault(fault)
    for _ in range(6):
        world.drain(BENEVITY)
        looked(made)

    assert world.statuses() == {"success": 7}
    (incident,) = [one for one in made.incidents() if one["type"] == "platform_outage"]
    assert incident["closed_at"] is not None
    assert incident["details"]["went_out"] == 7
    assert incident["details"]["latest_ms"] >= 45 * 60_000
