"""What a drain says it waits for, when nothing has ended for a while."""

import pytest

from impact_in_pipelines.delivery.draining import waiting
from impact_in_pipelines.delivery.draining.waiting import SILENT_S, DrainWait, Silence
from impact_in_pipelines.delivery.draining.workerpool import WorkerPool
from impact_in_pipelines.delivery.limits.budgets import Grant

from .helpers import NOW, connection, request
from .test_granting import Clock, send


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(waiting, "time", clock)
    return clock


def listening(requests: int) -> tuple[Silence, WorkerPool, list[DrainWait]]:
    """Who tells what a pool with so many requests of one connection waits for, and what it told."""
    told: list[DrainWait] = []
    pool = WorkerPool(send, lambda: NOW)
    with pool.locked() as queue:
        for _ in range(requests):
            queue.add(request(connection("org", per_minute=100)))
    return Silence(pool, told.append), pool, told


def test_a_drain_that_waits_says_so_after_five_seconds_and_then_every_fifteen(clock: Clock) -> None:
    """A page of equal lines helps nobody; the first says what holds it back and for how long."""
    silence, pool, told = listening(2)
    with pool.locked() as queue:
        asks = queue.asks(clock.now)
        queue.answer(asks, [Grant(0, opens_in_s=40.0)], clock.now, clock.now)
        assert queue.take(clock.now) is None
    at = []
    for _ in range(40):
        before = len(told)
        silence.tell_now_and_then(log_is_away=False)
        at += [clock.now - 1_000.0] * (len(told) - before)
        clock.now += 1.0
    assert at == [5.0, 20.0, 35.0]
    assert told[0] == DrainWait(queued=2, opens_in_s=35.0, unanswered=0)


def test_whatever_ends_begins_the_silence_anew(clock: Clock) -> None:
    """From its end on."""
    silence, _, told = listening(1)
    clock.now += SILENT_S - 0.001
    silence.tell_now_and_then(log_is_away=False)
    silence.broken()
    clock.now += SILENT_S - 0.001
    silence.tell_now_and_then(log_is_away=False)
    assert told == []
    clock.now += 0.001
    silence.tell_now_and_then(log_is_away=False)
    assert len(told) == 1


@pytest.mark.parametrize(("log_is_away", "says"), [(True, True), (False, False)])
def test_nothing_is_said_where_nothing_waits(clock: Clock, log_is_away: bool, says: bool) -> None:
    """A log that takes no results is something to wait for."""
    silence, _, told = listening(0)
    clock.now += SILENT_S
    silence.tell_now_and_then(log_is_away=log_is_away)
    assert [one.log_is_away for one in told] == ([True] if says else [])


def test_what_is_out_for_long_counts_as_unanswered(clock: Clock) -> None:
    """It is in flight, and nothing of it waits in the queue."""
    silence, pool, told = listening(1)
    with pool.locked() as queue:
        asks = queue.asks(clock.now)
        queue.answer(asks, [Grant(1)], clock.now, clock.now)
        assert queue.take(clock.now) is not None
    clock.now += SILENT_S
    silence.tell_now_and_then(log_is_away=False)
    assert told == [DrainWait(queued=0, opens_in_s=None, unanswered=1)]
