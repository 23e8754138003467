"""Since when many scopes have been beyond a threshold: `since_when` of statuses.sql, over columns."""

from collections.abc import Mapping
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from impact_in_pipelines.sla.everybody import outcomes as o
from impact_in_pipelines.sla.everybody.outcomes import NOTHING, Bools, Ints, Outcomes
from impact_in_pipelines.sla.model import BreachType

_UNKNOWN = np.iinfo(np.int64).max

Thresholds = Mapping[BreachType, Mapping[int, float]]
"""By what is judged, then by the place: below it a rate is bad, above it a latency."""


def since_when(
    found: Outcomes, punctual: Bools, places: Ints, thresholds: Thresholds, now: datetime
) -> dict[tuple[BreachType, int], datetime]:
    """Since when each place has been beyond its threshold; those of which nobody knows are absent.

    The deliveries of a place are replayed in the order in which they came to their end, with the metric as
    it stood after each: bad since the first end after which it was never good again.
    """
    since: dict[tuple[BreachType, int], datetime] = {}
    for type_, wanted in thresholds.items():
        if not wanted:
            continue
        asked = np.fromiter(wanted, dtype=np.int64, count=len(wanted))
        size = int(max(asked.max(), places.max(initial=0))) + 1
        limits = np.full(size, np.nan)
        limits[asked] = np.fromiter(wanted.values(), dtype=np.float64, count=len(wanted))
        counts, values = _measured(found, punctual, type_)
        counts &= ~np.isnan(limits)[places]
        instants = _bad_since(
            places[counts],
            values[counts],
            found.settled_at[counts],
            limits,
            above=type_ is BreachType.LATENCY,
        )
        for place, at in instants.items():
            since[type_, place] = now if at == _UNKNOWN else min(o.datetime_of(at), now)
    return since


def _measured(found: Outcomes, punctual: Bools, type_: BreachType) -> tuple[Bools, Ints]:
    """Which deliveries a metric is the average of, and what each contributes."""
    match type_:
        case BreachType.LATENCY:
            return found.latency_ms != NOTHING, found.latency_ms
        case BreachType.ON_TIME_RATE:
            return found.timed.copy(), punctual * np.int64(100)
        case BreachType.SUCCESS_RATE:
            return found.due, found.arrived * np.int64(100)
        case _:
            retried = (found.attempts > 1) & (found.fate <= o.FAILED)
            return retried, found.arrived * np.int64(100)


def _bad_since(
    places: Ints, values: Ints, at: Ints, limits: NDArray[np.float64], *, above: bool
) -> dict[int, int]:
    """The first end of each place after which its running average was never on the good side again."""
    if not len(places):
        return {}
    at = np.where(at == NOTHING, _UNKNOWN, at)  # the last, as nulls are
    order = np.argsort(at, kind="stable")
    narrow = np.uint16 if len(limits) <= 2**16 else np.int64
    order = order[np.argsort(places[order].astype(narrow), kind="stable")]
    places, values, at = places[order], values[order], at[order]
    begins = np.flatnonzero(np.concatenate(([True], places[1:] != places[:-1])))
    sizes = np.diff(np.concatenate((begins, [len(places)])))
    sums = np.cumsum(values)
    sums -= np.repeat(sums[begins] - values[begins], sizes)
    n = np.arange(1, len(places) + 1) - np.repeat(begins, sizes)
    # Those that ended at one instant count together: each has the average after the last of them.
    last_of_instant = np.concatenate(((places[1:] != places[:-1]) | (at[1:] != at[:-1]), [True]))
    ends = np.flatnonzero(last_of_instant)
    ending = ends[np.searchsorted(ends, np.arange(len(places)))]
    average = sums[ending] / n[ending]
    limit = limits[places]
    good = ~(average > limit) if above else ~(average < limit)
    good_at = np.where(good & (at != _UNKNOWN), at, NOTHING)
    last_good = np.repeat(np.maximum.reduceat(good_at, begins), sizes)
    bad_at = np.where((last_good == NOTHING) | (at > last_good), at, NOTHING)
    # In each place the first that is not NOTHING: they are in the order of their ends.
    bad = np.flatnonzero(bad_at != NOTHING)
    owners, firsts = np.unique(places[bad], return_index=True)
    return dict(zip(owners.tolist(), at[bad[firsts]].tolist(), strict=True))
