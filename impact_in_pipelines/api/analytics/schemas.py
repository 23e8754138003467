"""Analytics on the wire: what `analytics.document` writes, as the OpenAPI document describes it."""

from typing import Literal

from pydantic import Field

from impact_in_pipelines.api.http.schemas import Day, Model, Moment, PlatformName
from impact_in_pipelines.api.sla.schemas import Interval

VerdictName = Literal["few", "alike", "more_succeed", "faster"]


class CallFigures(Model):
    """Calls of platforms of which the answer is known; a batch is one call."""

    requests: int = Field(description="calls made, whatever they were for")
    deliveries_sent: int = Field(description="deliveries in these calls")
    saved_requests: int = Field(
        description="calls that batching saved: deliveries sent without requests"
    )
    repeated_requests: int = Field(
        description="calls in which every delivery had been tried before"
    )
    failed_requests: int = Field(description="calls that delivered nothing")
    lost_attempts: int = Field(
        description="attempts whose worker died, so that nobody knows whether there was a call; in no "
        "other count"
    )
    answer_seconds: float = Field(description="seconds waited for answers, all calls together")
    avg_answer_ms: float | None = Field(description="mean milliseconds of an answer")
    p50_answer_ms: float | None = Field(description="median answer in milliseconds, within 5 %")
    p95_answer_ms: float | None = Field(
        description="within so many milliseconds 95 % of calls were answered; within 5 %"
    )


class SpanFiguresView(CallFigures):
    """What was due in a span of days, and the calls for it. Rates are fractions, null where nothing was."""

    from_: Day = Field(alias="from", description="its first UTC day")
    to: Day = Field(description="its last UTC day")
    planned_deliveries: int = Field(description="due: the denominator of the success rate")
    succeeded_deliveries: int = Field(description="arrived")
    failed_deliveries: int
    never_started_deliveries: int = Field(description="missed or overdue")
    timed_deliveries: int = Field(description="due, without backfills")
    on_time_deliveries: int = Field(description="arrived within the latency target")
    success_rate: float | None
    on_time_rate: float | None
    avg_latency_ms: float | None = Field(description="mean milliseconds from due to arrived")
    p50_latency_ms: float | None = Field(description="the median of these, from a histogram")
    p95_latency_ms: float | None = Field(description="the 95th percentile, from a histogram")
    payload_bytes: int = Field(description="size of what was frozen, all together")


class PricedFigures(SpanFiguresView):
    """The same, with what calls cost by API_CALL_PRICES; null where no price is set."""

    cost: float | None = Field(description="what the calls cost")
    saved_cost: float | None = Field(
        description="what the calls that batching saved would have cost"
    )


class HourFigures(Model):
    """The calls that began in one hour of the day; `successRate` is that of calls."""

    hour: int = Field(description="0 to 23")
    requests: int = Field(description="calls made")
    failed_requests: int = Field(description="calls that delivered nothing")
    success_rate: float | None
    success_rate_interval: Interval | None
    p50_answer_ms: float | None = Field(description="median answer in milliseconds, within 5 %")


class BestHourView(Model):
    """The best hours of the day, if there are enough calls to tell."""

    verdict: VerdictName = Field(
        description="few: too few calls; alike: the differences may be chance; more_succeed: "
        "more calls succeed; faster: as many succeed, and answers come sooner"
    )
    hours: list[int] = Field(description="the best ones, which can't be told apart")
    compared_hours: int = Field(description="hours with enough calls")
    fewest_requests: int = Field(description="how many calls an hour needs to be compared")
    best: HourFigures | None = Field(description="the best hours together")
    others: HourFigures | None = Field(description="the other compared hours together")


class ErrorFigures(Model):
    """Failed calls of one kind."""

    kind: str = Field(description="the error kind, or unknown")
    requests: int = Field(description="calls that failed with this kind of error")


class AnswerPoint(Model):
    """A platform's answers in a part of the span."""

    from_: Day = Field(alias="from", description="its first UTC day")
    to: Day = Field(description="its last UTC day")
    requests: int = Field(description="calls made")
    p50_answer_ms: float | None = Field(description="median answer in milliseconds, within 5 %")
    p95_answer_ms: float | None = Field(description="the 95th percentile, within 5 %")


class PlatformFiguresView(PricedFigures):
    """One platform over the span."""

    platform: PlatformName
    points: list[AnswerPoint] = Field(description="its answers over time")
    errors: list[ErrorFigures] = Field(description="why calls failed, the most frequent kind first")
    best_hour: BestHourView = Field(description="by the UTC hour")
    hours: list[HourFigures] = Field(description="by the UTC hour; those with calls")
    best_local_hour: BestHourView | None = Field(
        description="by the hour in the company's zone; null over all companies"
    )
    local_hours: list[HourFigures] = Field(description="by the hour in the company's zone")


class CompanyFigures(CallFigures):
    """One company's calls on all platforms."""

    company: str
    company_name: str
    cost: float | None = Field(description="what the calls cost")
    saved_cost: float | None = Field(
        description="what the calls that batching saved would have cost"
    )


class AnalyticsTargets(Model):
    """What is aimed at."""

    success_rate: float
    on_time_rate: float
    latency_ms: float = Field(description="milliseconds from due to arrived")


class AnalyticsReport(Model):
    """A span of days about one company, or about all."""

    company: str | None
    company_name: str | None = Field(description="null: all companies")
    from_: Day = Field(alias="from", description="the first UTC day")
    to: Day = Field(description="the last UTC day, today")
    grain: Literal["day", "week", "month"] = Field(description="how long each of `points` is")
    generated_at: Moment = Field(description="when this was put together")
    counted_at: Moment | None = Field(description="when the newest day was counted; null: never")
    timezone: str | None = Field(description="the company's zone; null over all companies")
    currency: str | None = Field(description="the currency of every cost; null: no price is set")
    targets: AnalyticsTargets = Field(description="what is aimed at")
    total: PricedFigures = Field(description="the whole span")
    before: SpanFiguresView = Field(description="the span of the same length before it")
    points: list[SpanFiguresView] = Field(description="day by day, week by week or by month")
    platforms: list[PlatformFiguresView] = Field(
        description="every platform that was called or had deliveries due"
    )
    companies: list[CompanyFigures] = Field(
        description="the companies with the most calls; empty in analytics of one company"
    )
    companies_in_all: int = Field(description="how many companies had calls")
