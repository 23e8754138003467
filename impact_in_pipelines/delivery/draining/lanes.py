"""One connection's requests in a drain: what waits, what is in flight, and what it has been granted."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from impact_in_pipelines.delivery.limits.budgets import (
    Ask,
    BudgetAccount,
    EndedRequests,
    Grant,
    Limit,
)
from impact_in_pipelines.delivery.model import Connection, Shipment
from impact_in_pipelines.delivery.ports import Prepared
from impact_in_pipelines.delivery.states import PRIORITY, URGENT

DEFAULT_MAX_CONCURRENCY = 4
GRANT_VALID_S = 15.0
"""A grant that was not used for so long is returned."""

REPORT_AFTER_S = 2.0
"""Ends on an account that others may be waiting for are reported this soon, if nothing is asked sooner."""

CLASSES = max(PRIORITY.values()) + 1


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

    @property
    def priority(self) -> int:
        """0 goes first (D13)."""
        return min(PRIORITY[member.claimed.trigger] for member in self.members)


@dataclass(slots=True)
class Lane:
    """One connection. `limit` is that of the request that was added last; `granted` requests may start before
    `valid_until`; `proven`: its last request was answered, whatever the answer; `behind`: deliveries that
    were given back because it wasn't. Instants are seconds of the
    monotonic clock."""

    account: BudgetAccount
    limit: Limit
    waiting: tuple[deque[Request], ...] = field(
        default_factory=lambda: tuple(deque() for _ in range(CLASSES))
    )
    in_flight: dict[UUID, float] = field(default_factory=dict)
    granted: int = 0
    valid_until: float = 0.0
    asking: bool = False
    ask_again_at: float = 0.0
    closed_until: float = 0.0
    tight: bool = False
    proven: bool = False
    repeats: dict[UUID, int] = field(default_factory=dict)
    ended: list[tuple[int, float]] = field(default_factory=list)
    turn: int | None = None
    paced_until: float | None = None
    behind: set[UUID] = field(default_factory=set)

    def __len__(self) -> int:
        return sum(map(len, self.waiting))

    @property
    def first_class(self) -> int | None:
        """The priority of what goes next; None: nothing waits."""
        return next((n for n, queued in enumerate(self.waiting) if queued), None)

    @property
    def connection(self) -> Connection | None:
        """That of what goes next."""
        first = self.first_class
        return None if first is None else self.waiting[first][0].connection

    def requests(self) -> Iterator[Request]:
        """What waits, in its order."""
        for queued in self.waiting:
            yield from queued

    def put(self, requests: list[Request]) -> None:
        """Let these and no others wait."""
        for queued in self.waiting:
            queued.clear()
        for request in requests:
            self.waiting[request.priority].append(request)

    def has_room(self) -> bool:
        """Whether one more may be in flight. One that has not answered yet, or timed out, gets one sender
        only: those of hanging accounts would soon be all there are."""
        connection = self.connection
        if connection is None:
            return False
        most = connection.max_concurrency or DEFAULT_MAX_CONCURRENCY
        return len(self.in_flight) < (most if self.proven else 1)

    def may_start(self, now: float) -> bool:
        """Whether a grant is there for one more request at `now`."""
        return self.granted > 0 and now < self.valid_until

    def started(self, request: Request, now: float) -> None:
        """`request` leaves under one of the grants."""
        self.granted -= 1
        self.in_flight[request.shipment.request_id] = now

    def repeated(self, request: Request) -> None:
        """It is made once more within its attempt, under another grant."""
        id_ = request.shipment.request_id
        self.repeats[id_] = self.repeats.get(id_, 0) + 1

    def answered(self, request: Request, now: float, *, proven: bool) -> None:
        """It has ended."""
        id_ = request.shipment.request_id
        self.in_flight.pop(id_, None)
        self.ended.append((1 + self.repeats.pop(id_, 0), now))
        self.proven = proven

    def is_idle(self, now: float) -> bool:
        """Whether nothing would be lost with it."""
        busy = len(self) or self.in_flight or self.granted or self.asking or self.closed_until > now
        return not busy

    def block(self) -> int:
        """How many grants to have at a time: few enough to leave other drains some."""
        connection = self.connection
        if connection is None:
            return 0
        at_once = connection.max_concurrency or DEFAULT_MAX_CONCURRENCY
        return max(2 * at_once, connection.requests_per_minute // 5)

    def runs_low(self) -> bool:
        """Whether it is time to ask for more."""
        return self.granted < min(len(self), (self.block() + 1) // 2)

    def ask(self, now: float) -> Ask | None:
        """What to ask and report at `now`; None: nothing. Until `answer` nothing else is asked."""
        if self.asking:
            return None
        # Sent now, it could be answered after the account takes it to have ended.
        stale = 0 if now < self.valid_until else self.granted
        waiting = len(self)
        returned = max(stale, self.granted - waiting)
        kept = self.granted - returned
        wanted = 0
        if now >= max(self.ask_again_at, self.closed_until):
            wanted = max(0, min(waiting, self.block()) - kept)
        if not (wanted or returned or self.ended):
            return None
        urgent = sum(len(self.waiting[n]) for n in range(URGENT + 1))
        ask = Ask(
            account=self.account,
            # Also where nothing waits any more: an ask without the day's limit would forget its count.
            limit=self.limit,
            wanted=wanted,
            urgent=min(wanted, max(0, urgent - kept)),
            ended=_by_second(self.ended, now),
            returned=returned,
        )
        self.granted, self.ended, self.asking = kept, [], True
        return ask

    def answer(self, ask: Ask, grant: Grant | None, asked_at: float, now: float) -> None:
        """Take what was granted; None: nobody could be asked, so try again in a moment."""
        self.asking = False
        if grant is None:
            self.ask_again_at = now + REPORT_AFTER_S
            return
        if grant.requests:
            self.granted += grant.requests
            # For all of them: the account counts all that this drain holds from its last grant on.
            self.valid_until = asked_at + GRANT_VALID_S
        if ask.wanted:
            self.tight = grant.tight
            self.ask_again_at = now + grant.opens_in_s if grant.requests < ask.wanted else 0.0

    def due_to_report(self, now: float) -> bool:
        """Whether ends, or grants that nobody needs, are to be reported by themselves."""
        if self.asking:
            return False
        if self.granted and (not len(self) or now >= self.valid_until):
            return True
        return self.tight and bool(self.ended) and now - self.ended[0][1] >= REPORT_AFTER_S


def _by_second(ended: list[tuple[int, float]], now: float) -> tuple[EndedRequests, ...]:
    """Ends of about the same moment as one, at the age of the youngest."""
    ages: dict[int, tuple[int, float]] = {}
    for requests, at in ended:
        second = int(at)
        known, youngest = ages.get(second, (0, float("inf")))
        ages[second] = (known + requests, min(youngest, now - at))
    return tuple(EndedRequests(requests, age) for requests, age in ages.values())


def account_of(connection: Connection) -> BudgetAccount:
    """What the platform counts this connection's requests by."""
    base_url, organization_id = connection.rate_key
    return BudgetAccount(connection.platform.value, base_url.rstrip("/"), organization_id)


def limit_of(connection: Connection) -> Limit:
    """Its own limits, which hold for all requests of its account: so it never makes more than its own, and
    the account never more than the widest of those that share it."""
    return Limit(connection.requests_per_minute, connection.requests_per_day)
