"""Asking the shared budgets: how often, for how long without an answer, and what goes back at the end."""

from collections.abc import Callable, Sequence

import pytest

from impact_in_pipelines.delivery.draining import granting
from impact_in_pipelines.delivery.draining.granting import Granting
from impact_in_pipelines.delivery.draining.lanes import (
    GRANT_VALID_S,
    REPORT_AFTER_S,
    account_of,
    limit_of,
)
from impact_in_pipelines.delivery.draining.workerpool import WorkerPool
from impact_in_pipelines.delivery.limits.budgets import Ask, Grant
from impact_in_pipelines.delivery.model import SendResult, Shipment
from impact_in_pipelines.delivery.states import AttemptOutcome

from .helpers import NOW, connection, request

PATIENCE_S = 30.0
VIA = connection("org", per_minute=100, concurrency=4)


class Clock:
    """A monotonic clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


class Budgets:
    """Keeps what it was asked, and answers as it is told."""

    def __init__(self, answer: Callable[[Ask], Grant] = lambda ask: Grant(ask.wanted)) -> None:
        self.answer = answer
        self.away = False
        self.asked: list[list[Ask]] = []
        self.holders: set[str] = set()

    def exchange(self, asks: Sequence[Ask], *, holder: str) -> Sequence[Grant]:
        self.asked.append(list(asks))
        self.holders.add(holder)
        if self.away:
            raise ConnectionError("the database is away")
        return [self.answer(ask) for ask in asks]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(granting, "time", clock)
    return clock


def send(shipment: Shipment, *, again: Callable[[], bool]) -> SendResult:
    """It arrives."""
    del shipment, again
    return SendResult(AttemptOutcome.DELIVERED, 1.0, 200)


def asking(budgets: Budgets, requests: int = 3) -> tuple[Granting, WorkerPool]:
    """Somebody who asks for a pool with so many requests queued."""
    pool = WorkerPool(send, lambda: NOW)
    asker = Granting(budgets, pool, "drain-1", PATIENCE_S)
    with pool.locked() as queue:
        for _ in range(requests):
            queue.add(request(VIA))
    return asker, pool


def test_what_waits_is_asked_for_under_the_drains_name_and_may_leave(clock: Clock) -> None:
    """The budgets know by it whose grants are whose."""
    budgets = Budgets()
    asker, pool = asking(budgets)
    asker.ask()
    assert [[ask.wanted for ask in asks] for asks in budgets.asked] == [[3]]
    assert budgets.holders == {"drain-1"}
    with pool.locked() as queue:
        assert queue.take(clock.now) is not None


def test_nothing_to_ask_makes_no_exchange(clock: Clock) -> None:
    """A statement for nothing would be one for each round of the coordinator."""
    budgets = Budgets()
    asker, _ = asking(budgets, requests=0)
    asker.ask()
    asker.close()
    assert budgets.asked == []


def test_it_asks_now_and_then_at_most_ten_times_a_second(clock: Clock) -> None:
    """Whoever asked last, and the first time at once."""
    budgets = Budgets(lambda _: Grant(0))
    asker, pool = asking(budgets)
    asker.ask_now_and_then()
    exchanges: list[int] = []
    for moves_s in (0.0, 0.0625, 0.0625, 0.0625, 0.0625):
        clock.now += moves_s
        with pool.locked() as queue:  # something new that wants a grant
            queue.add(request(connection(f"org-{len(exchanges)}", per_minute=100)))
        asker.ask_now_and_then()
        exchanges.append(len(budgets.asked))
    assert exchanges == [1, 1, 2, 2, 3]


def test_budgets_that_are_away_grant_nothing_and_are_asked_again(clock: Clock) -> None:
    """Two seconds later; what they then grant counts from when they were asked."""
    budgets = Budgets()
    asker, pool = asking(budgets)
    budgets.away = True
    asker.ask()
    with pool.locked() as queue:
        assert queue.take(clock.now) is None
    budgets.away = False
    clock.now += REPORT_AFTER_S
    with pool.locked() as queue:
        assert queue.take(clock.now) is None
    asker.ask()
    with pool.locked() as queue:
        assert queue.take(clock.now + GRANT_VALID_S - 0.001) is not None
        assert queue.take(clock.now + GRANT_VALID_S) is None


def failing(budgets: Budgets, asker: Granting, pool: WorkerPool) -> None:
    """One exchange that fails, for something new that wants a grant."""
    budgets.away = True
    with pool.locked() as queue:
        queue.add(request(connection(f"org-{len(budgets.asked)}", per_minute=100)))
    asker.ask()


def test_their_error_is_raised_once_it_has_lasted_for_the_patience(clock: Clock) -> None:
    """Not sooner: a database that restarts must not end a drain; from the very moment on, since by then its
    leases may have ended."""
    budgets = Budgets()
    asker, pool = asking(budgets)
    failing(budgets, asker, pool)
    clock.now += PATIENCE_S - 0.001
    failing(budgets, asker, pool)
    clock.now += 0.001
    with pytest.raises(ConnectionError):
        failing(budgets, asker, pool)


def test_an_answer_ends_the_trouble(clock: Clock) -> None:
    """Two short ones far apart are no long one."""
    budgets = Budgets()
    asker, pool = asking(budgets)
    failing(budgets, asker, pool)
    clock.now += PATIENCE_S - 1.0
    budgets.away = False
    with pool.locked() as queue:
        queue.add(request(connection("another", per_minute=100)))
    asker.ask()
    clock.now += 2.0
    failing(budgets, asker, pool)


@pytest.mark.parametrize(
    ("answer", "away", "granted"), [(1, False, True), (0, False, False), (1, True, False)]
)
def test_a_repetition_is_asked_for_by_itself_and_counts_once_more(
    clock: Clock, answer: int, away: bool, granted: bool
) -> None:
    """As urgent as what is scheduled: it is in the middle of an attempt. Without an answer it is not made."""
    budgets = Budgets()
    asker, pool = asking(budgets, requests=2)
    asker.ask()
    with pool.locked() as queue:
        (taken, other) = (queue.take(clock.now), queue.take(clock.now))
    assert taken is not None
    assert other is None  # its connection has not answered yet
    budgets.answer, budgets.away = (lambda _: Grant(answer)), away
    assert pool.one_more(taken) is granted
    assert budgets.asked[-1] == [Ask(account_of(VIA), limit_of(VIA), wanted=1, urgent=1)]
    budgets.answer, budgets.away = (lambda _: Grant(0)), False
    with pool.locked() as queue:
        queue.done(taken, now=clock.now)
        queue.release_all()
    asker.close()
    (last,) = budgets.asked[-1]
    assert sum(ended.requests for ended in last.ended) == (2 if granted else 1)


def test_at_the_end_unused_grants_go_back_with_what_has_ended(clock: Clock) -> None:
    """Other drains need not wait until they must have ended."""
    budgets = Budgets()
    asker, pool = asking(budgets)
    asker.ask()
    with pool.locked() as queue:
        taken = queue.take(clock.now)
        assert taken is not None
        clock.now += 1.0
        queue.done(taken, now=clock.now)
        queue.release_all()
    clock.now += 0.5
    asker.close()
    (last,) = budgets.asked[-1]
    assert (last.wanted, last.returned) == (0, 2)
    assert [(ended.requests, ended.age_s) for ended in last.ended] == [(1, 0.5)]
