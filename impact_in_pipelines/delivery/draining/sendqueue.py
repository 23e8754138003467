"""What is ready to go out: by priority, fair between connections, within each one's limits."""

import heapq
from collections import deque
from collections.abc import Hashable, Iterator, Sequence, Set
from itertools import count, islice
from uuid import UUID

from impact_in_pipelines.delivery.draining.lanes import Lane, Request, account_of, limit_of
from impact_in_pipelines.delivery.limits.budgets import WINDOW_S, Ask, Grant

CLAIMED_MOST = 25
"""So many requests of one connection wait in a drain: more would take the room of others."""

HUNG_AGAIN_S = 30.0
"""What waits behind a request that hangs is looked at again after this."""

UNANSWERED_S = 0.5
"""A first request that has had no answer for so long doesn't count among those that are sent at once."""

UNANSWERED_LEAST_S, UNANSWERED_MOST_S = 0.1, 1.0
"""Once it is known how long answers take, three times as long, within these bounds."""

_TIMES_USUAL = 3.0
_WEIGHT = 1 / 8


class SendQueue:
    """Requests in turn, one connection after the other. Instants are seconds of a monotonic clock.

    Nothing leaves without a grant of its account's budget (`delivery.limits`), which all drains share:
    `asks` tells what to ask for, `answer` takes what was granted.
    """

    def __init__(self) -> None:
        self._lanes: dict[Hashable, Lane] = {}
        self._turns: tuple[deque[Hashable], ...] = ()
        self._paced: list[tuple[float, int, Hashable]] = []
        self._wanting: dict[Hashable, None] = {}
        self._reporting: dict[Hashable, None] = {}
        self._unanswered: dict[UUID, tuple[float, Hashable]] = {}
        self._usual_s: float | None = None
        self._no_longer_behind: list[UUID] = []
        self._sequence = count()
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, request: Request) -> None:
        """Queue `request` behind the others of its connection and priority."""
        key = _key(request)
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = Lane(
                account_of(request.connection), limit_of(request.connection)
            )
            self._turns = self._turns or tuple(deque() for _ in lane.waiting)
        lane.limit = limit_of(request.connection)
        lane.waiting[request.priority].append(request)
        self._size += 1
        if lane.granted == 0 and lane.paced_until is None:
            # Asked for before its turn comes: the answer takes a moment.
            self._wanting[key] = None
        self._take_turn(key, lane)

    def take(self, now: float) -> Request | None:
        """The next request that may go out at `now`, or None."""
        while self._paced and self._paced[0][0] <= now:
            _, _, key = heapq.heappop(self._paced)
            lane = self._lanes.get(key)
            if lane is not None and lane.paced_until is not None and lane.paced_until <= now:
                lane.paced_until = None
                self._take_turn(key, lane)
        for priority, turns in enumerate(self._turns):
            while turns:
                key = turns.popleft()
                lane = self._lanes.get(key)
                if lane is None or lane.turn != priority:
                    continue  # it has since got a better turn
                lane.turn = None
                if self._may_go(key, lane, now):
                    return self._start(key, lane, priority, now)
        return None

    def _may_go(self, key: Hashable, lane: Lane, now: float) -> bool:
        if not lane.has_room():
            return False  # comes back into turn when one of its own is done
        if lane.closed_until > now:
            self._pace(key, lane, lane.closed_until)
            return False
        if not lane.may_start(now):
            if lane.ask_again_at > now:
                self._pace(key, lane, lane.ask_again_at)
            else:
                self._wanting[key] = None
            return False
        return True

    def _start(self, key: Hashable, lane: Lane, priority: int, now: float) -> Request:
        request = lane.waiting[priority].popleft()
        if not lane.proven:
            self._unanswered[request.shipment.request_id] = (now, key)
        lane.started(request, now)
        self._size -= 1
        if lane.runs_low() and lane.ask_again_at <= now:
            self._wanting[key] = None
        self._take_turn(key, lane)
        return request

    def take_again(self, request: Request, now: float) -> bool:
        """Whether `request` may be made once more within its attempt; it then counts once more."""
        lane = self._lanes[_key(request)]
        if not lane.may_start(now):
            return False
        lane.granted -= 1
        lane.repeated(request)
        return True

    def repeated(self, request: Request) -> None:
        """`request` is made once more within its attempt, under a grant of its own."""
        self._lanes[_key(request)].repeated(request)

    def done(
        self, request: Request, *, now: float, closed_for_s: float = 0.0, answered: bool = True
    ) -> None:
        """`request` has ended, `answered` or not; the platform wants no more of them for `closed_for_s`
        seconds."""
        key = _key(request)
        lane = self._lanes[key]
        # Answered or timed out: it hangs no longer.
        self._unanswered.pop(request.shipment.request_id, None)
        if answered:
            self._learn(now - lane.in_flight.get(request.shipment.request_id, now))
        lane.answered(request, now, proven=answered)
        lane.closed_until = max(lane.closed_until, now + closed_for_s)
        if answered and not closed_for_s:
            # Whichever of the connection's requests it is that was answered.
            self._no_longer_behind += lane.behind
            lane.behind = set()
        self._take_turn(key, lane)
        if lane.tight or (lane.granted and not len(lane)):
            self._reporting[key] = None
        elif lane.is_idle(now):
            del self._lanes[key]  # what it has not reported rests for longer than it must

    def hanging(self, now: float) -> int:
        """Requests in flight on connections that haven't answered for a while."""
        patience_s = self.patience_s
        return sum(now - since >= patience_s for since, _ in self._unanswered.values())

    @property
    def patience_s(self) -> float:
        """How long a first request may take before it counts as one that hangs."""
        if self._usual_s is None:
            return UNANSWERED_S
        return min(max(_TIMES_USUAL * self._usual_s, UNANSWERED_LEAST_S), UNANSWERED_MOST_S)

    def _learn(self, answer_s: float) -> None:
        usual_s = answer_s if self._usual_s is None else self._usual_s
        self._usual_s = usual_s + _WEIGHT * (answer_s - usual_s)

    def asks(self, now: float) -> list[tuple[Hashable, Ask]]:
        """What to ask the budgets for and to report to them at `now`; each is to be answered."""
        due = [key for key in self._reporting if self._due_to_report(key, now)]
        wanting = dict.fromkeys([*self._wanting, *due])
        self._wanting.clear()
        asks: list[tuple[Hashable, Ask]] = []
        for key in wanting:
            self._reporting.pop(key, None)
            lane = self._lanes.get(key)
            ask = None if lane is None else lane.ask(now)
            if ask is not None:
                asks.append((key, ask))
        return asks

    def _due_to_report(self, key: Hashable, now: float) -> bool:
        lane = self._lanes.get(key)
        return lane is None or lane.due_to_report(now)

    def last_asks(self, now: float) -> list[tuple[Hashable, Ask]]:
        """What to return and report at the end, where nothing waits any more."""
        asks = []
        for key, lane in self._lanes.items():
            if lane.granted or (lane.tight and lane.ended):
                lane.asking = False
                ask = lane.ask(now)
                if ask is not None:
                    asks.append((key, ask))
        return asks

    def answer(
        self,
        asks: Sequence[tuple[Hashable, Ask]],
        grants: Sequence[Grant] | None,
        asked_at: float,
        now: float,
    ) -> None:
        """Take what was granted for `asks`, which were made at `asked_at`; None: nobody could be asked."""
        for place, (key, ask) in enumerate(asks):
            lane = self._lanes.get(key)
            if lane is None:
                continue  # an idle one, which had only reported
            lane.answer(ask, None if grants is None else grants[place], asked_at, now)
            if lane.may_start(now):
                self._take_turn(key, lane)
            elif len(lane) and lane.turn is None and lane.paced_until is None:
                self._pace(key, lane, max(lane.ask_again_at, lane.closed_until, now))
            if lane.granted and not len(lane):
                self._reporting[key] = None

    def next_opening(self, now: float) -> float | None:
        """Seconds until a lane that is held back by its limit opens; None: none is."""
        return max(0.0, self._paced[0][0] - now) if self._paced else None

    def unanswered(self, now: float, for_s: float) -> int:
        """Requests that left at least `for_s` seconds ago."""
        return sum(
            now - since >= for_s
            for lane in self._lanes.values()
            for since in lane.in_flight.values()
        )

    def next_sender(self, now: float) -> float | None:
        """Seconds until the next request that hangs stops counting among those that are sent at once, while
        something waits; None: nothing waits, or none is to be expected."""
        if not self._size:
            return None
        left = [since + self.patience_s - now for since, _ in self._unanswered.values()]
        return min((one for one in left if one > 0), default=None)

    def held_back(self, now: float) -> list[UUID]:
        """Companies of which nothing more is to be claimed: enough waits, or what waits can't leave."""
        return [
            request.connection.company_id
            for lane in self._lanes.values()
            if (waiting := len(lane)) >= CLAIMED_MOST
            or (waiting and (lane.paced_until or 0.0) > now + 1.0)
            or (waiting and not lane.proven and lane.in_flight)
            for request in [next(lane.requests())]
        ]

    def release_paced(self, now: float, patience_s: float) -> Iterator[tuple[float, list[Request]]]:
        """Take out what can't leave for more than `patience_s`, held back by limits or behind a request that
        hangs: in how many seconds to try again, and the requests. A minute's worth for each minute: they
        would otherwise all come back in the first."""
        keys = [key for _, _, key in self._paced] + [key for _, key in self._unanswered.values()]
        for lane in [self._lanes[key] for key in dict.fromkeys(keys) if key in self._lanes]:
            connection = lane.connection
            if connection is None:
                continue
            opens_in_s = (lane.paced_until or now) - now
            if opens_in_s <= patience_s:
                oldest = min(lane.in_flight.values(), default=now)
                if lane.proven or now - oldest <= patience_s:
                    continue
                opens_in_s = max(HUNG_AGAIN_S, patience_s)
                first = islice(lane.requests(), connection.requests_per_minute)
                lane.behind.update(id_ for request in first for id_ in request.ids)
            elif lane.behind:
                # The limit holds them now.
                lane.behind.difference_update(*(request.ids for request in lane.requests()))
            requests = list(lane.requests())
            lane.put([])
            self._size -= len(requests)
            for start in range(0, len(requests), connection.requests_per_minute):
                part = requests[start : start + connection.requests_per_minute]
                yield opens_in_s + start // connection.requests_per_minute * WINDOW_S, part

    def no_longer_behind(self) -> list[UUID]:
        """Deliveries that were given back behind a request without an answer, where one has come since: a
        minute's worth of each connection, each once."""
        found, self._no_longer_behind = self._no_longer_behind, []
        return found

    def discard(self, ids: Set[UUID]) -> None:
        """Take out the requests with any of these deliveries in them: they are no longer ours to send."""
        for lane in self._lanes.values():
            if len(lane) and ids:
                kept = [request for request in lane.requests() if ids.isdisjoint(request.ids)]
                self._size -= len(lane) - len(kept)
                lane.put(kept)

    def peek(self) -> Iterator[Request]:
        """Everything that is still queued, left in place."""
        for lane in self._lanes.values():
            yield from lane.requests()

    def release_all(self) -> list[Request]:
        """Everything that is still queued, taken out."""
        left = list(self.peek())
        for lane in self._lanes.values():
            lane.put([])
            lane.turn = lane.paced_until = None
        for turns in self._turns:
            turns.clear()
        self._paced.clear()
        self._wanting.clear()
        self._size = 0
        return left

    def _take_turn(self, key: Hashable, lane: Lane) -> None:
        first = lane.first_class
        if first is None or (lane.turn is not None and lane.turn <= first):
            return
        if lane.paced_until is None:
            lane.turn = first
            self._turns[first].append(key)

    def _pace(self, key: Hashable, lane: Lane, until: float) -> None:
        lane.paced_until = until
        heapq.heappush(self._paced, (until, next(self._sequence), key))


def _key(request: Request) -> Hashable:
    connection = request.connection
    return (connection.company_id, connection.rate_key)
