"""The threads that send: each takes the next parcel as soon as it is free, whatever the coordinator does.

A coordinator that freezes or records a chunk for a second would otherwise leave them idle (measured: half of
the time of a drain of thousands).
"""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from impact_in_pipelines.delivery.draining.sendqueue import Parcel, SendQueue
from impact_in_pipelines.delivery.model import SendResult, Shipment
from impact_in_pipelines.delivery.states import ErrorKind

MOST_WORKERS = 100
_GATHER_S = 0.01


@dataclass(frozen=True, slots=True)
class Ended:
    """An attempt that has ended at `at`: how, or what the connector raised, which it never should."""

    parcel: Parcel
    result: SendResult | BaseException
    at: datetime


class Crew:
    """Sends queued parcels, so many at once. The coordinator's thread calls its methods.

    Nothing is taken up from `trusted_until` (seconds of the monotonic clock) on: by then the leases may have
    ended, and who renews them moves it.
    """

    def __init__(
        self,
        send: Callable[[Shipment], SendResult],
        clock: Callable[[], datetime],
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._send = send
        self._clock = clock
        self._should_stop = should_stop
        self._lock = threading.Lock()
        self._queue = SendQueue()
        self._in_flight: dict[UUID, Parcel] = {}
        self._done: queue.SimpleQueue[Ended] = queue.SimpleQueue()
        self._working = 0
        self._concurrency = 0
        self._closed = False
        self._pool: ThreadPoolExecutor | None = None
        self.trusted_until = 0.0

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """The threads, for as long as the block lasts; its end waits for what they are sending."""
        with ThreadPoolExecutor(MOST_WORKERS, thread_name_prefix="send") as pool:
            self._pool, self._closed = pool, False
            yield

    @property
    def queued(self) -> int:
        """Parcels that wait."""
        return len(self._queue)

    @property
    def in_flight(self) -> int:
        """Parcels that are being sent, or have been and were not collected yet."""
        return len(self._in_flight)

    @contextmanager
    def holding_still(self) -> Iterator[SendQueue]:
        """The queue, of which nothing is taken up while the block lasts."""
        with self._lock:
            yield self._queue

    def close(self) -> None:
        """Take up nothing more, whatever is queued from now on."""
        self._closed = True

    def held(self) -> set[UUID]:
        """The deliveries that are queued or in flight; call it while holding still."""
        held = {id_ for parcel in self._in_flight.values() for id_ in parcel.ids}
        held.update(id_ for parcel in self._queue.peek() for id_ in parcel.ids)
        return held

    def start(self, concurrency: int) -> int:
        """See to it that up to `concurrency` threads are sending; returns how many had to be woken."""
        woken = 0
        with self._lock:
            self._concurrency = concurrency
            while self._pool is not None and self._working < concurrency:
                parcel = self._take()
                if parcel is None:
                    break
                self._working += 1
                self._pool.submit(self._work, parcel)
                woken += 1
        return woken

    def collect(self, timeout: float, most: int) -> list[Ended]:
        """Up to `most` attempts that have ended; waits up to `timeout` seconds for the first of them, and
        then a moment for those that end with it."""
        found: list[Ended] = []
        try:
            found.append(self._done.get(timeout=timeout) if timeout else self._done.get_nowait())
            if timeout and self.in_flight > 1:
                time.sleep(_GATHER_S)
            while len(found) < most:
                found.append(self._done.get_nowait())
        except queue.Empty:
            pass
        with self._lock:
            for ended in found:
                del self._in_flight[ended.parcel.shipment.request_id]
        return found

    def _work(self, first: Parcel) -> None:
        """In a thread: attempt after attempt; whatever happens, the coordinator hears of it."""
        parcel: Parcel | None = first
        while parcel is not None:
            result: SendResult | BaseException
            try:
                result = self._send(parcel.shipment)
            except BaseException as error:
                result = error
            ended = Ended(parcel, result, self._clock())
            with self._lock:
                self._closed = self._closed or isinstance(result, BaseException)
                self._queue.done(parcel, now=time.monotonic(), closed_for_s=_closed_for_s(result))
                parcel = self._take() if self._working <= self._concurrency else None
                if parcel is None:
                    self._working -= 1
            self._done.put(ended)

    def _take(self) -> Parcel | None:
        now = time.monotonic()
        # A coordinator that is busy recording would hear of a stop seconds later.
        if self._closed or now >= self.trusted_until or self._should_stop():
            return None
        parcel = self._queue.take(now)
        if parcel is not None:
            self._in_flight[parcel.shipment.request_id] = parcel
        return parcel


def _closed_for_s(result: SendResult | BaseException) -> float:
    """For how long the platform wants no more from this connection."""
    if isinstance(result, SendResult) and result.error_kind is ErrorKind.RATE_LIMITED:
        return (result.retry_after_ms or 0.0) / 1000
    return 0.0
