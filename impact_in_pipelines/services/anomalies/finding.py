"""Reads everybody's series and judges the last day: what is anomalous, and what of before still is.

A fleet of 10,000 companies is judged in slices: the arithmetic of one slice takes tens of megabytes.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

import numpy as np

from impact_in_pipelines.analytics.answers import percentile
from impact_in_pipelines.anomalies.judging import (
    judge_answers,
    judge_figures,
    judge_success,
    judge_volume,
)
from impact_in_pipelines.anomalies.kinds import AnomalyKind, Measure
from impact_in_pipelines.anomalies.model import HISTORY_DAYS, Deviations, Floats
from impact_in_pipelines.anomalies.seasons import season
from impact_in_pipelines.anomalies.thresholds import accepted, threshold
from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.errors.schedules import InvalidCalendar
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.scheduling.calendars import HolidayCalendar

SHOWN_DAYS = 28
"""Days that the evidence shows."""

_SLICE = 2_000
_NOT_YET_IMPORTED = 7
"""Days without events at the end are taken for not imported yet, so many of them; then they count as none."""

SeriesKey = tuple[UUID | None, Platform | None, AnomalyKind, Measure | None]
"""Whose series (no company: everybody's on the platform), and which."""


@dataclass(frozen=True, slots=True)
class FoundAnomaly:
    """A series that left its past, by `span` days up to `day`. `direction` 1: more than expected. `fresh`: it
    would be found today; else it only goes on. `days` and `usual` are what was and what was expected, the
    oldest first (success: shares that failed; answers: ms); None: nothing is known."""

    key: SeriesKey
    day: date
    span: int
    score: float
    threshold: float
    observed: float
    expected: float
    direction: int
    fresh: bool
    days: Sequence[float | None]
    usual: Sequence[float | None]

    @property
    def since(self) -> date:
        """The first day of the span."""
        return self.day - timedelta(days=self.span - 1)


@dataclass(frozen=True, slots=True)
class Search:
    """What was looked at, and found. `per_company` is how many false alarms a quarter were accepted."""

    day: date
    series: int
    per_company: float
    found: Sequence[FoundAnomaly]


def search(
    runtime: Runtime, companies: Sequence[Company], now: datetime, known: Mapping[SeriesKey, int]
) -> Search:
    """Judge everybody's series up to yesterday (UTC). `known` are anomalies of before and their directions:
    they are found as long as they go on."""
    last = now.date() - timedelta(days=1)
    settings = runtime.settings
    bar = accepted(
        settings.anomaly_false_alarms_per_quarter,
        settings.anomaly_false_alarms_per_day,
        len(companies),
    )
    looking = _Looking(runtime, {one.id: one for one in companies}, last, bar, known)
    found = [one for work in looking.all() for one in work]
    return Search(last, looking.seen, bar, found)


class _Looking:
    def __init__(
        self,
        runtime: Runtime,
        companies: Mapping[UUID, Company],
        last: date,
        per_company: float,
        known: Mapping[SeriesKey, int],
    ) -> None:
        self._runtime = runtime
        self._companies = companies
        self._days = [last - timedelta(days=n) for n in reversed(range(HISTORY_DAYS))]
        self._bars = {kind: threshold(kind, per_company) for kind in AnomalyKind}
        self._known = known
        self._seasons: dict[str | None, Floats] = {}
        self.seen = 0

    def all(self) -> Iterator[list[FoundAnomaly]]:
        """Each kind in turn, so that only one kind's arrays are held."""
        first, last = self._days[0], self._days[-1]
        store = self._runtime.anomaly_series
        table = store.deliveries(first, last, self._companies)
        due, failed = (_from_the_first_on(column) for column in table.columns)
        keys = _named(table.keys, AnomalyKind.SUCCESS)
        yield self._judged(keys, [due, failed], lambda arrays, _: judge_success(*arrays))
        keys = _named(table.keys, AnomalyKind.VOLUME)
        planned = self._as_planned(due, table.keys)
        yield self._judged(keys, [planned], lambda arrays, on: judge_volume(arrays[0], on))
        table = store.answers(first, last, self._companies)
        keys = _named(table.keys, AnomalyKind.ANSWERS)
        answers = table.columns[0] / 1000
        yield self._judged(keys, [answers], lambda arrays, on: judge_answers(arrays[0], on))
        table = store.figures(first, last, self._companies)
        for measure, column in zip(Measure, table.columns, strict=True):
            keys = _named(table.keys, AnomalyKind.FIGURES, measure)
            values = _as_imported(column)
            yield self._judged(keys, [values], lambda arrays, on: judge_figures(arrays[0], on))
        yield self._platforms(first, last)

    def _platforms(self, first: date, last: date) -> list[FoundAnomaly]:
        """All companies together: what a platform does shows here first."""
        rows = self._runtime.series.of_platforms(first, last)
        order = sorted({one.platform for one in rows})
        if not order:
            return []
        shape = (len(order), len(self._days))
        due, failed, answers = (np.full(shape, np.nan) for _ in range(3))
        for one in rows:
            cell = order.index(one.platform), (one.day - first).days
            due[cell] = one.deliveries.planned
            failed[cell] = one.deliveries.failed + one.deliveries.never_started
            median = percentile(one.calls.answers, 0.5)
            answers[cell] = np.nan if median is None else median
        due, failed = _from_the_first_on(due), _from_the_first_on(failed)
        named = {kind: _named([(None, one) for one in order], kind) for kind in AnomalyKind}
        return [
            *self._judged(
                named[AnomalyKind.SUCCESS], [due, failed], lambda some, _: judge_success(*some)
            ),
            *self._judged(
                named[AnomalyKind.VOLUME], [due], lambda some, on: judge_volume(some[0], on)
            ),
            *self._judged(
                named[AnomalyKind.ANSWERS], [answers], lambda some, on: judge_answers(some[0], on)
            ),
        ]

    def _judged(
        self,
        keys: Sequence[SeriesKey],
        arrays: Sequence[Floats],
        judge: Callable[[list[Floats], Floats], Deviations],
    ) -> list[FoundAnomaly]:
        found: list[FoundAnomaly] = []
        self.seen += len(keys)
        for country, lines in self._by_country(keys):
            for start in range(0, len(lines), _SLICE):
                chosen = lines[start : start + _SLICE]
                some = [array[chosen] for array in arrays]
                deviations = judge(some, self._season(country))
                found += self._told([keys[n] for n in chosen], some, deviations)
        return found

    def _told(
        self, keys: Sequence[SeriesKey], arrays: Sequence[Floats], judged: Deviations
    ) -> Iterator[FoundAnomaly]:
        bar = self._bars[judged.kind]
        before = np.array([self._known.get(key, 0) for key in keys])
        fresh = judged.told >= bar
        # Of days of which nothing is known yet nobody can say that it is over.
        silent = np.isnan(arrays[0][:, -3:]).all(axis=1)
        goes_on = (before != 0) & (judged.goes_on(bar, before) | silent)
        for n in np.flatnonzero(fresh | goes_on).tolist():
            values = arrays[0][n, -SHOWN_DAYS:]
            usual = judged.usual[n, -SHOWN_DAYS:]
            if judged.kind is AnomalyKind.SUCCESS:
                due = np.maximum(values, 1.0)
                values, usual = arrays[1][n, -SHOWN_DAYS:] / due, usual / due
            yield FoundAnomaly(
                key=keys[n],
                day=self._days[-1],
                span=int(judged.span[n]),
                score=round(float(np.nan_to_num(judged.score[n])), 2),
                threshold=round(bar, 2),
                # A rate keeps its digits: what was seen isn't rounded across a target.
                observed=_short(judged.observed[n], 10 if judged.kind is AnomalyKind.SUCCESS else 4)
                or 0.0,
                expected=_short(judged.expected[n]) or 0.0,
                direction=1 if judged.effect[n] > 0 else -1,
                fresh=bool(fresh[n]),
                days=[_short(value) for value in values],
                usual=[_short(value) for value in usual],
            )

    def _by_country(self, keys: Sequence[SeriesKey]) -> Iterator[tuple[str | None, list[int]]]:
        lines: dict[str | None, list[int]] = defaultdict(list)
        for n, (company_id, *_) in enumerate(keys):
            company = self._companies.get(company_id) if company_id else None
            lines[company.country if company else None].append(n)
        yield from lines.items()

    def _season(self, country: str | None) -> Floats:
        if country not in self._seasons:
            self._seasons[country] = _season_in(country, self._days)
        return self._seasons[country]

    def _as_planned(
        self, due: Floats, keys: Sequence[tuple[UUID | None, Platform | None]]
    ) -> Floats:
        """Without what was due before the company's schedules were last changed."""
        first = self._days[0]
        since = datetime.combine(first, datetime.min.time(), self._runtime.clock().tzinfo)
        changed = self._runtime.anomaly_series.rescheduled(since)
        planned = due.copy()
        for n, (company_id, _) in enumerate(keys):
            if company_id is not None and company_id in changed:
                planned[n, : (changed[company_id].date() - first).days + 1] = np.nan
        return planned


def _named(
    keys: Sequence[tuple[UUID | None, Platform | None]],
    kind: AnomalyKind,
    measure: Measure | None = None,
) -> list[SeriesKey]:
    return [(company_id, platform, kind, measure) for company_id, platform in keys]


def _season_in(country: str | None, days: Sequence[date]) -> Floats:
    if country is None:
        return season(days)
    try:
        calendar = HolidayCalendar(country)
    except InvalidCalendar:
        return season(days)
    holidays = frozenset(day for day in days if calendar.holiday(day))
    weekend = frozenset(day.weekday() for day in days[-7:] if calendar.weekend(day))
    return season(days, holidays, weekend)


def _from_the_first_on(counts: Floats) -> Floats:
    """A day without a row had nothing, once there had been something."""
    begun = np.logical_or.accumulate(~np.isnan(counts), axis=1)
    return np.where(begun, np.nan_to_num(counts), np.nan)


def _as_imported(counts: Floats) -> Floats:
    """The same of events, which come late: the last day is one of which they may still come, and so are the
    last ones that have none."""
    known = _from_the_first_on(counts)
    known[:, -1] = np.nan
    back = known[:, ::-1]
    empty = np.logical_and.accumulate(np.nan_to_num(back) == 0, axis=1)
    few = empty.sum(axis=1) <= _NOT_YET_IMPORTED
    return np.where((empty & few[:, None])[:, ::-1], np.nan, known)


def _short(value: float, digits: int = 4) -> float | None:
    """Few digits: the evidence is kept with the incident."""
    return None if np.isnan(value) else float(f"{value:.{digits}g}")
