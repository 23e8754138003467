"""SLA statuses, reports, incidents and maintenance windows on the wire."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from impact_in_pipelines.api.http.schemas import (
    NO_NUL,
    Day,
    Input,
    Instant,
    Model,
    Moment,
    PlatformName,
)
from impact_in_pipelines.delivery.sanitising import sanitised
from impact_in_pipelines.sla.budget import ErrorBudget as StoredBudget
from impact_in_pipelines.sla.incidents import Incident as StoredIncident
from impact_in_pipelines.sla.incidents import MaintenanceWindow as StoredWindow
from impact_in_pipelines.sla.model import Breach as StoredBreach
from impact_in_pipelines.sla.model import Durations, Rate, Scope

BreachName = Literal[
    "success_rate",
    "latency",
    "retry_success_rate",
    "consecutive_failures",
    "overdue",
    "burn_rate",
    "platform_outage",
]
SeverityName = Literal["warning", "critical"]
StateName = Literal["healthy", "warning", "breach"]


class Interval(Model):
    """A rate's Wilson 95 % interval in percent, and the number of deliveries that it rests on."""

    low: float
    high: float
    n: int


class Spread(Model):
    """Milliseconds over `n` deliveries."""

    avg: float
    p50: float | None
    p95: float | None
    max: float
    n: int


class RetryDistribution(Model):
    """Deliveries that arrived with their first, second, third or a later retry."""

    first: int
    second: int
    third: int
    later: int


class Breach(Model):
    """A metric outside its SLA: percent, milliseconds, counts, or multiples of the sustainable rate."""

    type: BreachName
    severity: SeverityName
    threshold: float
    actual: float
    since: Moment | None
    sample_size: int
    low_confidence: bool = Field(description="it rests on few deliveries, so it pages nobody")


class SlaScope(Model):
    """What was measured and what is wrong. Rates are percentages, null where nothing was due."""

    total_deliveries: int
    due_deliveries: int = Field(description="the denominator of the success rate")
    successful_deliveries: int
    failed_deliveries: int
    recovered_deliveries: int
    missed_deliveries: int
    overdue_deliveries: int
    skipped_deliveries: int
    pending_deliveries: int
    cancelled_deliveries: int
    retried_deliveries: int
    success_rate: float | None
    success_rate_interval: Interval | None
    retry_success_rate: float | None
    retry_success_rate_interval: Interval | None
    retry_distribution: RetryDistribution
    avg_delivery_latency_ms: float | None
    latency_ms: Spread | None
    lateness_ms: Spread | None = Field(description="how late first attempts started")
    avg_payload_size_bytes: float | None
    max_payload_size_bytes: int | None
    avg_retries: float | None
    max_attempts: int | None
    consecutive_failures: int
    oldest_overdue: Moment | None
    sla_status: StateName
    breaches: list[Breach]


class PlatformScope(SlaScope):
    """The same of one platform."""

    platform: PlatformName


class ErrorBudget(Model):
    """What may fail over 28 days and what has; `leftPercent` is below 0 when it is overspent."""

    days: int
    due: int
    errors: int
    allowed: float
    left_percent: float | None
    burn_rate: float | None
    runs_out_at: Moment | None


class SlaStatus(Model):
    """How a company, or everybody, stands in a window."""

    company_id: UUID | None
    company: str | None
    start_date: Moment
    end_date: Moment
    overall: SlaScope
    by_platform: list[PlatformScope]
    error_budget: ErrorBudget | None


class ReportWindow(Model):
    """`[start, end)`."""

    start: Moment
    end: Moment


class SlaReport(Model):
    """A report's document; docs/sla.md, "Reports", says what is in `facts`."""

    period: Literal["weekly", "monthly"]
    window: ReportWindow
    company: str | None
    company_name: str
    generated_at: Moment
    provisional: int
    thresholds: dict[str, float | int]
    facts: dict[str, Any]
    recommendations: list[dict[str, Any]]


class Incident(Model):
    """An open or past breach. `level` is the escalation level: 1 warning, 2 breach, 3 platform outage."""

    id: UUID
    company_id: UUID | None
    company: str | None
    platform: PlatformName | None
    type: BreachName
    severity: SeverityName
    level: int
    threshold: float
    actual: float
    sample_size: int
    low_confidence: bool
    since: Moment | None
    opened_at: Moment
    acknowledged_at: Moment | None
    acknowledged_by: str | None
    cleared_at: Moment | None
    closed_at: Moment | None
    muted_by: str | None
    maintenance_id: UUID | None
    details: dict[str, Any]


class IncidentPage(Model):
    """A page of incidents, the latest first."""

    data: list[Incident]
    next_cursor: str | None


class MaintenanceWindow(Model):
    """When notices about a company or platform are withheld."""

    id: UUID
    company_id: UUID | None
    company: str | None
    platform: PlatformName | None
    starts_at: Moment
    ends_at: Moment
    reason: str
    created_by: str
    created_at: Moment
    ended_by: str | None


class MaintenancePage(Model):
    """A page of maintenance windows, the next to end first; with past ones, the last to end."""

    data: list[MaintenanceWindow]
    next_cursor: str | None


class NewMaintenance(Input):
    """A maintenance window to add; without a company it needs a token for all of them."""

    company_id: UUID | None = None
    platform: PlatformName | None = None
    starts_at: Instant | None = Field(None, description="now, if it isn't given")
    ends_at: Instant
    reason: Annotated[
        str, Field(min_length=1, max_length=500, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")
    ]


Reason = Annotated[str, Field(min_length=1, max_length=500, pattern=NO_NUL)]
ReportDay = Day


def scope_values(scope: Scope) -> dict[str, Any]:
    """A scope under the specification's names."""
    m = scope.metrics
    return {
        "total_deliveries": m.total,
        "due_deliveries": m.due,
        "successful_deliveries": m.successful,
        "failed_deliveries": m.failed,
        "recovered_deliveries": m.recovered,
        "missed_deliveries": m.missed,
        "overdue_deliveries": m.overdue,
        "skipped_deliveries": m.skipped,
        "pending_deliveries": m.pending,
        "cancelled_deliveries": m.cancelled,
        "retried_deliveries": m.retried,
        "success_rate": m.success_rate.percent if m.success_rate else None,
        "success_rate_interval": _interval(m.success_rate),
        "retry_success_rate": m.retry_success_rate.percent if m.retry_success_rate else None,
        "retry_success_rate_interval": _interval(m.retry_success_rate),
        "retry_distribution": RetryDistribution(
            first=m.retry_distribution.first,
            second=m.retry_distribution.second,
            third=m.retry_distribution.third,
            later=m.retry_distribution.later,
        ),
        "avg_delivery_latency_ms": m.latency.average if m.latency else None,
        "latency_ms": _spread(m.latency),
        "lateness_ms": _spread(m.lateness),
        "avg_payload_size_bytes": m.avg_payload_bytes,
        "max_payload_size_bytes": m.max_payload_bytes,
        "avg_retries": m.avg_retries,
        "max_attempts": m.max_attempts,
        "consecutive_failures": m.consecutive_failures,
        "oldest_overdue": m.oldest_overdue,
        "sla_status": scope.state.value,
        "breaches": [_breach(breach) for breach in scope.breaches],
    }


def budget_of(budget: StoredBudget | None) -> ErrorBudget | None:
    """An error budget as it goes out."""
    if budget is None:
        return None
    return ErrorBudget(**{name: getattr(budget, name) for name in ErrorBudget.model_fields})


def incident_of(incident: StoredIncident) -> Incident:
    """An incident as it goes out."""
    values: Mapping[str, Any] = {
        name: getattr(incident, name) for name in Incident.model_fields if name != "details"
    }
    details = dict(incident.details)
    if "last_error" in details:  # what a platform said
        details["last_error"] = sanitised(details["last_error"])
    return Incident(**values, details=details)


def window_of(window: StoredWindow) -> MaintenanceWindow:
    """A maintenance window as it goes out."""
    return MaintenanceWindow(
        **{name: getattr(window, name) for name in MaintenanceWindow.model_fields}
    )


def _interval(rate: Rate | None) -> Interval | None:
    return Interval(low=rate.low_percent, high=rate.high_percent, n=rate.n) if rate else None


def _spread(durations: Durations | None) -> Spread | None:
    if durations is None:
        return None
    return Spread(
        avg=durations.average,
        p50=durations.p50,
        p95=durations.p95,
        max=durations.maximum,
        n=durations.n,
    )


def _breach(breach: StoredBreach) -> Breach:
    return Breach(**{name: getattr(breach, name) for name in Breach.model_fields})
