"""How many requests an account may make, over all drains on all machines: pure arithmetic (design D10).

An account that may make N requests a minute has N slots. A slot carries one request and rests until a minute
has passed since its answer. The request arrived somewhere between its start and its answer, so two arrivals
by one slot are always a minute apart: no minute, counted at the receiver, sees more than N, however slow the
network was. Counting from the start of requests fails: one that was slow to arrive lands in the next minute.
Instants are seconds of one clock (the database's).
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

WINDOW_S = 60.0
HOUR_S = 3_600.0
DAY_HOURS = 25
"""Full hours that count besides the present one: a day, and an hour for what was granted late in one and
arrived in the next."""

GRAIN_S = 0.5
"""Rests are rounded up to this, so that an account's state stays small."""

_POLL_S = 1.0
"""What another drain holds may come back at any moment: it is asked for again after this."""

_ON_ITS_WAY_S = 10.0
"""What a process had handed to its machine when it ended may leave it for so long after."""

_TIGHT_FROM = 10
"""From one slot in so many in use on, ends are worth a statement of their own."""

_RESERVED = 20
"""One slot in so many is kept for what is scheduled: backfills may take the rest (D13)."""


@dataclass(frozen=True, slots=True)
class BudgetAccount:
    """What a platform counts requests by."""

    platform: str
    base_url: str
    organization_id: str


@dataclass(frozen=True, slots=True)
class Limit:
    """Requests that an account may make in any minute, and in any day."""

    per_minute: int
    per_day: int | None = None


@dataclass(frozen=True, slots=True)
class EndedRequests:
    """`requests` that were answered `age_s` seconds ago or more."""

    requests: int
    age_s: float


@dataclass(frozen=True, slots=True)
class Ask:
    """What a drain wants for one account: `wanted` more requests, `urgent` of them for what is scheduled.
    It also reports which of those it was granted have ended, and how many it returns unused."""

    account: BudgetAccount
    limit: Limit
    wanted: int = 0
    urgent: int = 0
    ended: tuple[EndedRequests, ...] = ()
    returned: int = 0


@dataclass(frozen=True, slots=True)
class Grant:
    """`requests` may be made. If they are fewer than wanted, asking again before `opens_in_s` seconds is
    of no use. `tight`: others may be waiting for this account, so ends are to be reported soon."""

    requests: int
    opens_in_s: float = 0.0
    tight: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """`requests` slots that are free again at `free_at`. While `holder` has them they may come back sooner;
    without a holder they rest."""

    holder: str
    requests: int
    free_at: float


@dataclass(frozen=True, slots=True)
class Budget:
    """One account's slots that are in use, and its requests by hour (hours since the epoch) for the day's
    limit."""

    blocks: tuple[Block, ...] = ()
    hours: Mapping[int, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """What the database keeps."""
        return {
            "blocks": [[b.holder, b.requests, b.free_at] for b in self.blocks],
            "hours": {str(hour): count for hour, count in self.hours.items()},
        }

    @classmethod
    def from_json(cls, blocks: Sequence[Sequence[Any]], hours: Mapping[str, int]) -> "Budget":
        """The inverse of `as_json`."""
        return cls(
            tuple(Block(holder, requests, free_at) for holder, requests, free_at in blocks),
            {int(hour): count for hour, count in hours.items()},
        )


def without_ended(budget: Budget, ended: Collection[str], now: float) -> Budget:
    """`budget` with the slots of holders whose processes are known to have ended: they start nothing more, so
    each slot rests for a minute from now, and for what was on its way, instead of for the longest that a
    living holder could take."""
    rests_until = math.ceil((now + _ON_ITS_WAY_S + WINDOW_S) / GRAIN_S) * GRAIN_S
    blocks = (
        Block("", block.requests, min(block.free_at, rests_until))
        if block.holder in ended
        else block
        for block in budget.blocks
    )
    return Budget(_merged(blocks), budget.hours)


def exchange(
    budget: Budget, ask: Ask, *, holder: str, now: float, lend_s: float
) -> tuple[Budget, Grant]:
    """Take back what has ended or is returned, then grant what the limit leaves.

    `lend_s` is the longest time from now in which a granted request can have been answered: if nobody
    reports its end, its slot rests from then on.
    """
    blocks = _taken_back(budget.blocks, ask, holder, now)
    hours = _hours(budget.hours, ask, now)
    in_use = sum(block.requests for block in blocks)
    granted = min(_minute_room(ask, in_use), ask.wanted)
    day_room = _day_room(ask.limit, hours)
    if day_room is not None:
        granted = min(granted, day_room)
    granted = max(granted, 0)
    if granted:
        blocks = _lent(blocks, holder, granted, now + lend_s + WINDOW_S)
        if ask.limit.per_day is not None:
            this_hour = int(now // HOUR_S)
            hours[this_hour] = hours.get(this_hour, 0) + granted
    opens_in_s = 0.0
    if granted < ask.wanted:
        opens_in_s = _opens_in(blocks, hours, ask, now, granted)
    tight = granted < ask.wanted or (in_use + granted) * _TIGHT_FROM > ask.limit.per_minute
    return Budget(blocks, hours), Grant(granted, opens_in_s, tight)


def _taken_back(blocks: Iterable[Block], ask: Ask, holder: str, now: float) -> tuple[Block, ...]:
    """The blocks still in use: those whose time has come are gone, `ask.ended` rest a minute since their
    end."""
    # Anonymous: a drain's slots are all lent until the same instant, so any of its own will do.
    gone = ask.returned + sum(ended.requests for ended in ask.ended)
    kept: list[Block] = []
    for block in blocks:
        if block.free_at <= now:
            continue
        left = block.requests
        if block.holder == holder and gone:
            taken = min(gone, left)
            gone, left = gone - taken, left - taken
        if left:
            kept.append(Block(block.holder, left, block.free_at))
    for ended in ask.ended:
        # Up, never to the nearest: a rest that is a moment too short lets one request too many into a minute.
        free_at = math.ceil((now - ended.age_s + WINDOW_S) / GRAIN_S) * GRAIN_S
        if free_at > now:
            kept.append(Block("", ended.requests, free_at))
    return _merged(kept)


def _merged(blocks: Iterable[Block]) -> tuple[Block, ...]:
    """Slots that rest until the same instant as one block."""
    counted: dict[tuple[str, float], int] = {}
    for block in blocks:
        key = (block.holder, block.free_at)
        counted[key] = counted.get(key, 0) + block.requests
    return tuple(Block(holder, n, free_at) for (holder, free_at), n in counted.items())


def _lent(
    blocks: tuple[Block, ...], holder: str, requests: int, free_at: float
) -> tuple[Block, ...]:
    """`requests` more in `holder`'s hands. All that it holds counts from now on: which of them it reports
    first can't be told apart."""
    own = sum(block.requests for block in blocks if block.holder == holder)
    others = tuple(block for block in blocks if block.holder != holder)
    latest = max((block.free_at for block in blocks if block.holder == holder), default=free_at)
    return (*others, Block(holder, own + requests, max(latest, free_at)))


def _minute_room(ask: Ask, in_use: int) -> int:
    """How many more the minute leaves: to what is scheduled all of it, to the rest all but a reserve."""
    limit = ask.limit.per_minute
    urgent = min(ask.urgent, limit - in_use)
    rest = min(ask.wanted - ask.urgent, limit - limit // _RESERVED - in_use - max(urgent, 0))
    return max(urgent, 0) + max(rest, 0)


def _day_room(limit: Limit, hours: Mapping[int, int]) -> int | None:
    if limit.per_day is None:
        return None
    return limit.per_day - sum(hours.values())


def _hours(hours: Mapping[int, int], ask: Ask, now: float) -> dict[int, int]:
    """Requests by hour that may lie within the last day; what is returned was never made."""
    if ask.limit.per_day is None:
        return {}
    this_hour = int(now // HOUR_S)
    kept = {hour: n for hour, n in hours.items() if hour >= this_hour - DAY_HOURS}
    returned = ask.returned
    # This hour and the one before: a grant is used or returned within seconds.
    for hour in sorted(kept, reverse=True)[:2]:
        taken = min(returned, kept[hour])
        kept[hour] -= taken
        returned -= taken
    return kept


def _opens_in(
    blocks: Iterable[Block], hours: Mapping[int, int], ask: Ask, now: float, granted: int
) -> float:
    """Seconds until one more may be granted."""
    day_room = _day_room(ask.limit, hours)
    if day_room is not None and day_room <= 0:
        first = min((hour for hour, n in hours.items() if n), default=int(now // HOUR_S))
        return max((first + DAY_HOURS + 1) * HOUR_S - now, _POLL_S)
    urgent_left = ask.urgent > granted
    limit = ask.limit.per_minute
    usable = limit if urgent_left else limit - limit // _RESERVED
    blocks = list(blocks)
    missing = sum(block.requests for block in blocks) - usable + 1
    for at, requests in sorted(
        (block.free_at if not block.holder else now + _POLL_S, block.requests) for block in blocks
    ):
        missing -= requests
        if missing <= 0:
            return max(at - now, 0.0)
    return _POLL_S
