"""What a minute's tick decides (D2, D3)."""

from datetime import timedelta

import pytest

from impact_in_pipelines.delivery.ticking import DueState, decide_tick

from .helpers import NOW

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.mark.parametrize(
    ("state", "waiting", "running", "request_drain", "reason"),
    [
        (DueState(), 0, 0, False, "nothing is due, and no schedule is active"),
        (DueState(next_fire=NOW + 20 * SECOND), 0, 0, False, "in less than a minute"),
        (DueState(next_fire=NOW + 5 * MINUTE), 0, 0, False, "2026-03-10 00:05 UTC (in 5 min)"),
        (DueState(next_attempt=NOW + 150 * MINUTE), 0, 0, False, "(in 2 h 30 min)"),
        (DueState(next_fire=NOW), 0, 0, True, "due since 2026-03-10 00:00:30 UTC"),
        (DueState(next_attempt=NOW - SECOND), 0, 0, True, "due since"),
        (DueState(NOW + MINUTE, NOW - SECOND), 0, 0, True, "due since"),
        (DueState(next_fire=NOW - 9 * MINUTE), 1, 0, False, "a drain is waiting"),
        (DueState(next_fire=NOW - 9 * MINUTE), 1, 1, False, "a drain is waiting"),
        (DueState(next_fire=NOW - 89 * SECOND), 0, 1, False, "the drain that is running"),
        (DueState(next_fire=NOW - 90 * SECOND), 0, 1, True, "due since"),
        (DueState(unrecorded_since=NOW - 89 * SECOND), 0, 0, False, "nothing is due"),
        (DueState(unrecorded_since=NOW - 90 * SECOND), 0, 0, True, "not shown in Dagster yet"),
        (DueState(unrecorded_since=NOW - 9 * MINUTE), 1, 0, False, "a drain is waiting"),
        # A drain shows its failures at its end.
        (DueState(unrecorded_since=NOW - 9 * MINUTE), 0, 1, False, "nothing is due"),
        (DueState(NOW - SECOND, unrecorded_since=NOW - 9 * MINUTE), 0, 1, False, "is running"),
        (
            DueState(next_fire=NOW + MINUTE, unrecorded_since=NOW - 9 * MINUTE),
            0, 0, True, "not shown in Dagster yet",
        ),
    ],
)  # fmt: skip
def test_a_tick_asks_for_a_drain_when_something_waits_and_nobody_takes_it(
    state: DueState, waiting: int, running: int, request_drain: bool, reason: str
) -> None:
    """Never two waiting; a second one beside a running one only after 90 s; the reason says why."""
    decision = decide_tick(state, now=NOW, drains_waiting=waiting, drains_running=running)
    assert decision.request is request_drain
    assert reason in decision.reason


@pytest.mark.parametrize(
    ("due", "waiting", "running", "most", "drains"),
    [
        (1, 0, 0, 4, 1),
        (2_000, 0, 0, 4, 1),
        (2_001, 0, 0, 4, 2),
        (30_000, 0, 0, 4, 4),
        (30_000, 1, 2, 4, 1),
        (30_000, 0, 4, 4, 0),
        (30_000, 0, 0, 1, 1),
        (1, 0, 3, 4, 0),
    ],
)
def test_a_tick_asks_for_as_many_drains_as_the_queue_needs(
    due: int, waiting: int, running: int, most: int, drains: int
) -> None:
    """Up to DRAINS_PER_PLATFORM, those that wait or run already counted."""
    state = DueState(next_fire=NOW - SECOND, due=due)
    decision = decide_tick(
        state, now=NOW, drains_waiting=waiting, drains_running=running, most=most
    )
    assert decision.drains == drains
