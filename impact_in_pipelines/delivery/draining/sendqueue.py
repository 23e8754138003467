"""What is ready to go out: fair between connections, within each one's rate limit and concurrency."""

import heapq
from collections import deque
from collections.abc import Hashable, Iterator, Set
from dataclasses import dataclass, field
from uuid import UUID

from impact_in_pipelines.delivery.model import Connection, Shipment
from impact_in_pipelines.delivery.ports import Prepared

WINDOW_S = 60.0
DEFAULT_MAX_CONCURRENCY = 4


@dataclass(frozen=True, slots=True)
class Request:
    """One request to be made, and the deliveries that are in it."""

    shipment: Shipment
    members: tuple[Prepared, ...]

    @property
    def connection(self) -> Connection:
        return self.shipment.connection

    @property
    def ids(self) -> tuple[UUID, ...]:
        return tuple(member.claimed.id for member in self.members)


@dataclass(slots=True)
class _Lane:
    """One connection's requests and what it has sent within the last minute."""

    waiting: deque[Request] = field(default_factory=deque)
    sent_at: deque[float] = field(default_factory=deque)
    in_flight: int = 0
    closed_until: float = 0.0
    queued: bool = False


class SendQueue:
    """Parcels in turn, one connection after the other. Instants are seconds of a monotonic clock.

    A platform counts requests within any minute, so a lane may send its whole limit at once and then waits
    until the oldest of them is a minute old.
    """

    def __init__(self) -> None:
        self._lanes: dict[Hashable, _Lane] = {}
        self._turns: deque[Hashable] = deque()
        self._paced: list[tuple[float, int, Hashable]] = []
        self._sequence = 0
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, request: Request) -> None:
        """Queue `request` behind the others of its connection."""
        key = request.connection.rate_key
        lane = self._lanes.setdefault(key, _Lane())
        lane.waiting.append(request)
        self._size += 1
        self._take_turn(key, lane)

    def take(self, now: float) -> Request | None:
        """The next request that may go out at `now`, or None."""
        while self._paced and self._paced[0][0] <= now:
            _, _, key = heapq.heappop(self._paced)
            lane = self._lanes[key]
            lane.queued = False
            self._take_turn(key, lane)
        while self._turns:
            key = self._turns.popleft()
            lane = self._lanes[key]
            lane.queued = False
            if not lane.waiting:
                continue
            connection = lane.waiting[0].connection
            if lane.in_flight >= (connection.max_concurrency or DEFAULT_MAX_CONCURRENCY):
                continue  # comes back into turn when one of its own is done
            opens_at = self._opens_at(lane, connection, now)
            if opens_at > now:
                self._sequence += 1
                lane.queued = True
                heapq.heappush(self._paced, (opens_at, self._sequence, key))
                continue
            request = lane.waiting.popleft()
            lane.sent_at.append(now)
            lane.in_flight += 1
            self._size -= 1
            self._take_turn(key, lane)
            return request
        return None

    def done(self, request: Request, *, now: float, closed_for_s: float = 0.0) -> None:
        """`request` has ended; the platform wants no more of them for `closed_for_s` seconds."""
        key = request.connection.rate_key
        lane = self._lanes[key]
        lane.in_flight -= 1
        lane.closed_until = max(lane.closed_until, now + closed_for_s)
        self._take_turn(key, lane)

    def next_opening(self, now: float) -> float | None:
        """Seconds until a lane that is held back by its limit opens; None: none is."""
        return max(0.0, self._paced[0][0] - now) if self._paced else None

    def release_paced(self, now: float, patience_s: float) -> Iterator[tuple[float, list[Request]]]:
        """Take out what is held back by limits for more than `patience_s`: seconds until each lane opens,
        and its requests."""
        for opens_at, _, key in self._paced:
            lane = self._lanes[key]
            if opens_at - now > patience_s and lane.waiting:
                requests = list(lane.waiting)
                lane.waiting.clear()
                self._size -= len(requests)
                yield opens_at - now, requests

    def discard(self, ids: Set[UUID]) -> None:
        """Take out the requests with any of these deliveries in them: they are no longer ours to send."""
        for lane in self._lanes.values():
            if lane.waiting and ids:
                kept = [request for request in lane.waiting if ids.isdisjoint(request.ids)]
                self._size -= len(lane.waiting) - len(kept)
                lane.waiting = deque(kept)

    def peek(self) -> Iterator[Request]:
        """Everything that is still queued, left in place."""
        for lane in self._lanes.values():
            yield from lane.waiting

    def release_all(self) -> list[Request]:
        """Everything that is still queued, taken out."""
        left = list(self.peek())
        for lane in self._lanes.values():
            lane.waiting.clear()
            lane.queued = False
        self._turns.clear()
        self._paced.clear()
        self._size = 0
        return left

    def _take_turn(self, key: Hashable, lane: _Lane) -> None:
        if lane.waiting and not lane.queued:
            lane.queued = True
            self._turns.append(key)

    @staticmethod
    def _opens_at(lane: _Lane, connection: Connection, now: float) -> float:
        while lane.sent_at and lane.sent_at[0] <= now - WINDOW_S:
            lane.sent_at.popleft()
        opens_at = lane.closed_until
        if len(lane.sent_at) >= connection.requests_per_minute:
            opens_at = max(opens_at, lane.sent_at[0] + WINDOW_S)
        return opens_at
