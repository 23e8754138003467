"""What a drain has in hand at most, when it brakes, and who closes a connection."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from impact_in_pipelines.delivery.draining import drain as draining
from impact_in_pipelines.delivery.draining.options import DrainOptions
from impact_in_pipelines.delivery.draining.workerpool import BRAKE_AFTER
from impact_in_pipelines.delivery.model import SendResult, Shipment
from impact_in_pipelines.delivery.states import (
    AttemptOutcome,
    ErrorKind,
)

from .helpers import claimed, connection, request
from .memory_log import MemoryLog
from .test_drain import Sender, drain
from .test_workerpool import Platform as Answering
from .test_workerpool import collected, pool_for, some

DEADLINE_S = 30.0


def until(condition: Callable[[], bool]) -> None:
    """Wait for it, and fail after half a minute."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@contextmanager
def unanswered(log: MemoryLog) -> Iterator[None]:
    """A drain in chunks of four that runs on `log`; nothing that it sends is answered before the end."""
    answer = threading.Event()
    of_the_drain = drain(log, Sender(before=lambda: answer.wait(DEADLINE_S)), chunk=4)
    thread = threading.Thread(target=of_the_drain.run)
    thread.start()
    try:
        yield
    finally:
        answer.set()
        thread.join(DEADLINE_S)


def test_a_drain_has_two_chunks_in_hand_and_no_more() -> None:
    """The next one is prepared while the first is sent; what is in memory doesn't grow with the queue."""
    log = MemoryLog(due=[claimed() for _ in range(20)])
    with unanswered(log):
        until(lambda: len(log.frozen) >= 8)
        time.sleep(0.3)  # several more rounds of the coordinator
        assert len(log.frozen) == 8
    assert len(log.settled) == 20


def test_an_empty_queue_is_not_asked_again_at_each_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A claim that found less than a chunk has emptied it: while answers come in, the next waits its time."""
    monkeypatch.setattr(draining, "_CLAIM_EVERY_S", 1_000.0)
    log = MemoryLog(due=[claimed() for _ in range(3)])
    with unanswered(log):
        until(lambda: len(log.frozen) == 3)
        time.sleep(0.3)  # several more rounds of the coordinator
        assert log.claims == [(4, False)]
    assert len(log.settled) == 3


def test_a_drain_skips_what_arrived_within_a_day() -> None:
    """D4's window, unless told otherwise; a lease is longer than the slowest request may take."""
    log = MemoryLog(due=[claimed()])
    drain(log, Sender()).run()
    assert log.windows == {timedelta(hours=24)}
    assert DrainOptions().lease > timedelta(minutes=2)
    assert not DrainOptions().linger


# Sending --------------------------------------------------------------------------------------------------


class Scripted(Answering):
    """Answers each shipment as it is told to, in turn."""

    def __init__(self, answers: list[SendResult]) -> None:
        super().__init__()
        self.answers = answers

    def send(self, shipment: Shipment, *, again: Callable[[], bool]) -> SendResult:
        self.answer = self.answers[len(self.received)]
        return super().send(shipment, again=again)


def test_the_brake_is_on_after_failures_in_a_row_and_each_success_starts_anew() -> None:
    """A platform that refuses within a millisecond would otherwise get everything before anybody judges."""
    failed = SendResult(AttemptOutcome.RETRYABLE, 1.0, 503, error_kind=ErrorKind.SERVER_ERROR)
    fine = SendResult(AttemptOutcome.DELIVERED, 1.0, 200)
    answers = [failed] * (BRAKE_AFTER - 1) + [fine] + [failed] * 30
    platform = Scripted(answers)
    pool = pool_for(platform, some(25))
    with pool.running():
        pool.start(1)
        collected(pool, 2 * BRAKE_AFTER)
        brakes = [pool.braked]
        assert len(platform.received) == 2 * BRAKE_AFTER
        assert pool.start(1) == 0
        pool.release_brake()
        brakes.append(pool.braked)
        pool.start(1)
        collected(pool, BRAKE_AFTER)
        assert len(platform.received) == 3 * BRAKE_AFTER
        assert brakes == [True, False]


def test_a_success_after_failures_leaves_the_full_number_again() -> None:
    """From nought, neither fewer nor more."""
    failed = SendResult(AttemptOutcome.RETRYABLE, 1.0, 503, error_kind=ErrorKind.SERVER_ERROR)
    fine = SendResult(AttemptOutcome.DELIVERED, 1.0, 200)
    platform = Scripted([fine] + [failed] * 20)
    pool = pool_for(platform, some(12))
    with pool.running():
        pool.start(1)
        collected(pool, 1 + BRAKE_AFTER)
    assert len(platform.received) == 1 + BRAKE_AFTER


@pytest.mark.parametrize(
    ("status", "asked_ms", "closes_s"),
    [
        (429, 60_000.0, 60.0),
        (503, 60_000.0, 60.0),
        (429, None, 0.0),
        (428, 60_000.0, 0.0),
        (502, 60_000.0, 0.0),
        (504, 60_000.0, 0.0),
        (500, 60_000.0, 0.0),
    ],
)
def test_only_who_turns_away_for_a_while_closes_its_connection(
    status: int, asked_ms: float | None, closes_s: float
) -> None:
    """429 and 503 with a Retry-After, from the answer on; whatever else an answer says."""
    answer = SendResult(
        AttemptOutcome.RETRYABLE,
        1.0,
        status,
        error_kind=ErrorKind.SERVER_ERROR,
        retry_after_ms=asked_ms,
    )
    via = connection("acme", per_minute=1_000)
    pool = pool_for(Answering(answer), [request(via) for _ in range(3)])
    with pool.running():
        pool.start(1)
        collected(pool, 1)
        pool.close()
    with pool.locked() as queue:
        queue.take(time.monotonic())
        opening = queue.next_opening(time.monotonic())
    if closes_s:
        assert opening is not None
        assert closes_s - 30.0 < opening <= closes_s
    else:
        assert opening is None
