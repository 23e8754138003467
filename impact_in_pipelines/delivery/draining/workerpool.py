"""The threads that send: each takes the next request as soon as it is free, whatever the coordinator does.

A coordinator that freezes or records a chunk for a second would otherwise leave them idle (measured: half of
the time of a drain of thousands).
"""

import contextvars
import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from impact_in_pipelines.delivery.draining.lanes import Request
from impact_in_pipelines.delivery.draining.sendqueue import SendQueue
from impact_in_pipelines.delivery.holding.breaking import may_pass
from impact_in_pipelines.delivery.model import SendResult
from impact_in_pipelines.delivery.ports import Send
from impact_in_pipelines.logs.context import about

MOST_WORKERS = 200
_MOST_HANGING = 20
"""Hanging requests take no worker from the others: up to so many, or as many as there are workers."""

BRAKE_AFTER = 5
"""After so many failures in a row that may be the platform's, nothing more is sent before they are recorded:
a platform that refuses within a millisecond would otherwise get everything before anybody has judged it."""

_GATHER_S = 0.01


@dataclass(frozen=True, slots=True)
class EndedRequest:
    """An attempt that has ended at `at`: how, or what the connector raised, which it never should."""

    request: Request
    result: SendResult | BaseException
    at: datetime


class WorkerPool:
    """Threads that send queued requests, so many at once. The coordinator's thread calls its methods.

    From `leases_hold_until` on (seconds of the monotonic clock) nothing more is sent: by then the leases may
    have ended. Whoever renews them moves it. `one_more` asks, in the sender's thread, whether a request may
    be repeated for which no grant is at hand.
    """

    def __init__(
        self,
        send: Send,
        clock: Callable[[], datetime],
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._send = send
        self._clock = clock
        self._should_stop = should_stop
        self._lock = threading.Lock()
        self._queue = SendQueue()
        self._in_flight: dict[UUID, Request] = {}
        self._done: queue.SimpleQueue[EndedRequest] = queue.SimpleQueue()
        self._working = 0
        self._concurrency = self._hanging = 0
        self._closed = False
        self._failures_in_a_row = 0
        self._threads: ThreadPoolExecutor | None = None
        self.leases_hold_until = float("-inf")
        self.one_more: Callable[[Request], bool] = lambda _: False

    @contextmanager
    def running(self) -> Iterator[None]:
        """The threads, for as long as the block lasts; its end waits for what they are sending."""
        with ThreadPoolExecutor(MOST_WORKERS, thread_name_prefix="send") as threads:
            self._threads, self._closed = threads, False
            yield

    @property
    def queued(self) -> int:
        """Requests that wait."""
        return len(self._queue)

    @property
    def in_flight(self) -> int:
        """Requests that are being sent, or have been and were not collected yet."""
        return len(self._in_flight)

    @contextmanager
    def locked(self) -> Iterator[SendQueue]:
        """The queue under its lock: no thread takes a request from it while the block lasts."""
        with self._lock:
            yield self._queue

    @property
    def braked(self) -> bool:
        """Whether it waits for its failures to be recorded."""
        return self._failures_in_a_row >= BRAKE_AFTER

    def release_brake(self) -> None:
        """The failures are recorded: go on with what may still be sent."""
        with self._lock:
            self._failures_in_a_row = 0

    def close(self) -> None:
        """Take up nothing more, whatever is queued from now on."""
        self._closed = True

    def delivery_ids(self) -> set[UUID]:
        """The deliveries that are queued or in flight; call it while the queue is `locked`."""
        held = {id_ for request in self._in_flight.values() for id_ in request.ids}
        held.update(id_ for request in self._queue.peek() for id_ in request.ids)
        return held

    def start(self, concurrency: int) -> int:
        """See to it that up to `concurrency` threads are sending; returns how many had to be woken."""
        woken = 0
        with self._lock:
            self._concurrency = concurrency
            hanging = self._queue.hanging(time.monotonic())
            self._hanging = min(hanging, max(concurrency, _MOST_HANGING)) if concurrency else 0
            while self._threads is not None and self._has_worker():
                request = self._take()
                if request is None:
                    break
                self._working += 1
                # With what is bound where the drain runs, such as its run's id.
                self._threads.submit(contextvars.copy_context().run, self._work, request)
                woken += 1
        return woken

    def collect(self, timeout: float, most: int) -> list[EndedRequest]:
        """Up to `most` attempts that have ended; waits up to `timeout` seconds for the first of them, and
        then a moment for those that end with it."""
        found: list[EndedRequest] = []
        try:
            found.append(self._done.get(timeout=timeout) if timeout else self._done.get_nowait())
            # Answers come in bursts: a moment more collects a burst in one round of the coordinator.
            if timeout and self.in_flight > 1:
                time.sleep(_GATHER_S)
            while len(found) < most:
                found.append(self._done.get_nowait())
        except queue.Empty:
            pass
        with self._lock:
            for ended in found:
                del self._in_flight[ended.request.shipment.request_id]
        return found

    def _work(self, first: Request) -> None:
        """In a thread: one attempt after the other; the result of each goes to the coordinator."""
        request: Request | None = first
        while request is not None:
            result: SendResult | BaseException
            try:
                with about(**_named(request), secrets=request.connection.credentials.values()):
                    result = self._send(request.shipment, again=partial(self._may_repeat, request))
            except BaseException as error:
                # Handed on, not raised: a thread that died silently would leave its request in flight.
                result = error
            # The moment of arrival; the coordinator may come to it a second later.
            ended = EndedRequest(request, result, self._clock())
            with self._lock:
                self._closed = self._closed or isinstance(result, BaseException)
                if isinstance(result, SendResult):
                    failed = may_pass(result)
                    self._failures_in_a_row = self._failures_in_a_row + 1 if failed else 0
                # Before the next is taken: this worker knows of the limit, the coordinator not yet.
                self._queue.done(
                    request,
                    now=time.monotonic(),
                    closed_for_s=_closed_for_s(result),
                    answered=_was_answered(result),
                )
                # The next one at once, by itself: a coordinator that is recording would keep it waiting.
                self._working -= 1
                request = self._take() if self._has_worker() else None
                if request is not None:
                    self._working += 1
            self._done.put(ended)

    def _has_worker(self) -> bool:
        return self._working - self._hanging < self._concurrency and self._working < MOST_WORKERS

    def _may_repeat(self, request: Request) -> bool:
        """Whether the account's limit leaves one more request within this attempt."""
        with self._lock:
            if self._closed:
                return False
            if self._queue.take_again(request, time.monotonic()):
                return True
        return self.one_more(request)

    def _take(self) -> Request | None:
        now = time.monotonic()
        # A coordinator that is busy recording would notice a stop seconds later.
        if self._closed or self.braked or now >= self.leases_hold_until or self._should_stop():
            return None
        request = self._queue.take(now)
        if request is not None:
            self._in_flight[request.shipment.request_id] = request
        return request


def _named(request: Request) -> dict[str, Any]:
    """What lines of the log name while it is sent."""
    first = request.members[0].claimed
    named: dict[str, Any] = {
        "company": first.company_slug,
        "platform": first.platform.value,
        "request": request.shipment.request_id,
    }
    if trace_id := request.members[0].trace_id:
        named["trace_id"] = trace_id
    if request.shipment.is_batch:
        return {**named, "batch": request.shipment.key}
    return {**named, "delivery": first.id, "attempt": first.attempt_number}


def _was_answered(result: SendResult | BaseException) -> bool:
    return isinstance(result, SendResult) and result.http_status is not None


def _closed_for_s(result: SendResult | BaseException) -> float:
    """For how long the platform wants no more from this connection."""
    if isinstance(result, SendResult) and result.http_status in (429, 503):
        return (result.retry_after_ms or 0.0) / 1000
    return 0.0
