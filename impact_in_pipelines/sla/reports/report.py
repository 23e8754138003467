"""What a report says: the model, and how it is put together from what was read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sla.budget import ErrorBudget
from impact_in_pipelines.sla.metrics import Quantile, histogram_percentile, metrics_of
from impact_in_pipelines.sla.model import (
    Metrics,
    Rate,
    Scope,
    Severity,
    SlaState,
    Window,
)
from impact_in_pipelines.sla.rates import rate
from impact_in_pipelines.sla.thresholds import Thresholds
from impact_in_pipelines.sla.windows import ReportKind

TOP_FAILURES = 5
TREND_PERIODS = 8
"""Periods before the reported one that a trend shows."""
WORST_COMPANIES = 20


@dataclass(frozen=True, slots=True)
class FailureCause:
    """Deliveries of one platform that did not arrive, for one cause.

    `companies` counts whom it hit, `recovered` what a replay has brought through since. `example` is the
    latest error's text, `example_delivery` its delivery.
    """

    platform: Platform
    error_kind: str
    http_status: int | None
    deliveries: int
    companies: int
    recovered: int
    first_at: datetime
    last_at: datetime
    example: str | None
    example_delivery: UUID | None
    example_company: str | None


@dataclass(frozen=True, slots=True)
class CrowdedMinute:
    """A time of day (UTC) at which first attempts of one platform start late: `deliveries` fires of the
    period at it, on average `average_lateness_ms` late, the worst `max_lateness_ms`."""

    platform: Platform
    at: str
    deliveries: int
    average_lateness_ms: float
    max_lateness_ms: float


@dataclass(frozen=True, slots=True)
class IncidentLine:
    """An incident that was open during the period; `duration_ms` runs until the report where it still is.
    `muted_by` says why nobody was told (a maintenance window's reason)."""

    id: UUID
    type: str
    severity: Severity
    company: str | None
    platform: Platform | None
    opened_at: datetime
    closed_at: datetime | None
    duration_ms: float
    low_confidence: bool
    muted_by: str | None


@dataclass(frozen=True, slots=True)
class MaintenanceLine:
    """A maintenance window that lies in the period: its deliveries count, and are annotated by it."""

    platform: Platform | None
    company: str | None
    starts_at: datetime
    ends_at: datetime
    reason: str
    created_by: str


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """One period `[start, end)` of a trend; rates are fractions. `latency_p95_ms` is approximate (from a
    histogram) for the periods before the reported one; `latency_p95_capped`: it is more than that."""

    start: datetime
    end: datetime
    due: int
    successful: int
    success_rate: float | None
    on_time_rate: float | None
    retry_success_rate: float | None
    average_latency_ms: float | None
    latency_p95_ms: float | None
    latency_p95_capped: bool = False


@dataclass(frozen=True, slots=True)
class DayPoint:
    """One UTC day of the period, or the part of it that lies in it: deliveries that arrived, those that
    didn't, and of the `timed` ones those that were on time."""

    day: date
    successful: int = 0
    not_arrived: int = 0
    timed: int = 0
    on_time: int = 0

    @property
    def success_rate(self) -> Rate | None:
        """Of what was due on the day."""
        return rate(self.successful, self.successful + self.not_arrived)

    @property
    def on_time_rate(self) -> Rate | None:
        """Of what was due at a time."""
        return rate(self.on_time, self.timed)


@dataclass(frozen=True, slots=True)
class CompanyLine:
    """One company in a report on all of them; rates are fractions."""

    company: str
    state: SlaState
    due: int
    successful: int
    success_rate: float | None
    on_time_rate: float | None
    average_latency_ms: float | None
    consecutive_failures: int


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What was seen, where, and what to do about it. `rule` names it in docs/sla.md.

    The sentences name no commands: a tenant has none. Whoever has, finds the one that begins the work by the
    rule and what it is about: a platform, a company (slug), an example delivery, a schedule.
    """

    rule: str
    urgent: bool
    seen: str
    where: str
    action: str
    platform: Platform | None = None
    company: str | None = None
    delivery_id: UUID | None = None
    schedule_id: str | None = None

    @property
    def text(self) -> str:
        """The whole of it in one line."""
        return f"{self.where}: {self.seen} {self.action}"


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a report on one subject is made from."""

    overall: Scope
    by_platform: Mapping[Platform, Scope]
    budget: ErrorBudget | None
    budget_by_platform: Mapping[Platform, ErrorBudget]
    trend: Sequence[TrendPoint]
    days: Sequence[DayPoint]
    latency_buckets: Sequence[int]
    causes: Sequence[FailureCause]
    crowded: Sequence[CrowdedMinute]
    incidents: Sequence[IncidentLine]
    maintenance: Sequence[MaintenanceLine]
    companies: Sequence[CompanyLine] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """A report on one company, or on all (`company` is None), over `window`.

    `provisional` deliveries were still on their way when it was made: made again, it says more.
    """

    kind: ReportKind
    window: Window
    company_id: UUID | None
    company: str | None
    company_name: str
    generated_at: datetime
    provisional: int
    thresholds: Thresholds
    facts: Facts
    recommendations: Sequence[Recommendation]


def trend_point(window: Window, counters: Mapping[str, Any] | None) -> TrendPoint:
    """One period's counters, with their histogram; None: nothing was due."""
    metrics = metrics_of(counters) if counters else Metrics()
    p95 = histogram_percentile(counters["latency_ms_buckets"], 0.95) if counters else None
    return _trend_point(window, metrics, p95)


def trend_end(window: Window, metrics: Metrics) -> TrendPoint:
    """The reported period itself, as the report measured it."""
    p95 = metrics.latency.p95 if metrics.latency else None
    return _trend_point(window, metrics, Quantile(p95) if p95 is not None else None)


def _trend_point(window: Window, metrics: Metrics, p95: Quantile | None) -> TrendPoint:
    return TrendPoint(
        window.start,
        window.end,
        due=metrics.due,
        successful=metrics.successful,
        success_rate=_fraction(metrics.success_rate),
        on_time_rate=_fraction(metrics.on_time_rate),
        retry_success_rate=_fraction(metrics.retry_success_rate),
        average_latency_ms=metrics.latency.average if metrics.latency else None,
        latency_p95_ms=p95.ms if p95 else None,
        latency_p95_capped=bool(p95 and p95.capped),
    )


def _fraction(found: Rate | None) -> float | None:
    return found.fraction if found else None


def day_points(first: date, last: date, rows: Sequence[Mapping[str, Any]]) -> list[DayPoint]:
    """Each day from `first` to `last`, from `rows` with a day and its counts; days without are zeros."""
    known = {
        row["day"]: DayPoint(
            row["day"],
            *(int(row[name]) for name in ("successful", "not_arrived", "timed", "on_time")),
        )
        for row in rows
    }
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [known.get(day, DayPoint(day)) for day in days]


def company_line(company: str, scope: Scope) -> CompanyLine:
    """One company's line in a report on all."""
    metrics = scope.metrics
    return CompanyLine(
        company=company,
        state=scope.state,
        due=metrics.due,
        successful=metrics.successful,
        success_rate=_fraction(metrics.success_rate),
        on_time_rate=_fraction(metrics.on_time_rate),
        average_latency_ms=metrics.latency.average if metrics.latency else None,
        consecutive_failures=metrics.consecutive_failures,
    )


_ORDER = {SlaState.BREACH: 0, SlaState.WARNING: 1, SlaState.HEALTHY: 2}


def worst_first(lines: Sequence[CompanyLine], limit: int = WORST_COMPANIES) -> list[CompanyLine]:
    """The companies in trouble, the worst first, at most `limit`: by state, then by how many deliveries
    did not arrive."""
    troubled = [line for line in lines if line.state is not SlaState.HEALTHY]
    return sorted(
        troubled, key=lambda line: (_ORDER[line.state], line.successful - line.due, line.company)
    )[:limit]
