"""Since when many scopes have been beyond a threshold: `since_when` of statuses.sql, over columns."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from impact_in_pipelines.sla.everybody import outcomes as o
from impact_in_pipelines.sla.everybody.counting import grouped
from impact_in_pipelines.sla.everybody.outcomes import NOTHING, Bools, Ints, Outcomes
from impact_in_pipelines.sla.model import BreachType

_UNKNOWN = np.iinfo(np.int64).max
_AT_ONCE = 100_000

Thresholds = Mapping[BreachType, Mapping[int, float]]
"""By what is judged, then by the place: below it a rate is bad, above it a latency."""


@dataclass(frozen=True, slots=True)
class SettledOutcomes:
    """Deliveries in the order in which they came to their end."""

    found: Outcomes
    punctual: Bools
    at: Ints

    @classmethod
    def of(cls, found: Outcomes, punctual: Bools) -> "SettledOutcomes":
        """`found`, of which `punctual` were on time."""
        at = np.where(
            found.settled_at == NOTHING, _UNKNOWN, found.settled_at
        )  # the last, as nulls are
        order = np.argsort(at)
        return cls(found.only(order), punctual[order], at[order])


def since_when(
    settled: SettledOutcomes, places: Ints, thresholds: Thresholds, now: datetime
) -> dict[tuple[BreachType, int], datetime]:
    """Since when each place has been beyond its threshold; those of which nobody knows are absent. `places`
    are those of `settled.found`.

    The deliveries of a place are replayed in the order in which they came to their end, with the metric as
    it stood after each: bad since the first end after which it was never good again.
    """
    since: dict[tuple[BreachType, int], datetime] = {}
    for type_, wanted in thresholds.items():
        asked = np.fromiter(wanted, dtype=np.int64, count=len(wanted))
        size = int(max(asked.max(), places.max(initial=0))) + 1
        limits = np.full(size, np.nan)
        limits[asked] = np.fromiter(wanted.values(), dtype=np.float64, count=len(wanted))
        counts, values = _measured(settled.found, settled.punctual, type_)
        chosen = np.flatnonzero(counts & ~np.isnan(limits)[places])
        chosen = chosen[grouped(places[chosen], size)]
        instants = _bad_since(
            places[chosen],
            values[chosen],
            settled.at[chosen],
            limits,
            above=type_ is BreachType.LATENCY,
        )
        for place, at in instants.items():
            since[type_, place] = now if at == _UNKNOWN else min(o.datetime_of(at), now)
    return since


def since_of_one(
    parts: Iterable[tuple[Outcomes, Bools]], type_: BreachType, limit: float, now: datetime
) -> datetime | None:
    """The same of one place, whose deliveries are in `parts` with which of them were on time: for millions,
    in little more memory than their ends and what they contribute take."""
    ends, contributed = [], []
    for found, punctual in parts:
        counts, values = _measured(found, punctual, type_)
        ends.append(found.settled_at[counts])
        contributed.append(values[counts])
    at = np.concatenate([np.zeros(0, np.int64), *ends])
    ends.clear()
    at[at == NOTHING] = _UNKNOWN
    order = np.argsort(at)
    at = at[order]
    sums = np.concatenate([np.zeros(0, np.int64), *contributed])
    contributed.clear()
    sums = sums[order]
    del order
    np.cumsum(sums, out=sums)
    since = _after_the_last_good(at, sums, limit, above=type_ is BreachType.LATENCY)
    return None if since is None else now if since == _UNKNOWN else min(o.datetime_of(since), now)


def _after_the_last_good(at: Ints, sums: Ints, limit: float, *, above: bool) -> int | None:
    for last in range(len(at), 0, -_AT_ONCE):
        first = max(last - _AT_ONCE, 0)
        average = sums[first:last] / np.arange(first + 1, last + 1)
        good = ~(average > limit) if above else ~(average < limit)
        # Those that ended at one instant count together: the last of them has their average.
        following = np.append(at[first + 1 : last + 1], [] if last < len(at) else [_UNKNOWN])
        places = np.flatnonzero(good & (at[first:last] != following))
        if len(places):
            place = first + int(places[-1]) + 1
            return int(at[place]) if place < len(at) else None
    return int(at[0]) if len(at) else None


def _measured(found: Outcomes, punctual: Bools, type_: BreachType) -> tuple[Bools, Ints]:
    """Which deliveries a metric is the average of, and what each contributes."""
    match type_:
        case BreachType.LATENCY:
            return found.latency_ms != NOTHING, found.latency_ms
        case BreachType.ON_TIME_RATE:
            return found.timed, punctual * np.int64(100)
        case BreachType.SUCCESS_RATE:
            return found.due, found.arrived * np.int64(100)
        case _:
            retried = (found.attempts > 1) & (found.fate <= o.FAILED)
            return retried, found.arrived * np.int64(100)


def _bad_since(
    places: Ints, values: Ints, at: Ints, limits: NDArray[np.float64], *, above: bool
) -> dict[int, int]:
    """The first end of each place after which its running average was never on the good side again; the rows
    of a place lie together, in the order of their ends."""
    if not len(places):
        return {}
    changes = places[1:] != places[:-1]
    begins = np.flatnonzero(np.concatenate(([True], changes)))
    sizes = np.diff(np.concatenate((begins, [len(places)])))
    sums = np.cumsum(values)
    sums -= np.repeat(sums[begins] - values[begins], sizes)
    n = np.arange(1, len(places) + 1) - np.repeat(begins, sizes)
    average = sums / n
    # Those that ended at one instant count together: each has the average after the last of them.
    ends = np.flatnonzero(np.concatenate((changes | (at[1:] != at[:-1]), [True])))
    average = np.repeat(average[ends], np.diff(np.concatenate(([-1], ends))))
    limit = limits[places]
    good = ~(average > limit) if above else ~(average < limit)
    last_good = np.maximum.reduceat(np.where(good & (at != _UNKNOWN), at, NOTHING), begins)
    last_good = np.repeat(last_good, sizes)
    # The first of each place that is: they are in the order of their ends.
    bad = np.flatnonzero((last_good == NOTHING) | (at > last_good))
    owners, firsts = np.unique(places[bad], return_index=True)
    return dict(zip(owners.tolist(), at[bad[firsts]].tolist(), strict=True))
