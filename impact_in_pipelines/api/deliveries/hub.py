"""Delivery changes as they happen: one listening connection a process, fanned out to everybody who waits.

Nobody holds anybody up: whoever reads too slowly is cut off, and comes back with `Last-Event-ID`.
"""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

from impact_in_pipelines.db.deliveries.listening import DeliveryListener, ListenerLost, Notice

QUEUE_LENGTH = 1_000
"""Changes that one reader may be behind."""
CHECKED_IN_EVERY_S = 60.0
"""How often the process asks the database what time it is, and says that it is at work."""
_AGAIN_AFTER_S = 1.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DeliveryChange:
    """A delivery that is new or whose status has changed; everything below `position` has been heard."""

    id: UUID
    company_id: UUID
    platform: str
    status: str
    attempt_count: int
    updated_at: datetime
    position: int

    @classmethod
    def of(cls, notice: Notice) -> "DeliveryChange":
        at = datetime.fromisoformat(notice["updated_at"])
        return cls(
            UUID(notice["id"]),
            UUID(notice["company_id"]),
            notice["platform"],
            notice["status"],
            notice["attempt_count"],
            at.astimezone(UTC),
            int(notice["position"]),
        )


class Lagging(Exception):
    """This reader has missed changes: it was too slow, or the listener had to connect anew."""


class Subscription:
    """One reader's queue."""

    def __init__(self, company_id: UUID) -> None:
        self.company_id = company_id
        self._queue: asyncio.Queue[DeliveryChange | None] = asyncio.Queue(QUEUE_LENGTH + 1)

    def put(self, change: DeliveryChange | None) -> bool:
        """Add a change, or None: it has missed some. False once it is full and cut off."""
        if self._queue.qsize() >= QUEUE_LENGTH:
            change = None
        try:
            self._queue.put_nowait(change)
        except asyncio.QueueFull:
            return False
        return change is not None

    async def next(self, timeout_s: float) -> DeliveryChange | None:
        """The next change, None if there is none for so long. Raises `Lagging`."""
        try:
            change = await asyncio.wait_for(self._queue.get(), timeout_s)
        except TimeoutError:
            return None
        if change is None:
            raise Lagging
        return change


class Watcher(Protocol):
    """Is told of changes where they are heard, and must not wait."""

    def changed(self, company_id: UUID) -> None:
        """A delivery of this company has changed."""
        ...

    def clear(self) -> None:
        """Changes may have been missed."""
        ...


class EventHub:
    """Listens while it is open, and hands each change to the readers of its company."""

    def __init__(
        self,
        listen: Callable[[], DeliveryListener],
        *,
        check_in: Callable[[], None] = lambda: None,
        stopwatch: Callable[[], float] = time.monotonic,
    ) -> None:
        """`check_in` is called when listening begins and every `CHECKED_IN_EVERY_S` from then on: the
        listening thread may wait for the database, and runs for as long as the process serves (D15)."""
        self._connect = listen
        self._check_in = check_in
        self._stopwatch = stopwatch
        self._checked_in_at = 0.0
        self._readers: set[Subscription] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._started = threading.Event()
        self._watchers: list[Watcher] = []

    def watched_by(self, watcher: "Watcher") -> None:
        """Tell `watcher` of every change, in the listening thread; call it before `open`."""
        self._watchers.append(watcher)

    def open(self) -> None:
        """Start listening; call it on the event loop that serves."""
        self._loop = asyncio.get_running_loop()
        self._stopping.clear()
        self._thread = threading.Thread(target=self._listen, name="delivery-events", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening; ends within a second."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
            self._thread = None

    def listening(self, timeout_s: float) -> bool:
        """Whether it listens at present, after waiting at most so long for it."""
        return self._started.wait(timeout_s)

    @asynccontextmanager
    async def subscribed(self, company_id: UUID) -> AsyncIterator[Subscription]:
        """A reader's queue of a company's changes, for as long as the block lasts."""
        subscription = Subscription(company_id)
        self._readers.add(subscription)
        try:
            yield subscription
        finally:
            self._readers.discard(subscription)

    def _listen(self) -> None:
        missed = False
        while not self._stopping.is_set():
            try:
                listener = self._connect()
            except ListenerLost as error:
                _log.warning("%s; trying again", error)
                missed = True
                self._stopping.wait(_AGAIN_AFTER_S)
                continue
            try:
                if missed:
                    self._hand(self._tell_missed)
                for watcher in self._watchers:
                    watcher.clear()
                self._check_in_now_and_then(anew=True)
                self._started.set()
                for batch in listener.notices():
                    self._check_in_now_and_then()
                    if batch:
                        changes = [DeliveryChange.of(notice) for notice in batch]
                        for watcher in self._watchers:
                            for company_id in {change.company_id for change in changes}:
                                watcher.changed(company_id)
                        self._hand(self._publish, changes)
                    if self._stopping.is_set():
                        return
            except ListenerLost as error:
                _log.warning("%s; connecting anew", error)
                missed = True
            finally:
                self._started.clear()
                listener.close()

    def _check_in_now_and_then(self, *, anew: bool = False) -> None:
        if not anew and self._stopwatch() - self._checked_in_at < CHECKED_IN_EVERY_S:
            return
        self._checked_in_at = self._stopwatch()
        try:
            self._check_in()
        except Exception as error:  # a wrong clock for a minute more is no reason to stop listening
            _log.warning("this process could not check in: %s", error)

    def _hand(self, function: Callable[..., None], *arguments: Any) -> None:
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:  # the loop has ended before us
            self._stopping.set()

    def _publish(self, changes: list[DeliveryChange]) -> None:
        by_company: dict[UUID, list[Subscription]] = {}
        for reader in self._readers:
            by_company.setdefault(reader.company_id, []).append(reader)
        for change in changes:
            for reader in by_company.get(change.company_id, ()):
                if not reader.put(change):
                    self._readers.discard(reader)

    def _tell_missed(self) -> None:
        for reader in tuple(self._readers):
            reader.put(None)
            self._readers.discard(reader)
