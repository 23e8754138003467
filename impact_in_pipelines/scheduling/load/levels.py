"""Level load: how many deliveries fall due in each minute, where the SLA can't hold, and which
spread makes it hold.

A platform is taken as one queue that serves `per_minute_capacity` deliveries a minute, in the order
in which they fall due.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from impact_in_pipelines.errors.schedules import LoadCapacityMissing
from impact_in_pipelines.scheduling.load.entries import LoadEntry
from impact_in_pipelines.scheduling.load.patterns import (
    MINUTE,
    Counts,
    patterns,
    whole_minutes,
)


@dataclass(frozen=True, slots=True)
class Load:
    """Deliveries due per minute from `start` (UTC, a whole minute), one array per platform."""

    start: datetime
    by_platform: Mapping[str, Counts]

    def minute(self, index: int) -> datetime:
        """The instant (UTC) at which minute `index` begins."""
        return self.start + index * MINUTE


@dataclass(frozen=True, slots=True)
class OverloadedMinute:
    """A minute (UTC) whose last delivery waits `wait_minutes`, longer than the SLA allows; `due`
    fall due in it and `waiting` are still queued from before."""

    platform: str
    minute: datetime
    due: int
    waiting: int
    wait_minutes: float


def load_by_minute(entries: Iterable[LoadEntry], start: datetime, end: datetime) -> Load:
    """What falls due from `start` to `end` (UTC, exclusive), minute by minute and per platform,
    with the spread that each rule has now. Fires that a cursor has handled don't count."""
    start, minutes = whole_minutes(start, end)
    counts: dict[str, Counts] = {}
    for (platform, _), pattern, members in patterns(entries, start, minutes, keep_spread=True):
        load = counts.setdefault(platform, np.zeros(minutes, np.int64))
        load[pattern.at(0, minutes)] += len(members)
    return Load(start, counts)


def overloaded_minutes(
    load: Load, per_minute_capacity: Mapping[str, float], sla_minutes: float = 5
) -> list[OverloadedMinute]:
    """The minutes whose deliveries wait longer than `sla_minutes`, in order, platform by platform.

    Raises:
        LoadCapacityMissing: a platform without a positive capacity.
    """
    found = []
    for platform, counts in sorted(load.by_platform.items()):
        capacity = capacity_of(per_minute_capacity, platform)
        queued = queued_by_minute(counts, capacity)
        waits = queued / capacity
        for index in np.flatnonzero((waits > sla_minutes) & (counts > 0)):
            due = int(counts[index])
            found.append(
                OverloadedMinute(
                    platform,
                    load.minute(int(index)),
                    due,
                    round(float(queued[index])) - due,
                    float(waits[index]),
                )
            )
    return found


def queued_by_minute(counts: Counts, capacity: float) -> NDArray[np.float64]:
    """Deliveries in the queue once each minute's have joined it: Lindley's recursion
    `queued[i] = max(queued[i-1] - capacity, 0) + counts[i]`, unrolled so that numpy does it."""
    served = np.arange(1, len(counts) + 1) * capacity
    joined = np.cumsum(counts)
    behind = joined - served
    lowest = np.minimum.accumulate(np.concatenate(([0.0], behind[:-1])))
    return behind - lowest + capacity


def capacity_of(per_minute_capacity: Mapping[str, float], platform: str) -> float:
    """Deliveries a minute of `platform`.

    Raises:
        LoadCapacityMissing: none is given, or not a positive one.
    """
    capacity = per_minute_capacity.get(platform, 0.0)
    if capacity <= 0:
        raise LoadCapacityMissing(platform)
    return capacity
