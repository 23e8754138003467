"""A tick's reasons and numbers at their edges (D2, D3)."""

from datetime import timedelta

import pytest

from impact_in_pipelines.delivery.ticking import (
    A_DRAINS_WORTH,
    WAITING_TOO_LONG,
    DueState,
    decide_tick,
)

from .helpers import NOW

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.mark.parametrize(
    ("ahead", "wait"),
    [
        (SECOND, "in less than a minute"),
        (29 * SECOND, "in less than a minute"),
        (31 * SECOND, "in 1 min"),
        (119 * MINUTE, "in 119 min"),
        (120 * MINUTE, "in 2 h 00 min"),
        (181 * MINUTE, "in 3 h 01 min"),
        (719 * MINUTE, "in 11 h 59 min"),
    ],
)
def test_a_wait_is_said_in_minutes_up_to_two_hours(ahead: timedelta, wait: str) -> None:
    """Rounded to the minute."""
    decision = decide_tick(
        DueState(next_fire=NOW + ahead), now=NOW, drains_waiting=0, drains_running=0
    )
    assert f"({wait})" in decision.reason
    assert (decision.drains, decision.request) == (0, False)


def test_the_earliest_of_all_is_what_is_due() -> None:
    """A fire, a retry, or what is held and tried again; that one is named besides."""
    state = DueState(NOW + 3 * MINUTE, NOW + 2 * MINUTE, reopens_at=NOW + MINUTE)
    assert state.next_due == NOW + MINUTE
    assert DueState().next_due is None
    reason = decide_tick(state, now=NOW, drains_waiting=0, drains_running=0).reason
    assert reason.endswith("; what is held is tried again at 2026-03-10 00:01 UTC")


@pytest.mark.parametrize(
    ("running", "reason"),
    [
        (1, "the drain that is running will take what is due"),
        (2, "the drains that are running will take what is due"),
        (3, "the drains that are running will take what is due"),
    ],
)
def test_what_runs_is_said_in_its_number(running: int, reason: str) -> None:
    """One or several."""
    state = DueState(next_fire=NOW - SECOND)
    decision = decide_tick(state, now=NOW, drains_waiting=0, drains_running=running, most=4)
    assert (decision.drains, decision.reason) == (0, reason)


@pytest.mark.parametrize(
    ("due", "drains", "said"),
    [
        (0, 1, "due since 2026-03-10 00:00:29 UTC"),
        (A_DRAINS_WORTH, 1, "due since 2026-03-10 00:00:29 UTC"),
        (A_DRAINS_WORTH + 1, 2, "due since 2026-03-10 00:00:29 UTC; 2001 in all"),
        (2 * A_DRAINS_WORTH, 2, "due since 2026-03-10 00:00:29 UTC; 4000 in all"),
        (9 * A_DRAINS_WORTH, 2, "due since 2026-03-10 00:00:29 UTC; 18000 in all"),
    ],
)
def test_each_drain_has_a_start_ups_worth_to_send_and_two_are_most(
    due: int, drains: int, said: str
) -> None:
    """By default; how many are due is told where it makes a second one."""
    state = DueState(next_fire=NOW - SECOND, due=due)
    decision = decide_tick(state, now=NOW, drains_waiting=0, drains_running=0)
    assert (decision.drains, decision.reason) == (drains, said)


@pytest.mark.parametrize(
    ("late", "running", "most", "drains"),
    [
        (WAITING_TOO_LONG - SECOND, 1, 4, 0),
        (WAITING_TOO_LONG, 1, 4, 1),
        (WAITING_TOO_LONG, 3, 4, 1),
        (WAITING_TOO_LONG, 4, 4, 0),
        (WAITING_TOO_LONG, 0, 4, 1),
        (WAITING_TOO_LONG, 1, 1, 0),
    ],
)
def test_what_waits_for_long_beside_running_drains_gets_one_more(
    late: timedelta, running: int, most: int, drains: int
) -> None:
    """Up to the most; after a minute and a half."""
    assert timedelta(seconds=90) == WAITING_TOO_LONG
    state = DueState(next_fire=NOW - late, due=1)
    decision = decide_tick(state, now=NOW, drains_waiting=0, drains_running=running, most=most)
    assert decision.drains == drains
