"""The proposal of a level load: offsets of at most n minutes with which the SLA holds."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from impact_in_pipelines.errors.schedules import SpreadOutOfRange
from impact_in_pipelines.plurals import count
from impact_in_pipelines.scheduling.load.entries import LoadEntry
from impact_in_pipelines.scheduling.load.levels import (
    Load,
    OverloadedMinute,
    capacity_of,
    load_by_minute,
    overloaded_minutes,
    queued_by_minute,
)
from impact_in_pipelines.scheduling.load.patterns import (
    Counts,
    Pattern,
    patterns,
    whole_minutes,
)

_ROUNDING = 1e-6
_PRECISION = 0.001
_EXACT_BELOW = 10

WORTH_IT = 0.9
"""Offsets that can't make the SLA hold must at least take a tenth off the longest wait or the late ones."""


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A platform on which no offset helps: deliveries a minute that the SLA needs, and that it takes."""

    platform: str
    needed_per_minute: float
    possible_per_minute: float


@dataclass(frozen=True, slots=True)
class SpreadProposal:
    """New `spread_minutes` by schedule id, only those that differ from the present ones; the
    overloaded minutes now and those that would remain; the platforms without gain; a `sentence` for
    people."""

    offsets: Mapping[str, int]
    before: tuple[OverloadedMinute, ...]
    remaining: tuple[OverloadedMinute, ...]
    shortfalls: tuple[Shortfall, ...]
    sentence: str

    @property
    def holds(self) -> bool:
        """Whether every delivery meets the SLA once the offsets are set."""
        return not self.remaining


def propose_spread(
    entries: Iterable[LoadEntry],
    per_minute_capacity: Mapping[str, float],
    max_offset_minutes: int,
    *,
    start: datetime,
    end: datetime,
    sla_minutes: float = 5,
) -> SpreadProposal:
    """Offsets from 0 to `max_offset_minutes` with which no delivery due from `start` to `end` (UTC)
    waits longer than `sla_minutes`; if that can't be, those with which fewest do.

    Platforms on which the SLA holds already are left alone, and so are those on which offsets gain
    nothing to speak of (`WORTH_IT`): set, a proposal isn't made again. Deterministic.

    Raises:
        InvalidSchedule: an offset limit below 0 or above a day, or a platform without a capacity.
    """
    if not 0 <= max_offset_minutes < 24 * 60:
        raise SpreadOutOfRange(max_offset_minutes)
    entries = list(entries)
    load = load_by_minute(entries, start, end)
    before = overloaded_minutes(load, per_minute_capacity, sla_minutes)
    crowded = {minute.platform for minute in before}
    affected = [entry for entry in entries if entry[1] in crowded]
    start, minutes = whole_minutes(start, end)
    levels = {
        platform: _LoadLevel(
            capacity_of(per_minute_capacity, platform),
            sla_minutes,
            max_offset_minutes,
            # What is moved past the end still falls due.
            minutes + max_offset_minutes,
        )
        for platform in sorted(crowded)
    }
    waiting: dict[str, list[_Group]] = defaultdict(list)
    for (platform, _), pattern, members in patterns(affected, start, minutes, keep_spread=False):
        waiting[platform].append(_Group(pattern, sorted(members, key=lambda one: (one[1], one[0]))))
    for platform, groups in waiting.items():
        levels[platform].fill(groups)
    gains = {
        platform: level
        for platform, level in levels.items()
        if level.is_worth_more_than(load.by_platform[platform])
    }
    after = {platform: level.counts for platform, level in gains.items()}
    remaining = overloaded_minutes(Load(start, after), per_minute_capacity, sla_minutes)
    remaining += [minute for minute in before if minute.platform not in gains]
    offsets = {name: at for level in gains.values() for name, at in level.changed.items()}
    shortfalls = tuple(
        Shortfall(platform, level.needed(load.by_platform[platform]), level.capacity)
        for platform, level in levels.items()
        if platform not in gains
    )
    sentence = _sentence(before, remaining, offsets, shortfalls, max_offset_minutes)
    return SpreadProposal(offsets, tuple(before), tuple(remaining), shortfalls, sentence)


def _sentence(
    before: list[OverloadedMinute],
    remaining: list[OverloadedMinute],
    offsets: Mapping[str, int],
    shortfalls: Sequence[Shortfall],
    limit: int,
) -> str:
    if not before:
        return "The SLA holds in every minute; nothing needs to move."
    helpless = "; ".join(_in_words(one, limit) for one in shortfalls)
    if not offsets:
        return helpless + "."
    moved = (
        f"{count(len(offsets), 'schedule gets', 'schedules get')} a new offset of at most "
        f"{count(limit, 'minute')}"
    )
    if not remaining:
        return f"{count(len(before), 'minute')} can't meet the SLA; it holds if {moved}."
    said = f"{count(len(before), 'minute')} can't meet the SLA, and {len(remaining)} still can't if {moved}"
    if helpless:
        return f"{said}; {helpless}."
    worst = max(remaining, key=lambda minute: minute.wait_minutes)
    return (
        f"{said}: "
        f"on {worst.platform} at {worst.minute:%Y-%m-%d %H:%M} UTC the last delivery waits "
        f"{count(round(worst.wait_minutes), 'minute')}; allow a larger offset, or raise the capacity."
    )


def _in_words(shortfall: Shortfall, limit: int) -> str:
    return (
        f"no offset of at most {count(limit, 'minute')} helps on {shortfall.platform}: the SLA needs "
        f"{_rate(shortfall.needed_per_minute)} deliveries a minute, {_rate(shortfall.possible_per_minute)} "
        "are possible; raise its limit, allow a larger offset, or move schedules to other hours"
    )


def _rate(per_minute: float) -> str:
    return f"{per_minute:.0f}" if per_minute >= _EXACT_BELOW else f"{per_minute:.1f}"


@dataclass(slots=True)
class _Group:
    """Schedules with the same pattern that still need an offset: (id, present one)."""

    pattern: Pattern
    members: list[tuple[str, int]]


@dataclass(slots=True)
class _LoadLevel:
    """The load of one platform while offsets are given out."""

    capacity: float
    sla_minutes: float
    limit: int
    minutes: int
    counts: Counts = field(init=False)
    changed: dict[str, int] = field(default_factory=dict)
    _queued: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        self.counts = np.zeros(self.minutes, np.int64)

    def fill(self, groups: list[_Group]) -> None:
        """Gives every schedule an offset: first so that no minute holds more than it can serve,
        then so that the queue stays short enough, then evenly. Frequent fires first: they fit
        worst."""
        groups.sort(key=lambda group: (-len(group.pattern.fires), -len(group.members)))
        for group in groups:
            for offset in range(self.limit + 1):
                self._put(group, offset, self._room(group, offset))
        for group in groups:
            for offset in range(self.limit, -1, -1):
                self._put(group, offset, self._queue_room(group, offset))
        for group in groups:
            share = -(-len(group.members) // (self.limit + 1))
            for offset in range(self.limit + 1):
                self._put(group, offset, share)

    def is_worth_more_than(self, present: Counts) -> bool:
        """Whether the offsets given make the SLA hold, or bring it so much nearer that it is worth moving
        schedules: neither the longest wait nor the number of late deliveries grows, one shrinks."""
        if not self.changed:
            return False
        late, longest = self._strain(self.counts)
        late_now, longest_now = self._strain(present)
        if not late:
            return True
        shrinks = late <= WORTH_IT * late_now or longest <= WORTH_IT * longest_now
        return shrinks and late <= late_now and longest <= longest_now

    def _strain(self, counts: Counts) -> tuple[int, float]:
        """Deliveries that wait longer than the SLA allows, and the longest wait (minutes)."""
        waits = queued_by_minute(counts, self.capacity) / self.capacity
        too_many = np.ceil((waits - self.sla_minutes) * self.capacity - _ROUNDING)
        late = int(np.minimum(counts, np.maximum(too_many, 0)).sum())
        return late, float(waits[counts > 0].max(initial=0))

    def needed(self, present: Counts) -> float:
        """Deliveries a minute with which the SLA would hold, at the present offsets or at those given,
        whichever needs less."""
        return min(self._needed(present), self._needed(self.counts))

    def _needed(self, counts: Counts) -> float:
        low, high = 0.0, float(max(counts.max(initial=0), 1))
        while high - low > _PRECISION * high:
            tried = (low + high) / 2
            waits = queued_by_minute(counts, tried) / tried
            if waits[counts > 0].max(initial=0) > self.sla_minutes:
                low = tried
            else:
                high = tried
        return high

    def _put(self, group: _Group, offset: int, number: int) -> None:
        if number <= 0 or not group.members:
            return
        self._queued = None
        taken, group.members = group.members[:number], group.members[number:]
        self.counts[group.pattern.at(offset, self.minutes)] += len(taken)
        self.changed.update({name: offset for name, present in taken if present != offset})

    def _room(self, group: _Group, offset: int) -> int:
        """How many more fit at `offset` if a minute may hold what it can serve."""
        if not group.members:
            return 0
        at = group.pattern.at(offset, self.minutes)
        if not len(at):
            return len(group.members)
        return max(0, int(self.capacity - self.counts[at].max()))

    def _queue_room(self, group: _Group, offset: int) -> int:
        """How many more fit at `offset` if the queue may be as long as the SLA allows."""
        if not group.members:
            return 0
        at = group.pattern.at(offset, self.minutes)
        longest = self.sla_minutes * self.capacity
        if self._queued is None:
            self._queued = queued_by_minute(self.counts, self.capacity)
        # Each one more makes the queue of its own minutes longer by one at least.
        most = int(longest - self._queued[at].max(initial=0))
        fits, too_many = 0, min(most, len(group.members)) + 1
        while too_many - fits > 1:
            tried = (fits + too_many) // 2
            counts = self.counts.copy()
            counts[at] += tried
            queued = queued_by_minute(counts, self.capacity)
            if float(queued.max()) <= longest:
                fits = tried
            else:
                too_many = tried
        return fits
