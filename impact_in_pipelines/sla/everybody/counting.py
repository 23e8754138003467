"""The counters and percentiles of many scopes at once: what counting.sql counts, over columns.

The definitions are those of `counters` in counting.sql and of sla/metrics.py; a test compares the two over
random logs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impact_in_pipelines.sla.everybody import outcomes as o
from impact_in_pipelines.sla.everybody.outcomes import NOTHING, PLATFORMS, Bools, Ints, Outcomes
from impact_in_pipelines.sla.metrics import COUNTERS, LARGEST, SUMMED

PLACE = {name: n for n, name in enumerate(COUNTERS)}
"""The column of each counter."""
_MAXIMA = [PLACE[name] for name in LARGEST]
_SHARES = (0.5, 0.95)
_LOW_BITS = 26

NO_MAXIMUM = NOTHING
"""Stands for null among the counters: of nothing there is no largest."""


def by_platform(found: Outcomes) -> Ints:
    """The place of each delivery's (company, platform): companies in the order of their numbers."""
    return found.company.astype(np.int64) * len(PLATFORMS) + found.platform


def on_time(found: Outcomes, targets_ms: NDArray[np.float64]) -> Bools:
    """Which arrived within the target of their (company, platform), of the timed ones."""
    within = found.latency_ms <= targets_ms[by_platform(found)]
    return np.asarray(found.timed & (found.latency_ms != NOTHING) & within)


def counted(found: Outcomes, punctual: Bools, places: Ints, size: int) -> Ints:
    """The counters of each of `size` places: a row of `COUNTERS` each, `NO_MAXIMUM` where nothing has a
    largest. `punctual` are the deliveries on time."""
    fate, attempts = found.fate, found.attempts
    arrived, failed, retried = found.arrived, fate == o.FAILED, attempts > 1
    chosen: dict[str, Bools] = {
        **{name: fate == n for n, name in enumerate(o.FATES)},
        "recovered": found.recovered,
        "timed": found.timed,
        "on_time": punctual,
        "retried": retried,
        "retried_successful": retried & arrived,
        "retried_failed": retried & failed,
        "retry_1": arrived & (attempts == 2),
        "retry_2": arrived & (attempts == 3),
        "retry_3": arrived & (attempts == 4),
        "retry_later": arrived & (attempts > 4),
    }
    rows = np.zeros((size, len(COUNTERS)), dtype=np.int64)
    for name, mask in chosen.items():
        rows[:, PLACE[name]] = np.bincount(places[mask], minlength=size)
    values: tuple[tuple[str, Any, Bools], ...] = (
        ("attempts", attempts, attempts > 0),
        ("payload_bytes", found.payload_bytes, found.payload_bytes >= 0),
        ("latency_ms", found.latency_ms, found.latency_ms != NOTHING),
        ("lateness_ms", found.lateness_ms, found.lateness_ms != NOTHING),
    )
    for name, column, known in values:
        where, value = places[known], column[known].astype(np.int64)
        rows[:, PLACE[f"{name}_n"]] = np.bincount(where, minlength=size)
        rows[:, PLACE[f"{name}_sum"]] = _sums(where, value, size)
        largest = np.full(size, NO_MAXIMUM, dtype=np.int64)
        np.maximum.at(largest, where, value)
        rows[:, PLACE[f"{name}_max"]] = largest
    return rows


def _sums(places: Ints, values: Ints, size: int) -> Ints:
    # `bincount` adds doubles, which are exact up to 2^53: the two halves of a number stay below.
    low, high = values & (2**_LOW_BITS - 1), values >> _LOW_BITS
    of_low = np.bincount(places, weights=low, minlength=size).astype(np.int64)
    of_high = np.bincount(places, weights=high, minlength=size).astype(np.int64)
    return np.asarray(of_low + (of_high << _LOW_BITS))


def added(rows: Ints, axis: int) -> Ints:
    """Counters added up along `axis`: of platforms those of their company, of companies those of all."""
    total = rows.sum(axis=axis)
    total[..., _MAXIMA] = rows[..., _MAXIMA].max(axis=axis, initial=NO_MAXIMUM)
    return np.asarray(total)


def no_rows(size: int) -> Ints:
    """The counters of `size` places at which there is nothing."""
    rows = np.zeros((size, len(COUNTERS)), dtype=np.int64)
    rows[:, _MAXIMA] = NO_MAXIMUM
    return rows


def is_any(rows: Ints) -> Bools:
    """Which rows count anything at all."""
    return np.asarray(rows[:, : len(SUMMED)].any(axis=1))


def as_counters(row: Sequence[int]) -> dict[str, int | None]:
    """One row (a list) by the counters' names."""
    found: dict[str, int | None] = dict(zip(COUNTERS, row, strict=True))
    for name in LARGEST:
        if found[name] == NO_MAXIMUM:
            found[name] = None
    return found


@dataclass(frozen=True, slots=True)
class Ordered:
    """Values from the least to the largest, and where each was before. Sorted once, for several groupings."""

    values: Ints
    before: NDArray[np.intp]

    @classmethod
    def of(cls, values: Ints) -> "Ordered":
        """Those of `values` that are any."""
        known = np.flatnonzero(values != NOTHING)
        before = known[np.argsort(values[known])]
        return cls(values[before], before)


def grouped(places: Ints, size: int) -> NDArray[np.intp]:
    """The order that puts equal `places` (below `size`) together and leaves the order within each."""
    # Sorting numbers of 16 bits goes by their digits: linear, and many times quicker.
    return np.argsort(places.astype(np.uint16 if size <= 2**16 else np.int64), kind="stable")


def percentiles(found: Ordered, places: Any, size: int) -> list[tuple[int, int] | None]:
    """p50 and p95 of each of `size` places, None where it has no values: the least value that so large a
    share of them reaches, as `percentile_disc` says."""
    places = places[found.before]
    ordered = found.values[grouped(places, size)]
    n = np.bincount(places, minlength=size)
    first = np.concatenate(([0], np.cumsum(n)[:-1]))
    of_shares = []
    for share in _SHARES:
        at = first + np.maximum(np.ceil(share * n).astype(np.int64), 1) - 1
        of_shares.append(ordered[np.minimum(at, len(ordered) - 1)] if len(ordered) else n)
    both = np.stack(of_shares, axis=1).tolist()
    return [(p50, p95) if some else None for (p50, p95), some in zip(both, n.tolist(), strict=True)]


def percentiles_of_one(values: Ints) -> tuple[int, int] | None:
    """The same of all `values` together, without sorting them."""
    values = values[values != NOTHING]
    if not len(values):
        return None
    at = [max(int(np.ceil(share * len(values))), 1) - 1 for share in _SHARES]
    p50, p95 = np.partition(values, at)[at].tolist()
    return p50, p95


def oldest_overdue(found: Outcomes, places: Ints) -> dict[int, datetime]:
    """When the oldest overdue delivery of a place was due, by the place."""
    overdue = found.fate == o.OVERDUE
    oldest: dict[int, int] = {}
    pairs = zip(places[overdue].tolist(), found.scheduled_for[overdue].tolist(), strict=True)
    for place, at in pairs:
        oldest[place] = min(at, oldest.get(place, at))
    return {place: o.datetime_of(at) for place, at in oldest.items()}


@dataclass(frozen=True, slots=True)
class Ends:
    """Of each place: how many came to their end within each span before now (`due`, a column each), how many
    of these did not arrive (`errors`), and the first of the latter in the longest span (`since`)."""

    due: Ints
    errors: Ints
    since: Ints

    @property
    def ended(self) -> Bools:
        """At which places anything came to its end in the longest span."""
        return np.asarray(self.due[..., -1] > 0)

    def added(self, axis: int) -> "Ends":
        """Added up along `axis`."""
        since = self.since.min(axis=axis, initial=NEVER)
        return Ends(self.due.sum(axis=axis), self.errors.sum(axis=axis), since)

    def only(self, places: slice) -> "Ends":
        """Those of `places`."""
        return Ends(self.due[places], self.errors[places], self.since[places])

    def shaped(self, *shape: int) -> "Ends":
        """The same, its places in several dimensions."""
        spans = self.due.shape[-1]
        return Ends(
            self.due.reshape(*shape, spans),
            self.errors.reshape(*shape, spans),
            self.since.reshape(shape),
        )


def joined_ends(parts: Sequence[Ends]) -> Ends:
    """The places of `parts` one after the other."""
    return Ends(
        np.concatenate([one.due for one in parts]),
        np.concatenate([one.errors for one in parts]),
        np.concatenate([one.since for one in parts]),
    )


def no_ends(size: int, spans: int) -> Ends:
    """`size` places at which nothing came to its end."""
    nothing = np.zeros((size, spans), dtype=np.int64)
    return Ends(nothing, nothing.copy(), np.full(size, NEVER, dtype=np.int64))


NEVER = np.iinfo(np.int64).max
"""Later than everything: stands for no instant in `Ends.since`."""


def ends(
    found: Outcomes, places: Ints, size: int, spans: Sequence[timedelta], now: datetime
) -> Ends:
    """What came to its end within `spans` (the longest last) before `now`."""
    at, wrong = found.settled_at, ~found.arrived
    ended = found.due & (at <= o.instant_of(now)) & (at != NOTHING)
    counts, failed = no_ends(size, len(spans)), ended & wrong
    for n, span in enumerate(spans):
        inside = ended & (at > o.instant_of(now - span))
        counts.due[:, n] = np.bincount(places[inside], minlength=size)
        failed = inside & wrong
        counts.errors[:, n] = np.bincount(places[failed], minlength=size)
    np.minimum.at(counts.since, places[failed], at[failed])
    return counts


def targets_ms(
    size: int, default: float, own: Mapping[tuple[int | None, int | None], float]
) -> NDArray[np.float64]:
    """The latency target of each (company, platform) of `size` companies: `own` ones by the number of a
    company and of a platform (None: all), of which the narrowest wins, then a company's."""
    found = np.full((size, len(PLATFORMS)), default, dtype=np.float64)
    for place in (1, 2, 3):  # a platform's, a company's, a company's on a platform
        for (company, platform), value in own.items():
            if (company is not None) * 2 + (platform is not None) == place:
                rows = slice(None) if company is None else company
                found[rows, slice(None) if platform is None else platform] = value
    return found.ravel()
