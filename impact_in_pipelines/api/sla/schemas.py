"""SLA statuses and reports on the wire: what `sla.wire` writes, as the OpenAPI document describes it."""

from typing import Annotated, Any, Literal, get_args
from uuid import UUID

from pydantic import Field, WithJsonSchema

from impact_in_pipelines.api.http.schemas import Day, Model, Moment, ShownPlatform

BreachName = Literal[
    "success_rate",
    "on_time_rate",
    "latency",
    "retry_success_rate",
    "consecutive_failures",
    "overdue",
    "burn_rate",
    "platform_outage",
    "connection_refused",
    "held",
    "widespread",
    "anomaly",
    "not_refreshed",
    "correction_undecided",
]
ShownBreachName = Annotated[
    str, WithJsonSchema({"enum": list(get_args(BreachName)), "type": "string", "title": "Type"})
]
"""The same of an incident; a newer program may have opened one of a type of its own."""
SeverityName = Literal["warning", "critical"]
StateName = Literal["healthy", "warning", "breach"]


class Interval(Model):
    """A rate's Wilson 95 % interval (fractions), and the number of deliveries that it rests on."""

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


class RetryDistributionView(Model):
    """Deliveries that arrived with their first, second, third or a later retry."""

    first: int
    second: int
    third: int
    later: int


class BreachView(Model):
    """A metric outside its SLA: fractions, milliseconds, counts, or multiples of the sustainable rate."""

    type: BreachName
    severity: SeverityName
    threshold: float
    actual: float
    since: Moment | None
    sample_size: int
    low_confidence: bool = Field(description="it rests on few deliveries, so it pages nobody")
    pages: bool = Field(description="whether somebody is paged for it")
    rule: str | None = Field(
        description='the rule that decided it (docs/sla.md, "Who is paged"); null: opened before '
        "there were rules"
    )


class SlaScope(Model):
    """What was measured and what is wrong. Rates are fractions from 0 to 1, null where nothing was due."""

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
    replayed_deliveries: int = Field(
        description="those that had arrived and were sent again on purpose; not in the rates"
    )
    on_time_deliveries: int = Field(description="those that arrived within the latency target")
    timed_deliveries: int = Field(
        description="those due, without backfills: the denominator of the on-time rate"
    )
    retried_deliveries: int
    retried_successful_deliveries: int = Field(description="those of the retried that arrived")
    retried_failed_deliveries: int = Field(description="those of the retried that failed for good")
    success_rate: float | None
    success_rate_interval: Interval | None
    on_time_rate: float | None = Field(
        description="the share of what was due that arrived within the latency target; backfills left out"
    )
    on_time_rate_interval: Interval | None = Field(description="the 95 % interval of that share")
    retry_success_rate: float | None
    retry_success_rate_interval: Interval | None
    retry_distribution: RetryDistributionView
    avg_delivery_latency_ms: float | None
    latency_ms: Spread | None
    lateness_ms: Spread | None = Field(description="how late first attempts started")
    avg_payload_size_bytes: float | None
    max_payload_size_bytes: int | None
    avg_retries: float | None
    max_attempts: int | None
    consecutive_failures: int
    overdue_now: int = Field(
        description="every fire that is overdue now, also those that were due before the window"
    )
    oldest_overdue: Moment | None
    sla_status: StateName
    breaches: list[BreachView]


class PlatformScope(SlaScope):
    """The same of one platform."""

    platform: ShownPlatform


class ErrorBudgetView(Model):
    """What may fail over 28 days and what has; `left` is a fraction, below 0 when it is overspent."""

    days: int
    due: int
    errors: int
    allowed: float
    left: float | None = Field(
        description="the fraction of the budget that is left; below 0 it is overspent"
    )
    burn_rate: float | None
    runs_out_at: Moment | None


class PeriodView(Model):
    """The instants `[start, end)`."""

    start: Moment = Field(description="the first instant")
    end: Moment = Field(description="the instant after the last")


class SlaStatusView(Model):
    """The service levels of a company, or of all, in a period."""

    company_id: UUID | None
    company: str | None
    period: PeriodView = Field(description="what it is about")
    overall: SlaScope
    by_platform: list[PlatformScope]
    error_budget: ErrorBudgetView | None


class ReportedPlatform(PlatformScope):
    """One platform in a report."""

    error_budget: ErrorBudgetView | None


class RecommendationDetail(Model):
    """The evidence of a recommendation, and what it is about."""

    rule: str = Field(description="its name in docs/sla.md")
    urgent: bool = Field(description="whether it comes first")
    seen: str = Field(description="what was seen")
    where: str = Field(description="where")
    action: str = Field(description="what to do")
    platform: ShownPlatform | None = Field(None, description="the platform it is about")
    company: str | None = Field(None, description="the slug of the company it is about")
    delivery_id: UUID | None = Field(None, description="an example")
    schedule_id: str | None = Field(None, description="the schedule it is about")


class TrendPeriod(Model):
    """One period of a trend; the last one is the reported period itself."""

    start: Moment = Field(description="the first instant")
    end: Moment | None = Field(None, description="the instant after the last")
    due: int = Field(description="how many were due")
    successful: int = Field(description="how many of them arrived")
    success_rate: float | None
    on_time_rate: float | None = Field(description="the share that arrived on time")
    retry_success_rate: float | None
    average_latency_ms: float | None = Field(description="mean milliseconds from due to arrived")
    latency_p95_ms: float | None = Field(
        description="milliseconds within which 95 % arrived; approximate for earlier periods"
    )
    latency_p95_capped: bool = Field(description="whether it is more than that")


class SlaTrends(Model):
    """How a company's deliveries have gone over time."""

    company_id: UUID
    period: Literal["weekly", "monthly"]
    trend: list[TrendPeriod] = Field(description="twelve periods, and the running one")
    days: list["DayCounts"] = Field(description="the last 28 whole days, UTC")


class DayCounts(Model):
    """One UTC day, or the part of it that lies in the period."""

    day: Day = Field(description="the day")
    successful: int = Field(description="how many arrived")
    not_arrived: int = Field(description="how many did not")
    timed: int = Field(description="those due, without backfills")
    on_time: int = Field(description="those that arrived within the latency target")


class SlaReport(Model):
    """A report: figures, what to do in words, and the evidence in further fields (docs/sla.md, "Reports")."""

    kind: Literal["weekly", "monthly", "rolling"] = Field(
        description="a calendar week or month (UTC), or the past seven days"
    )
    period: PeriodView = Field(description="what it is about")
    company_id: UUID | None
    company: str | None
    company_name: str
    generated_at: Moment
    provisional: int
    thresholds: dict[str, float | int | str]
    overall: SlaScope
    by_platform: list[ReportedPlatform]
    error_budget: ErrorBudgetView | None
    recommendations: list[str] = Field(description="what to do, the urgent first, a text each")
    recommendation_details: list[RecommendationDetail] = Field(
        description="the evidence of each recommendation, in the same order"
    )
    trend: list[TrendPeriod] = Field(description="the eight periods before, and this one")
    days: list[DayCounts] = Field(description="each UTC day that the period touches")
    latency_buckets: list[int] = Field(
        description="deliveries by latency: up to 10 s, 30 s, 1, 2, 4, 5, 10, 20, 60 minutes, and longer"
    )
    causes: list[dict[str, Any]] = Field(
        description="why deliveries failed, the most frequent first"
    )
    crowded_minutes: list[dict[str, Any]] = Field(
        description="minutes of the day whose first attempts start late"
    )
    incidents: list[dict[str, Any]] = Field(description="what was open during the period")
    maintenance: list[dict[str, Any]] = Field(description="what was announced for the period")
    companies: list[dict[str, Any]] = Field(
        description="the companies in trouble, in a report on all of them"
    )
