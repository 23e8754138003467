"""A platform that says when to come back is believed: held, not failed (D12)."""

from datetime import timedelta
from typing import Any

import pytest
from factories import World

from impact_in_pipelines.db.deliveries.queueing.due import due_state
from impact_in_pipelines.db.deliveries.queueing.remaining import Remaining, Waiting
from impact_in_pipelines.delivery.states import AttemptOutcome
from impact_in_pipelines.delivery.ticking import decide_tick
from impact_in_pipelines.platforms import Platform

BENEVITY, GOODERA = Platform.BENEVITY, Platform.GOODERA
HALF_A_DAY = timedelta(hours=12)


def told_to_wait(world: World, kind: str = "rate_limited", **more: Any) -> None:
    """Let the next request be answered with a long Retry-After."""
    options = {"retry_after_seconds": 43_200, "count": 1, **more}
    world.sandbox.client.add_fault(BENEVITY.value, kind, **options)


@pytest.mark.parametrize("kind", ["rate_limited", "unavailable"])
@pytest.mark.parametrize("form", ["seconds", "date"])
def test_what_was_told_to_wait_is_held_and_then_delivered(
    world: World, kind: str, form: str
) -> None:
    """429 and 503, seconds and date: no attempt is spent, the key stays, nothing fails."""
    (company,) = world.due(BENEVITY)
    told_to_wait(world, kind, retry_after_format=form)

    summary = world.drain(BENEVITY)

    assert (summary.held, summary.failed, summary.retrying) == (1, 0, 0)
    row = world.of_company(company)
    until = world.clock() + HALF_A_DAY
    assert abs(row["next_attempt_at"] - until) < timedelta(minutes=1)
    assert (row["status"], row["attempt_count"], row["failed_attempts"]) == ("pending", 0, 0)
    assert "asked to wait until 2026-03-10 12:0" in row["last_error"]
    assert world.outcomes(row["id"]) == [AttemptOutcome.HELD]
    world.clock.advance(HALF_A_DAY - timedelta(minutes=5))
    assert world.drain(BENEVITY).claimed == 0
    world.clock.advance(timedelta(minutes=10))
    assert world.drain(BENEVITY).delivered == 1
    after = world.of_company(company)
    assert (after["status"], after["attempt_count"]) == ("success", 1)
    assert after["idempotency_key"] == row["idempotency_key"]
    assert world.outcomes(row["id"]) == [AttemptOutcome.HELD, AttemptOutcome.DELIVERED]
    (noted,) = world.rows("SELECT * FROM scheduled_deliveries")
    assert (noted["last_status"], noted["consecutive_failures"]) == ("success", 0)


def test_the_whole_connection_is_closed_and_no_other(world: World) -> None:
    """What else is due on it waits unasked, also what falls due later; others go on."""
    closed, other = world.companies(2)
    days = [world.clock().date() - timedelta(days=n) for n in range(1, 6)]
    world.events([closed, other], days=days)
    ids = world.deliveries(BENEVITY, closed, days=days)
    told_to_wait(world)

    world.drain(BENEVITY)
    world.deliveries(BENEVITY, other)
    world.deliveries(GOODERA, closed)
    (later,) = world.deliveries(BENEVITY, closed, days=[days[0] - timedelta(days=9)])
    world.drain(BENEVITY)
    world.drain(GOODERA)

    statuses = [world.delivery(id_)["status"] for id_ in ids]
    assert set(statuses) <= {"pending", "success"}
    assert world.delivery(later)["status"] == "pending"
    assert world.of_company(other)["status"] == "success"
    (closure,) = world.runtime.closures.in_force(world.clock())
    assert (closure.company_id, closure.platform) == (closed, BENEVITY)
    assert closure.since == world.clock()
    world.clock.advance(HALF_A_DAY + timedelta(minutes=1))
    world.drain(BENEVITY)
    assert {world.delivery(id_)["status"] for id_ in (*ids, later)} == {"success"}
    assert world.runtime.closures.in_force(world.clock()) == []


def test_the_tick_and_deliver_say_until_when(world: World) -> None:
    """No drain is requested that would find nothing to send."""
    world.due(BENEVITY)
    told_to_wait(world)
    world.drain(BENEVITY)

    now = world.clock()
    state = due_state(world.runtime.database.engine, BENEVITY, now)
    decision = decide_tick(state, now=now, drains_waiting=0, drains_running=0)
    (waits,) = world.runtime.remaining.of([BENEVITY], now)

    assert not decision.request
    assert "what is held is tried again at 2026-03-10 12:0" in decision.reason
    assert (waits.why, waits.deliveries) == (Waiting.CLOSED, 1)
    assert waits.last_at is not None
    assert abs(waits.last_at - now - HALF_A_DAY) < timedelta(minutes=1)
    assert isinstance(waits, Remaining)
    later = now + HALF_A_DAY + timedelta(minutes=1)
    state = due_state(world.runtime.database.engine, BENEVITY, later)
    assert decide_tick(state, now=later, drains_waiting=0, drains_running=0).request


def test_nobody_is_believed_for_longer_than_two_days(world: World) -> None:
    """A date in the far future is asked about again after 48 hours."""
    (company,) = world.due(BENEVITY)
    told_to_wait(world, retry_after_seconds=30 * 86_400)
    world.drain(BENEVITY)
    until: Any = world.of_company(company)["next_attempt_at"]
    assert abs(until - world.clock() - timedelta(hours=48)) < timedelta(minutes=1)


def test_a_wait_within_the_plan_is_an_attempt_that_failed(world: World) -> None:
    """Ten minutes are what the plan can wait by itself; without a Retry-After it waits its own five."""
    for retry_after, least in ((600, timedelta(minutes=10)), (None, timedelta(minutes=4))):
        (company,) = world.due(BENEVITY, prefix=f"r{retry_after}".lower())
        told_to_wait(world, retry_after_seconds=retry_after)
        assert world.drain(BENEVITY).retrying == 1
        row = world.of_company(company)
        assert (row["status"], row["attempt_count"]) == ("retrying", 1)
        waits: Any = row["next_attempt_at"] - world.clock()
        assert least <= waits <= timedelta(minutes=24)
    assert world.runtime.closures.in_force(world.clock()) == []
