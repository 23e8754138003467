"""The drain over a log in memory: everything once, nothing forgotten, and what is not sent is given back."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from impact_in_pipelines.delivery.draining import waiting
from impact_in_pipelines.delivery.draining.drain import Drain
from impact_in_pipelines.delivery.draining.options import DrainOptions
from impact_in_pipelines.delivery.limits.budgets import Ask, Grant
from impact_in_pipelines.delivery.model import Refusal, SendResult, Shipment
from impact_in_pipelines.delivery.retry import RetryPlan
from impact_in_pipelines.delivery.states import AttemptOutcome, ErrorKind
from impact_in_pipelines.platforms import Platform

from .helpers import NOW, LocalBudgets, claimed
from .memory_log import Built, MemoryLog

DELIVERED = SendResult(AttemptOutcome.DELIVERED, 1.0, 200)


class Sender:
    """Answers every shipment alike, and remembers the keys."""

    platform = Platform.BENEVITY
    batch_limit = 1

    def __init__(
        self,
        result: SendResult | Exception = DELIVERED,
        before: Callable[[], object] = lambda: None,
    ) -> None:
        self.result, self.before = result, before
        self.keys: list[UUID] = []
        self.at_once = self.most = 0
        self._lock = threading.Lock()

    def send(self, shipment: Shipment, *, again: Callable[[], bool] = lambda: True) -> SendResult:
        """One attempt."""
        del again
        with self._lock:
            self.keys.append(shipment.key)
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        self.before()
        with self._lock:
            self.at_once -= 1
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


class Budgets:
    """The shared budgets, by a clock of this process."""

    def __init__(self) -> None:
        self._local = LocalBudgets()
        self._lock = threading.Lock()

    def exchange(self, asks: Sequence[Ask], *, holder: str) -> Sequence[Grant]:
        """At this moment."""
        with self._lock:
            return self._local.exchange(asks, holder=holder, now=time.monotonic())


def drain(
    log: MemoryLog,
    sender: Sender,
    *,
    source: Built | None = None,
    lease: timedelta = timedelta(seconds=30),
    chunk: int = 4,
    stop: Callable[[], bool] = lambda: False,
    settled: Callable[[], None] = lambda: None,
    check_in: Callable[[], None] = lambda: None,
    waits: Callable[[waiting.DrainWait], None] = lambda _: None,
) -> Drain:
    """A drain in chunks of four by a clock that stands."""
    return Drain(
        log=log,
        connector=sender,
        payloads=source or Built(),
        budgets=Budgets(),
        plan=RetryPlan(),
        options=DrainOptions(lease=lease, chunk=chunk),
        clock=lambda: NOW,
        should_stop=stop,
        on_settled=settled,
        on_waiting=waits,
        check_in=check_in,
    )


def test_everything_due_is_sent_once_and_settled_once() -> None:
    """Over several chunks; the summary counts what happened."""
    rows = [claimed() for _ in range(10)]
    log, sender, calls = MemoryLog(due=list(rows), fires=[10]), Sender(), []
    found = drain(log, sender, settled=lambda: calls.append(1)).run()

    assert sorted(sender.keys, key=str) == sorted((r.idempotency_key for r in rows), key=str)
    assert sorted(s.prepared.claimed.id for s in log.settled) == sorted(r.id for r in rows)
    assert (found.planned, found.claimed, found.delivered) == (10, 10, 10)
    assert (found.refused, found.failed, found.skipped, found.released_twins) == (0, 0, 0, 0)
    assert len(calls) == len(log.transactions)
    assert all(limit <= 4 for limit, _ in log.claims)
    assert log.released == {}


def test_nothing_due_ends_at_once() -> None:
    """After it has looked for fires, for what is due, and for what workers die over."""
    log, sender, calls = MemoryLog(), Sender(), []
    found = drain(log, sender, check_in=lambda: calls.append(1)).run()

    assert (found.planned, found.claimed, sender.keys, calls) == (0, 0, [], [1])
    assert log.claims == [(4, False), (1, True)]


def test_what_was_planned_last_is_not_left_behind() -> None:
    """It ends only when a plan made nothing and a claim found nothing."""
    log, sender = MemoryLog(fires=[0, 1], planned=[claimed()]), Sender()
    found = drain(log, sender).run()
    assert (found.planned, found.delivered) == (1, 1)


def test_what_falls_due_beside_a_request_that_hangs_does_not_wait_for_it() -> None:
    """A drain that is kept by one account's silence plans and sends for the others."""
    other = replace(claimed(), company_id=UUID(int=2))
    log = MemoryLog(due=[claimed()], fires=[0, 1], planned=[other])
    second_is_out, hung = threading.Event(), []
    sender = Sender()

    def answer() -> None:
        if len(sender.keys) > 1:
            second_is_out.set()
        elif not second_is_out.wait(timeout=30.0):
            hung.append("the second one waited for the first")

    sender.before = answer
    found = drain(log, sender).run()
    assert (hung, found.delivered) == ([], 2)


def test_whoever_listens_hears_what_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request without an answer, and the results that the log can't take; not while something ends."""
    monkeypatch.setattr(waiting, "SILENT_S", 0.05)
    heard: list[waiting.DrainWait] = []
    sender, log = Sender(before=lambda: until(lambda: heard)), MemoryLog(due=[claimed()])
    drain(log, sender, waits=heard.append).run()
    assert [(one.queued, one.unanswered, one.log_is_away) for one in heard[:1]] == [(0, 1, False)]

    heard.clear()
    log = MemoryLog(due=[claimed()], settle_fails=2)
    drain(log, Sender(), waits=heard.append).run()
    assert [(one.queued, one.unanswered, one.log_is_away) for one in heard[:1]] == [(0, 0, True)]


def until(true: Callable[[], object]) -> None:
    """Wait for it, half a minute at most."""
    deadline = time.monotonic() + 30.0
    while not true() and time.monotonic() < deadline:
        time.sleep(0.01)


def test_refused_and_skipped_count_as_their_own_and_are_shown() -> None:
    """A refusal fails without an attempt; whoever shows ends hears of both."""
    refusal = Refusal(ErrorKind.DATA_QUALITY, "scores out of range")
    rows, calls = [claimed(), claimed()], []
    log, sender = MemoryLog(due=list(rows)), Sender()
    found = drain(log, sender, source=Built(refusal), settled=lambda: calls.append(1)).run()
    assert (found.refused, found.failed, found.delivered, sender.keys) == (2, 2, 0, [])
    assert len(calls) == 1

    log = MemoryLog(due=list(rows), skips={rows[0].id}, twins={rows[1].id})
    found = drain(log, sender, settled=lambda: calls.append(1)).run()
    assert (found.skipped, found.released_twins, found.failed) == (1, 1, 0)
    assert len(calls) == 2


def test_a_stop_gives_back_what_was_not_sent() -> None:
    """At once, to be claimed again at once; what is on the wire is still recorded."""
    rows = [claimed() for _ in range(8)]
    stopped = threading.Event()
    log = MemoryLog(due=list(rows), due_hourly=1)
    sender = Sender(before=stopped.set)
    found = drain(log, sender, chunk=8, stop=stopped.is_set).run()

    assert 1 <= found.delivered < 8
    sent = {s.prepared.claimed.id for s in log.settled}
    assert set(log.released) == {row.id for row in rows} - sent
    assert set(log.released.values()) == {(NOW, NOW)}


def test_the_log_that_is_away_is_asked_again_with_the_same_results() -> None:
    """Nothing is sent meanwhile, and nothing twice (a database that fails in the middle of a settle)."""
    rows = [claimed() for _ in range(3)]
    log, sender = MemoryLog(due=list(rows), settle_fails=1), Sender()
    found = drain(log, sender).run()

    assert (found.delivered, len(sender.keys), len(log.settled)) == (3, 3, 3)


def test_a_log_that_stays_away_ends_the_drain_with_its_error() -> None:
    """After a lease: what it holds is no longer its own by then."""
    log, sender = MemoryLog(due=[claimed()], settle_fails=1_000), Sender()
    with pytest.raises(ConnectionError):
        drain(log, sender, lease=timedelta(seconds=0.4)).run()
    assert log.settled == []


def test_an_error_of_the_connector_ends_the_drain_and_loses_no_result() -> None:
    """It should never raise; what arrived before is recorded all the same."""
    log, sender = MemoryLog(due=[claimed()]), Sender(RuntimeError("a bug"))
    with pytest.raises(RuntimeError, match="a bug"):
        drain(log, sender).run()
    assert (log.settled, len(sender.keys)) == ([], 1)


def test_leases_are_renewed_for_what_is_in_hand() -> None:
    """Well before they end, once a third of them has passed; the worker checks in with each renewal."""
    rows, calls = [claimed()], []
    log = MemoryLog(due=list(rows))
    sender = Sender(before=lambda: until(lambda: log.renewed))
    drain(log, sender, lease=timedelta(seconds=1.5), check_in=lambda: calls.append(1)).run()

    assert log.renewed[:1] == [frozenset({rows[0].id})]
    assert len(calls) == 1 + len(log.renewed)
    assert len(log.settled) == 1


def test_what_is_no_longer_ours_is_not_sent() -> None:
    """A lease that another worker has taken meanwhile: its delivery is dropped from the queue."""
    rows = [claimed() for _ in range(30)]
    log = MemoryLog(due=list(rows), lost={row.id for row in rows[20:]})
    # Whoever renews for the second time has let go of what the first time did not renew.
    sender = Sender(before=lambda: until(lambda: len(log.renewed) > 1))
    drain(log, sender, lease=timedelta(seconds=1.5), chunk=30).run()

    late = {row.idempotency_key for row in rows[20:]}
    assert len(sender.keys) >= 10
    assert not late & set(sender.keys)
    assert log.renewed


@pytest.mark.parametrize(("due", "most"), [(100, 10), (101, 25)])
def test_as_many_at_once_as_the_queue_is_deep(due: int, most: int) -> None:
    """The capacity table decides, up to the connection's own limit."""
    log = MemoryLog(due=[claimed() for _ in range(40)], due_hourly=due)
    sender = Sender(before=lambda: time.sleep(0.02))
    drain(log, sender, chunk=40).run()
    assert sender.most <= most


def test_what_its_rate_limit_holds_back_goes_back_until_it_opens() -> None:
    """One a minute: the second delivery waits in the log for most of a minute, not in the drain."""
    rows = [claimed(), claimed()]
    log, sender = MemoryLog(due=list(rows), per_minute=1), Sender()
    drain(log, sender).run()

    assert len(sender.keys) == 1
    [(now, again)] = log.released.values()
    assert now == NOW
    assert timedelta(seconds=55) <= again - NOW <= timedelta(seconds=60)


def test_each_attempt_is_a_line_at_the_level_that_it_deserves(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What went well is only said to whoever wants to know; what has failed for good, to everybody."""
    refused = SendResult(AttemptOutcome.PERMANENT, 1.0, 400, error_kind=ErrorKind.REJECTED)
    with caplog.at_level(logging.ERROR, logger="impact_in_pipelines.deliveries"):
        drain(MemoryLog(due=[claimed()]), Sender()).run()
        assert caplog.records == []
        drain(MemoryLog(due=[claimed()]), Sender(refused)).run()
    assert [(one.levelname, one.message) for one in caplog.records] == [
        ("ERROR", "failed for good")
    ]
