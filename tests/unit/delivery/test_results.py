"""Results are kept until the log has them; what an end means for the next attempt (D5, D12)."""

import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from impact_in_pipelines.delivery.draining.lanes import Request
from impact_in_pipelines.delivery.draining.results import Results
from impact_in_pipelines.delivery.draining.summary import DrainSummary
from impact_in_pipelines.delivery.model import SendResult
from impact_in_pipelines.delivery.ports import Settled, Settlement
from impact_in_pipelines.delivery.retry import RetryPlan
from impact_in_pipelines.delivery.states import AttemptOutcome, ErrorKind

from .helpers import NOW, claimed, connection, prepared, request
from .memory_log import MemoryLog

PLAN = RetryPlan(jitter=0.0)
DELIVERED = SendResult(AttemptOutcome.DELIVERED, 12.0, 200)
PERMANENT = SendResult(AttemptOutcome.PERMANENT, 12.0, 422, error_kind=ErrorKind.REJECTED)


def retryable(status: int | None = 500, after_ms: float | None = None) -> SendResult:
    """An end that may pass."""
    return SendResult(
        AttemptOutcome.RETRYABLE, 12.0, status, error="it said no", retry_after_ms=after_ms
    )


def results(log: MemoryLog, plan: RetryPlan = PLAN) -> Results:
    """Results of a worker, by a clock that stands."""
    return Results(log, plan, lambda: NOW, random.Random(1), "w")


def single(failed: int = 0) -> Request:
    """A request with one delivery that has failed so often."""
    return request_of(failed)


def request_of(*failed: int) -> Request:
    """A request whose deliveries have failed so often each."""
    members = tuple(prepared(replace(claimed(), failed_attempts=n)) for n in failed)
    return replace(request(connection()), members=members)


def test_what_the_log_could_not_take_is_kept_and_given_again() -> None:
    """Twenty arrived deliveries were once forgotten for one failed statement, and went out again."""
    log, summary = MemoryLog(settle_fails=1), DrainSummary()
    kept = results(log)
    one, two = single(), single()
    kept.add(one, DELIVERED, NOW)
    kept.add(two, DELIVERED, NOW)

    with pytest.raises(ConnectionError):
        kept.settle(summary)
    assert (len(kept), summary.delivered) == (2, 0)
    assert list(kept.delivery_ids()) == [*one.ids, *two.ids]

    kept.settle(summary)
    assert (len(kept), summary.delivered, log.transactions) == (0, 2, [2])


def test_one_that_the_log_refuses_stops_no_other() -> None:
    """Singly, in the end: the others are recorded, it is kept, and its error is raised."""
    log, summary = MemoryLog(), DrainSummary()
    kept = results(log)
    bad, good = single(), single()
    kept.add(bad, DELIVERED, NOW)
    kept.add(good, DELIVERED, NOW)
    log.refuses_to_settle = set(bad.ids)

    with pytest.raises(ValueError, match="no such row"):
        kept.settle_singly(summary)
    assert [one.prepared.claimed.id for one in log.settled] == list(good.ids)
    assert (list(kept.delivery_ids()), summary.delivered) == (list(bad.ids), 1)


class _Raising(logging.Handler):
    """A handler whose disk is full."""

    def emit(self, record: logging.LogRecord) -> None:
        raise OSError(record.getMessage())


@pytest.mark.parametrize("name", [Results.settle, Results.settle_singly])
def test_a_log_handler_that_fails_loses_no_result(name: Callable[..., None]) -> None:
    """Those behind the first were once forgotten for a line of the process's log, and went out again."""
    log, summary = MemoryLog(), DrainSummary()
    kept = results(log)
    requests = [single(), single(), single()]
    for one in requests:
        kept.add(one, PERMANENT, NOW)
    handler, logger = _Raising(), logging.getLogger("impact_in_pipelines")
    logger.addHandler(handler)
    try:
        name(kept, summary)
    finally:
        logger.removeHandler(handler)

    ids = [id_ for one in requests for id_ in one.ids]
    assert [one.prepared.claimed.id for one in log.settled] == ids
    assert (len(kept), summary.failed) == (0, 3)


class _Interrupted(MemoryLog):
    """Ctrl-C while it takes the second one."""

    def settle(self, settlements: Sequence[Settlement], **said: Any) -> Settled:
        if self.transactions:
            raise KeyboardInterrupt
        return super().settle(settlements, **said)


def test_an_interruption_loses_no_result() -> None:
    """What had not its turn is kept."""
    kept = results(_Interrupted())
    requests = [single(), single(), single()]
    for one in requests:
        kept.add(one, DELIVERED, NOW)

    with pytest.raises(KeyboardInterrupt):
        kept.settle_singly(DrainSummary())
    assert list(kept.delivery_ids()) == [*requests[1].ids, *requests[2].ids]


@pytest.mark.parametrize(("failed", "minutes"), [(0, 5), (1, 10), (2, 20), (3, None)])
def test_the_plan_counts_the_failure_that_has_just_been(failed: int, minutes: int | None) -> None:
    """5, 10 and 20 minutes after the first, second and third; the fourth is final."""
    log, summary = MemoryLog(), DrainSummary()
    kept = results(log)
    kept.add(single(failed), retryable(), NOW)
    kept.settle(summary)

    [found] = log.settled
    assert found.next_attempt_at == (NOW + timedelta(minutes=minutes) if minutes else None)
    assert found.finished_at == NOW
    assert (summary.retrying, summary.failed) == ((1, 0) if minutes else (0, 1))


def test_a_batch_waits_as_its_most_failed_member() -> None:
    """And all of it until one instant, whatever the dice say."""
    log = MemoryLog()
    kept = results(log, RetryPlan())
    kept.add(request_of(0, 2, 1), retryable(), NOW)
    kept.settle(DrainSummary())

    [at] = {one.next_attempt_at for one in log.settled}
    assert at is not None
    assert timedelta(minutes=16) <= at - NOW <= timedelta(minutes=24)


def test_a_permanent_end_is_not_tried_again() -> None:
    """It counts as failed."""
    log, summary = MemoryLog(), DrainSummary()
    kept = results(log)
    kept.add(single(), PERMANENT, NOW)
    kept.settle(summary)

    assert (log.settled[0].next_attempt_at, summary.failed, summary.retrying) == (None, 1, 0)


@pytest.mark.parametrize("status", [429, 503])
def test_told_to_come_back_beyond_the_plan_is_no_failure(status: int) -> None:
    """The connection is closed until then, and the delivery waits with no attempt used up."""
    log, summary = MemoryLog(), DrainSummary()
    kept = results(log)
    kept.add(single(3), retryable(status, 5 * 3_600_000.0), NOW)
    kept.settle(summary)

    [found] = log.settled
    until = NOW + timedelta(hours=5)
    assert found.result.outcome is AttemptOutcome.HELD
    assert (found.next_attempt_at, found.closed_until) == (until, until)
    assert found.result.error == "it said no; the platform asked to wait until 2026-03-10 05:00 UTC"
    assert (summary.held, summary.failed, summary.retrying) == (1, 0, 0)
    assert summary.attempts[AttemptOutcome.HELD] == 1


@pytest.mark.parametrize(
    ("status", "after_ms"), [(500, 5 * 3_600_000.0), (429, 20 * 60_000.0), (429, None)]
)
def test_only_what_was_told_so_closes_a_connection(status: int, after_ms: float | None) -> None:
    """Another status, or a wait that the plan bears, is a failure like any other."""
    log, summary = MemoryLog(), DrainSummary()
    kept = results(log)
    kept.add(single(), retryable(status, after_ms), NOW)
    kept.settle(summary)

    assert (summary.held, summary.retrying, log.settled[0].closed_until) == (0, 1, None)


def test_deliveries_are_counted_not_requests() -> None:
    """A batch of three that arrived is three."""
    log, summary = MemoryLog(), DrainSummary()
    kept = results(log)
    kept.add(request_of(0, 0, 0), DELIVERED, NOW)
    assert len(kept) == 1
    kept.settle(summary)

    assert (summary.delivered, summary.held, summary.failed, summary.retrying) == (3, 0, 0, 0)
    assert uuid4() not in list(kept.delivery_ids())
