"""How a company's deliveries have gone over time: by week or month, and day by day.

What has passed is read from the rollup; the running period is measured now.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.services.sla import standing
from impact_in_pipelines.sla.metrics import metrics_of
from impact_in_pipelines.sla.model import Metrics, Window
from impact_in_pipelines.sla.reports.report import DayPoint, TrendPoint, trend_end, trend_point
from impact_in_pipelines.sla.windows import (
    ReportKind,
    ReportPeriod,
    midnight,
    period_of,
    trend_windows,
)

PERIODS = 12
"""Whole periods before the running one."""
DAYS = 28
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Trends:
    """`points`: the periods before and the running one, the oldest first; `days`: the whole UTC days up to
    yesterday."""

    period: ReportPeriod
    points: Sequence[TrendPoint]
    days: Sequence[DayPoint]


def trends(runtime: Runtime, company: Company, period: ReportPeriod) -> Trends:
    """The trends of a company by `period`."""
    today = runtime.clock().date()
    running = period_of(period, today)
    now = standing(runtime, company, running.start, None).status.overall.metrics
    return Trends(
        period, trend(runtime, company, running, now, count=PERIODS), _days(runtime, company, today)
    )


def trend(
    runtime: Runtime, company: Company, running: Window, now: Metrics, *, count: int
) -> list[TrendPoint]:
    """The `count` periods before `running` from the rollup, and that one as it was just measured."""
    whole_weeks = running.end - running.start == timedelta(weeks=1)
    kind = ReportKind.WEEKLY if whole_weeks else ReportKind.MONTHLY
    before = trend_windows(kind, running, count)
    totals = runtime.sla_rollup.summed(before, company_id=company.id)
    points = [trend_point(one, totals[one.start.date()].get((company.id, None))) for one in before]
    return [*points, trend_end(running, now)]


def _days(runtime: Runtime, company: Company, today: date) -> list[DayPoint]:
    days = [today - n * _DAY for n in range(DAYS, 0, -1)]
    windows = [Window(midnight(day), midnight(day + _DAY)) for day in days]
    totals = runtime.sla_rollup.summed(windows, company_id=company.id)
    return [_day(day, totals[day].get((company.id, None))) for day in days]


def _day(day: date, counters: Mapping[str, Any] | None) -> DayPoint:
    if counters is None:
        return DayPoint(day)
    metrics = metrics_of(counters)
    return DayPoint(
        day,
        successful=metrics.successful,
        not_arrived=metrics.due - metrics.successful,
        timed=int(counters["timed"] or 0),
        on_time=int(counters["on_time"] or 0),
    )
