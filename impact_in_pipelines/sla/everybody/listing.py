"""What reports list of everybody beside metrics: `day_counts` and `crowded` of reports.sql, over columns."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import numpy as np

from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sla.everybody import counting
from impact_in_pipelines.sla.everybody import outcomes as o
from impact_in_pipelines.sla.everybody.measuring import Everybody
from impact_in_pipelines.sla.everybody.outcomes import NOTHING, PLATFORMS, Bools, Ints, Outcomes
from impact_in_pipelines.sla.metrics import LATENCY_BUCKETS_MS
from impact_in_pipelines.sla.model import Window
from impact_in_pipelines.sla.windows import days_of, midnight

Found = list[Mapping[str, Any]]

_MINUTE_US, _DAY_US = 60_000_000, 86_400_000_000
_MINUTES = 24 * 60
_BOUNDS = np.array(LATENCY_BUCKETS_MS, dtype=np.int64)
_BUCKETS = len(LATENCY_BUCKETS_MS) + 1
_EACH = len(PLATFORMS)


@dataclass(frozen=True, slots=True)
class Listed:
    """Rows as those of reports.sql, by company (None: of all together)."""

    days: Mapping[UUID | None, Found]
    crowded: Mapping[UUID | None, Found]

    @classmethod
    def of(cls, everybody: Everybody, window: Window, *, late_ms: float, fewest: int) -> "Listed":
        """What was due in `window` by UTC day, and its crowded minutes."""
        days, crowded = DaySums(window), CrowdedMinutes(late_ms, fewest)
        each_day: dict[UUID | None, Found] = {}
        each_crowded: dict[UUID | None, Found] = {}
        for block, some, punctual in everybody.within(window):
            ids = everybody.ids[block.first : block.first + block.size]
            each_day |= days.add(ids, some, punctual)
            each_crowded |= crowded.add(ids, some)
        of_all = ((each_day, days.of_all()), (each_crowded, crowded.of_all()))
        for found, rows in of_all:
            if rows:
                found[None] = rows
        return cls(each_day, each_crowded)


class DaySums:
    """What was due in `window` by UTC day, added up block by block."""

    def __init__(self, window: Window) -> None:
        self._first, last = days_of(window)
        self._size = (last - self._first).days + 1
        self._total = np.zeros((self._size, 5 + _BUCKETS), dtype=np.int64)

    def add(self, ids: Sequence[UUID], some: Outcomes, punctual: Bools) -> dict[UUID | None, Found]:
        """The rows of each of the companies `ids` of which anything was due; `some` are theirs, in their
        order."""
        counts = _counted(some, punctual, len(ids), self._size, self._first)
        counts = counts.reshape(len(ids), self._size, -1)
        self._total += counts.sum(axis=0)
        with_any = np.flatnonzero(counts[:, :, 0].any(axis=1)).tolist()
        return {ids[company]: _days(counts[company], self._first) for company in with_any}

    def of_all(self) -> Found:
        """The rows of everything that was added."""
        return _days(self._total, self._first)


def _counted(some: Outcomes, punctual: Bools, companies: int, days: int, first: date) -> Ints:
    """By company and day: all, successful, not arrived, timed, on time, and the latency histogram."""
    start = o.instant_of(midnight(first))
    day = (some.scheduled_for - start) // _DAY_US
    places, size = some.company * np.int64(days) + day, companies * days
    counts = [
        np.bincount(places[mask], minlength=size)
        for mask in (
            np.ones(len(some), dtype=np.bool_),
            some.arrived,
            some.due & ~some.arrived,
            some.timed,
            punctual,
        )
    ]
    return np.concatenate([np.stack(counts, axis=1), _histograms(some, places, size)], axis=1)


def _histograms(some: Outcomes, places: Ints, size: int) -> Ints:
    """The latency histogram of each of `size` places."""
    known = some.latency_ms != NOTHING
    bucket = np.searchsorted(_BOUNDS, some.latency_ms[known])
    buckets = np.bincount(places[known] * _BUCKETS + bucket, minlength=size * _BUCKETS)
    return buckets.reshape(size, _BUCKETS)


def rolled_up(everybody: Everybody, window: Window) -> Iterator[tuple[UUID, Platform, Ints, Ints]]:
    """What `sla_daily` says of `window`, which is one UTC day: of each company's platform the counters (as
    `counting.counted` has them) and the latency histogram."""
    for block, some, punctual in everybody.within(window):
        places, size = counting.by_platform(some), _EACH * block.size
        rows = counting.counted(some, punctual, places, size)
        buckets = _histograms(some, places, size)
        for place in np.flatnonzero(counting.is_any(rows)).tolist():
            company = everybody.ids[block.first + place // _EACH]
            yield company, PLATFORMS[place % _EACH], rows[place], buckets[place]


def _days(counts: Ints, first: date) -> Found:
    names = ("successful", "not_arrived", "timed", "on_time")
    return [
        {
            "day": first + timedelta(days=n),
            **dict(zip(names, row[1:5], strict=True)),
            "latency_ms_buckets": row[5:],
        }
        for n, row in enumerate(counts.tolist())
        if row[0]
    ]


class CrowdedMinutes:
    """The minute of the day (UTC) of each platform whose first attempts start latest on average, of those
    that are due at least `fewest` times and start `late_ms` late or more, block by block."""

    def __init__(self, late_ms: float, fewest: int) -> None:
        self._late_ms, self._fewest = late_ms, fewest
        self._whole = _no_counts(_EACH * _MINUTES)

    def add(self, ids: Sequence[UUID], some: Outcomes) -> dict[UUID | None, Found]:
        """The minute of each of the companies `ids` that has one; `some` are theirs, in their order."""
        known = some.lateness_ms != NOTHING
        late, minute = some.lateness_ms[known], some.scheduled_for[known] // _MINUTE_US % _MINUTES
        of_platform = some.platform[known] * np.int64(_MINUTES) + minute
        _add(self._whole, of_platform, late)
        keys, places = np.unique(
            some.company[known] * np.int64(_EACH * _MINUTES) + of_platform, return_inverse=True
        )
        counts = _no_counts(len(keys))
        _add(counts, places, late)
        found: defaultdict[UUID | None, Found] = defaultdict(list)
        for company, row in _latest(keys, counts, self._late_ms, self._fewest):
            found[ids[company]].append(row)
        return found

    def of_all(self) -> Found:
        """The minute of each platform, of everything that was added."""
        every = np.arange(_EACH * _MINUTES)
        return [row for _, row in _latest(every, self._whole, self._late_ms, self._fewest)]


def _no_counts(size: int) -> Ints:
    counts = np.zeros((3, size), dtype=np.int64)
    counts[2] = NOTHING
    return counts


def _add(counts: Ints, places: Ints, late: Ints) -> None:
    np.add.at(counts[0], places, 1)
    np.add.at(counts[1], places, late)
    np.maximum.at(counts[2], places, late)


def _latest(
    keys: Ints, counts: Ints, late_ms: float, fewest: int
) -> list[tuple[int, Mapping[str, Any]]]:
    """The company's number and the row of the latest minute of each (company, platform)."""
    n, total, largest = counts
    average = total / np.maximum(n, 1)
    chosen = np.flatnonzero((n >= max(fewest, 1)) & (average >= late_ms))
    scopes, minutes = keys[chosen] // _MINUTES, keys[chosen] % _MINUTES
    chosen = chosen[np.lexsort((minutes, -average[chosen], scopes))]
    scopes, places = np.unique(keys[chosen] // _MINUTES, return_index=True)
    rows: Sequence[int] = chosen[places].tolist()
    return [
        (
            scope // _EACH,
            {
                "platform": PLATFORMS[scope % _EACH].value,
                "at": "{:02}:{:02}".format(*divmod(int(keys[row] % _MINUTES), 60)),
                "deliveries": int(n[row]),
                "average_lateness_ms": float(average[row]),
                "max_lateness_ms": int(largest[row]),
            },
        )
        for scope, row in zip(scopes.tolist(), rows, strict=True)
    ]
