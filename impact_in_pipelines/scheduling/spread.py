"""The proposal of a level load: offsets of at most n minutes with which the SLA holds."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from impact_in_pipelines.errors import InvalidSchedule
from impact_in_pipelines.scheduling.load import (
    Load,
    OverloadedMinute,
    capacity_of,
    load_by_minute,
    overloaded_minutes,
    queued_by_minute,
)
from impact_in_pipelines.scheduling.patterns import (
    Counts,
    LoadEntry,
    Pattern,
    patterns,
    whole_minutes,
)


@dataclass(frozen=True, slots=True)
class SpreadProposal:
    """New `spread_minutes` by schedule id, only those that differ from the present ones; the
    overloaded minutes now and those that would remain; a `sentence` for people."""

    offsets: Mapping[str, int]
    before: tuple[OverloadedMinute, ...]
    remaining: tuple[OverloadedMinute, ...]
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

    Platforms on which the SLA holds already are left alone. Deterministic.

    Raises:
        InvalidSchedule: an offset limit below 0 or above a day, or a platform without a capacity.
    """
    if not 0 <= max_offset_minutes < 24 * 60:
        raise InvalidSchedule(f"spread limit {max_offset_minutes} must be 0 to 1439 minutes")
    entries = list(entries)
    before = overloaded_minutes(
        load_by_minute(entries, start, end), per_minute_capacity, sla_minutes
    )
    crowded = {minute.platform for minute in before}
    affected = [entry for entry in entries if entry[1] in crowded]
    start, minutes = whole_minutes(start, end)
    levels = {
        platform: _Level(
            capacity_of(per_minute_capacity, platform), sla_minutes, max_offset_minutes, minutes
        )
        for platform in crowded
    }
    waiting: dict[str, list[_Group]] = defaultdict(list)
    for (platform, _), pattern, members in patterns(affected, start, minutes, keep_spread=False):
        waiting[platform].append(_Group(pattern, sorted(members, key=lambda one: (one[1], one[0]))))
    for platform, groups in waiting.items():
        levels[platform].fill(groups)
    after = Load(start, {platform: level.counts for platform, level in levels.items()})
    remaining = overloaded_minutes(after, per_minute_capacity, sla_minutes)
    offsets = {name: at for level in levels.values() for name, at in level.changed.items()}
    sentence = _sentence(before, remaining, offsets, max_offset_minutes)
    return SpreadProposal(offsets, tuple(before), tuple(remaining), sentence)


def _sentence(
    before: list[OverloadedMinute],
    remaining: list[OverloadedMinute],
    offsets: Mapping[str, int],
    limit: int,
) -> str:
    if not before:
        return "The SLA holds in every minute; nothing needs to move."
    moved = f"{len(offsets)} schedules get a new offset of at most {limit} minutes"
    if not remaining:
        return f"{len(before)} minutes can't meet the SLA; it holds if {moved}."
    worst = max(remaining, key=lambda minute: minute.wait_minutes)
    return (
        f"{len(before)} minutes can't meet the SLA, and {len(remaining)} still can't if {moved}: "
        f"on {worst.platform} at {worst.minute:%Y-%m-%d %H:%M} UTC the last delivery waits "
        f"{worst.wait_minutes:.0f} minutes; allow a larger offset, or raise the capacity."
    )


@dataclass(slots=True)
class _Group:
    """Schedules with the same pattern that still need an offset: (id, present one)."""

    pattern: Pattern
    members: list[tuple[str, int]]


@dataclass(slots=True)
class _Level:
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
