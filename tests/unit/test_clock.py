"""Whose clock counts (D15)."""

from datetime import UTC, datetime, timedelta

import pytest

from impact_in_pipelines.clock import DatabaseClock

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.mark.parametrize("wrong_by", [timedelta(days=365), timedelta(days=-365), timedelta()])
def test_a_machine_whose_clock_is_wrong_takes_the_databases(wrong_by: timedelta) -> None:
    """After it has asked, its own clock decides nothing but how time goes on."""
    machine = NOON + wrong_by
    clock = DatabaseClock(lambda: NOON, machine=lambda: machine, stopwatch=lambda: 0.0)
    assert clock() == NOON
    assert clock.correct() == -wrong_by
    machine += timedelta(minutes=1)
    assert clock() == NOON + timedelta(minutes=1)


def test_a_clock_that_is_off_by_more_than_seconds_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Everything works all the same: one line is enough, until it changes."""
    off = timedelta(hours=2)
    clock = DatabaseClock(lambda: NOON, machine=lambda: NOON + off, stopwatch=lambda: 0.0)
    for _ in range(3):
        clock.correct()
    assert [record.getMessage() for record in caplog.records] == [
        "this machine's clock is 7200 s ahead of the database's; the database's counts"
    ]
    off = timedelta(seconds=1)
    clock.correct()
    off = timedelta(seconds=-30)
    clock.correct()
    assert len(caplog.records) == 2
    assert "30 s behind" in caplog.records[-1].getMessage()


def test_the_answer_was_true_half_way_through_the_round_trip() -> None:
    """A database that answers after two seconds spoke of one second ago."""
    ticks = iter([10.0, 12.0])
    clock = DatabaseClock(
        lambda: NOON + timedelta(seconds=1),
        machine=lambda: NOON + timedelta(seconds=2),
        stopwatch=lambda: next(ticks),
    )
    clock.correct()
    assert clock() == NOON + timedelta(seconds=2)
