"""Everybody by columns: what they count is what a loop over the same deliveries counts."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sla.assessing import SinceKey
from impact_in_pipelines.sla.budget import BURN_WINDOWS
from impact_in_pipelines.sla.everybody import counting
from impact_in_pipelines.sla.everybody import outcomes as o
from impact_in_pipelines.sla.everybody import since as since_when
from impact_in_pipelines.sla.everybody.listing import Listed
from impact_in_pipelines.sla.everybody.measuring import Everybody, OutcomeBlock
from impact_in_pipelines.sla.everybody.standing import EverybodyStanding
from impact_in_pipelines.sla.metrics import LATENCY_BUCKETS_MS
from impact_in_pipelines.sla.model import BreachType, Window

from .everybody_made import (
    BOOK,
    COMPANIES,
    NOW,
    WINDOW,
    Delivery,
    columns,
    counters,
    everybody,
    metrics,
    scopes,
    some,
)

SIZES = [0, 1, 7, 400]
BURNING = Window(NOW - timedelta(days=9), NOW + timedelta(days=1))


def in_window(deliveries: Sequence[Delivery], window: Window = WINDOW) -> list[Delivery]:
    return [d for d in deliveries if window.start <= d.scheduled_for < window.end]


@pytest.mark.parametrize("count", SIZES)
def test_the_metrics_of_every_scope_are_those_that_a_loop_counts(count: int) -> None:
    """Counters, percentiles and the oldest overdue one, of companies, platforms and all; the window's start
    included, its end not."""
    deliveries = some(count, 1)
    found = everybody(deliveries).metrics(WINDOW)
    expected = {key: metrics(own) for key, own in scopes(in_window(deliveries)).items()}
    assert found == expected


def test_a_window_is_half_open() -> None:
    """A delivery due at its very end belongs to the next one."""
    late = some(1, 3)[0]
    for at, inside in (
        (WINDOW.start, True),
        (WINDOW.start - timedelta(microseconds=1), False),
        (WINDOW.end - timedelta(microseconds=1), True),
        (WINDOW.end, False),
    ):
        d = Delivery(0, late.platform, "failed", at, None, None, None, 1, None)
        assert everybody([d]).metrics(WINDOW)[None, None].due == inside


def burns(deliveries: Sequence[Delivery]) -> dict[Any, Any]:
    """What came to its end within each span before now, by a loop; fires that nobody planned have no end."""
    found = {}
    for key, own in scopes(d for d in in_window(deliveries, BURNING) if d.planned).items():
        spans: dict[timedelta, tuple[int, int]] = {}
        first: list[datetime] = []
        for span in BURN_WINDOWS:
            ended = [
                d
                for d in own
                if d.due and d.settled_at is not None and NOW - span < d.settled_at <= NOW
            ]
            wrong = [d.settled_at for d in ended if d.fate != "successful" and d.settled_at]
            spans[span] = (len(ended), len(wrong))
            first = wrong
        if spans[BURN_WINDOWS[-1]][0]:
            found[key] = (spans, min(first, default=None))
    return found


@pytest.mark.parametrize("count", SIZES)
def test_burning_is_what_ended_within_each_span(count: int) -> None:
    """Up to now, the span's own start excluded; since the first that did not arrive in the longest."""
    deliveries = some(count, 2)
    found = everybody(deliveries).burns(BURN_WINDOWS, BURNING, NOW)
    told = {
        key: ({span: (e.due, e.errors) for span, e in burn.by_window.items()}, burn.since)
        for key, burn in found.items()
    }
    assert told == burns(deliveries)


CONTRIBUTIONS: dict[BreachType, Any] = {
    BreachType.LATENCY: lambda d: d.latency_ms,
    BreachType.ON_TIME_RATE: lambda d: 100 * d.on_time if d.timed else None,
    BreachType.SUCCESS_RATE: lambda d: 100 * (d.fate == "successful") if d.due else None,
    BreachType.RETRY_SUCCESS_RATE: lambda d: (
        100 * (d.fate == "successful")
        if d.attempts > 1 and d.fate in ("successful", "failed")
        else None
    ),
}
"""What a delivery contributes to the average that is judged; None: nothing."""


def bad_since(own: Sequence[Delivery], type_: BreachType, limit: float) -> datetime | None:
    """The first end after which the running average was never good again, by a loop."""
    contribution = CONTRIBUTIONS[type_]
    never = datetime.max.replace(tzinfo=UTC)
    ends = sorted(
        ((d.settled_at or never, contribution(d)) for d in own if contribution(d) is not None),
        key=lambda pair: pair[0],
    )
    since, total = None, 0.0
    for n, (at, value) in enumerate(ends, 1):
        total += value
        if n < len(ends) and ends[n][0] == at:
            continue  # those that ended at one instant count together
        average = total / n
        bad = average > limit if type_ is BreachType.LATENCY else average < limit
        # What has no end yet is the last, and judged with what came before it.
        if not bad:
            since = None
        elif since is None:
            since = at
    return None if since is None else min(since, NOW)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("limit", [20.0, 50.0, 80.0])
@pytest.mark.parametrize("at_once", [2, 7, 100_000])
def test_bad_since_is_the_end_after_which_it_was_never_good_again(
    monkeypatch: pytest.MonkeyPatch, seed: int, limit: float, at_once: int
) -> None:
    """Of companies, of their platforms, of platforms and of all, whatever is judged. All are looked through
    from the end, so many at a time; ends at one instant may lie across the cut."""
    monkeypatch.setattr(since_when, "_AT_ONCE", at_once)
    deliveries = [d for d in some(60, seed) if d.settled_at is not None]
    wanted, expected = [], {}
    for (company, platform), own in scopes(in_window(deliveries)).items():
        for type_ in CONTRIBUTIONS:
            threshold = limit * 10_000 if type_ is BreachType.LATENCY else limit
            key = SinceKey(company, platform, type_, threshold)
            wanted.append(key)
            since = bad_since(own, type_, threshold)
            if since is not None:
                expected[key] = since
    found = everybody(deliveries).since(wanted, WINDOW, NOW)
    assert found == expected
    assert everybody(deliveries).since([], WINDOW, NOW) == {}


def test_only_what_was_asked_is_told() -> None:
    """A scope of which nothing is in the window has no beginning."""
    deliveries = some(200, 4)
    key = SinceKey(COMPANIES[4], None, BreachType.SUCCESS_RATE, 99.0)
    assert everybody(deliveries).since([key], WINDOW, NOW) == {}
    whole = SinceKey(None, None, BreachType.SUCCESS_RATE, 99.0)
    assert set(everybody(deliveries).since([whole], WINDOW, NOW)) == {whole}


# Reports --------------------------------------------------------------------------------------------------


def by_day(own: Sequence[Delivery]) -> list[dict[str, Any]]:
    found = []
    for day in sorted({d.scheduled_for.date() for d in own}):
        of_day = [d for d in own if d.scheduled_for.date() == day]
        buckets = [0] * (len(LATENCY_BUCKETS_MS) + 1)
        for d in of_day:
            if d.latency_ms is not None:
                buckets[sum(d.latency_ms > bound for bound in LATENCY_BUCKETS_MS)] += 1
        found.append(
            {
                "day": day,
                "successful": sum(d.fate == "successful" for d in of_day),
                "not_arrived": sum(d.due and d.fate != "successful" for d in of_day),
                "timed": sum(d.timed for d in of_day),
                "on_time": sum(d.on_time for d in of_day),
                "latency_ms_buckets": buckets,
            }
        )
    return found


def crowded_minutes(own: Sequence[Delivery], late_ms: float, fewest: int) -> list[dict[str, Any]]:
    found = []
    for platform in Platform:
        minutes: dict[str, list[int]] = {}
        for d in own:
            if d.platform is platform and d.lateness_ms is not None:
                minutes.setdefault(f"{d.scheduled_for:%H:%M}", []).append(d.lateness_ms)
        fitting = {
            at: late
            for at, late in minutes.items()
            if len(late) >= fewest and sum(late) / len(late) >= late_ms
        }
        if fitting:
            at = min(fitting, key=lambda at: (-sum(fitting[at]) / len(fitting[at]), at))
            late = fitting[at]
            found.append(
                {
                    "platform": platform.value,
                    "at": at,
                    "deliveries": len(late),
                    "average_lateness_ms": sum(late) / len(late),
                    "max_lateness_ms": max(late),
                }
            )
    return found


@pytest.mark.parametrize(
    ("count", "late_ms", "fewest"), [(0, 1.0, 1), (400, 60_000.0, 1), (900, 0.0, 2), (400, 1.0, 0)]
)
def test_reports_list_days_and_crowded_minutes_as_a_loop_does(
    count: int, late_ms: float, fewest: int
) -> None:
    """Of each company and of all; a day with nothing isn't listed, and of a platform the latest minute."""
    deliveries = some(count, 5)
    inside = in_window(deliveries)
    by_company = {
        company: own for (company, platform), own in scopes(inside).items() if platform is None
    }
    listed = Listed.of(everybody(deliveries), WINDOW, late_ms=late_ms, fewest=fewest)
    assert listed.days == {c: by_day(own) for c, own in by_company.items() if own}
    expected = {c: crowded_minutes(own, late_ms, max(fewest, 1)) for c, own in by_company.items()}
    assert {c: rows for c, rows in listed.crowded.items() if rows} == {
        c: rows for c, rows in expected.items() if rows
    }


# Standing -------------------------------------------------------------------------------------------------


def standing(deliveries: Sequence[Delivery]) -> EverybodyStanding:
    return EverybodyStanding.of(everybody(deliveries), WINDOW, BURNING, NOW)


def without_lateness(found: Any) -> Any:
    """Percentiles of lateness aren't kept of platforms."""
    late = found.lateness and replace(found.lateness, p50=None, p95=None)
    return replace(found, lateness=late)


def test_how_everybody_stands_is_what_was_measured() -> None:
    """Of companies on platforms and of platforms; some or all of the companies."""
    deliveries = some(400, 6)
    stands, measured = standing(deliveries), everybody(deliveries).metrics(WINDOW)
    single = {key for key in measured if key[1] is not None}
    keys = stands.keys(None)
    assert (len(stands), set(keys), len(keys)) == (5, single, len(single))
    assert COMPANIES[4] in stands
    told = dict(zip(keys, stands.metrics(keys), strict=True))
    assert {key: without_lateness(found) for key, found in told.items()} == {
        key: without_lateness(measured[key]) for key in single
    }
    burning = everybody(deliveries).burns(BURN_WINDOWS, BURNING, NOW)
    assert stands.burns(keys) == {key: burning[key] for key in keys if key in burning}
    few = [COMPANIES[1], COMPANIES[4], COMPANIES[3]]
    platforms = {key for key in keys if key[0] is None}
    assert set(stands.keys(few)) == {key for key in keys if key[0] in few} | platforms
    with pytest.raises(ValueError, match="single platforms"):
        stands.metrics([(COMPANIES[0], None)])


def test_what_is_forgotten_and_put_anew_stands_as_if_measured() -> None:
    """A company that has changed is measured alone, the others stay as they are."""
    deliveries = some(400, 7)
    stands = standing(deliveries)
    company = COMPANIES[3]
    before = stands.keys(None)
    metrics_before = dict(zip(before, stands.metrics(before), strict=True))
    burns_before = stands.burns(before)
    stands.forget([company])
    left = stands.keys([company])
    assert all(key[0] is None for key in left)
    assert {key for key in stands.keys(None) if key[0]} == {
        key for key in before if key[0] not in (None, company)
    }
    assert not {key for key in stands.burns(before) if key[0] == company}
    own = {
        key[1]: some_of
        for key, some_of in scopes(in_window(deliveries)).items()
        if key[0] == company and key[1] is not None
    }
    for platform, some_of in own.items():
        row = counters(some_of)
        p50 = row["latency_ms_p50"]
        oldest = min((d.scheduled_for for d in some_of if d.fate == "overdue"), default=None)
        stands.put(
            company,
            platform,
            row
            | {
                "latency_percentiles": None if p50 is None else [p50, row["latency_ms_p95"]],
                "oldest_overdue": oldest,
            },
        )
    for key, (spans, since) in burns(deliveries).items():
        if key[0] == company and key[1] is not None:
            row = {f"due_{n}": spans[span][0] for n, span in enumerate(BURN_WINDOWS)}
            row |= {f"errors_{n}": spans[span][1] for n, span in enumerate(BURN_WINDOWS)}
            row[f"since_{len(BURN_WINDOWS) - 1}"] = since
            stands.put_ends(company, key[1], row)
    assert set(stands.keys(None)) == set(before)
    told = dict(zip(before, stands.metrics(before), strict=True))
    assert {key: without_lateness(found) for key, found in told.items()} == {
        key: without_lateness(found) for key, found in metrics_before.items()
    }
    assert stands.burns(before) == burns_before


# Columns --------------------------------------------------------------------------------------------------


def test_instants_are_microseconds_since_2000() -> None:
    """Both ways."""
    at = datetime(2000, 1, 2, 0, 0, 0, 7, tzinfo=UTC)
    assert o.instant_of(at) == 86_400_000_007
    assert o.datetime_of(86_400_000_007) == at
    assert o.datetime_of(o.instant_of(NOW)) == NOW


def test_companies_are_numbered_anew_in_a_part_of_them() -> None:
    """From nought, the last one excluded."""
    found = columns(some(100, 8), 0, 5)
    part = found.of_companies(1, 3)
    assert set(part.company.tolist()) == {0, 1}
    assert len(part) == int(((found.company >= 1) & (found.company < 3)).sum())
    assert part.company.dtype == np.int32


def test_sums_are_exact_beyond_what_doubles_hold() -> None:
    """Added as doubles 2^53 + 1 would lose its last bit; the largest of nothing is none."""
    values = np.array([2**53 + 1, 1, -5, 3], np.int64)
    assert counting._sums(np.array([0, 0, 1, 2]), values, 4).tolist() == [2**53 + 2, -5, 3, 0]
    nothing = counting.as_counters(counting.no_rows(1)[0].tolist())
    assert nothing["latency_ms_max"] is None
    assert nothing["attempts_n"] == 0
    assert not counting.is_any(counting.no_rows(2)).any()


def test_a_grouping_keeps_the_order_within_each_group() -> None:
    """Also with more places than 16 bits count."""
    for size in (3, 2**16, 2**16 + 1):
        places = np.array([size - 1, 0, size - 1, 0, 1])
        assert counting.grouped(places, size).tolist() == [1, 3, 4, 0, 2]


def test_nobody_has_metrics_of_nothing() -> None:
    """All together have them in any case."""
    empty = Everybody(COMPANIES, [OutcomeBlock(0, 5, columns([], 0, 5))], BOOK)
    assert set(empty.metrics(WINDOW)) == {(None, None)}
    assert empty.burns(BURN_WINDOWS, BURNING, NOW) == {}
    nobody = Everybody((), [], BOOK)
    each, platforms = nobody.tallies(WINDOW)
    assert (list(each.metrics()), list(platforms.metrics())) == ([], [])
