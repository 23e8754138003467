"""`sla_status`: how everybody stands over the last days, with a check per platform and promise."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    AssetSpec,
    MaterializeResult,
    MetadataValue,
    RetryPolicy,
    TableColumn,
    TableRecord,
    TableSchema,
    multi_asset,
)

from impact_in_pipelines.assets.catalog import ANALYSTS
from impact_in_pipelines.assets.freshness import freshness_of
from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.plurals import count
from impact_in_pipelines.resources.runtime import RuntimeResource
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.settings import get_settings
from impact_in_pipelines.sla.assessing import Assessment
from impact_in_pipelines.sla.model import Breach, BreachType, Severity, SlaState
from impact_in_pipelines.sla.reports.report import company_line, worst_first
from impact_in_pipelines.sla.reports.summary import days_markdown, status_markdown, worst_markdown
from impact_in_pipelines.sla.wording import budget_left, in_unit

CHECKED: dict[BreachType, str] = {
    BreachType.SUCCESS_RATE: "what was due arrives",
    BreachType.ON_TIME_RATE: "each arrives within the latency target",
    BreachType.LATENCY: "on average it arrives in time",
    BreachType.RETRY_SUCCESS_RATE: "what is retried arrives",
    BreachType.CONSECUTIVE_FAILURES: "no schedule fails again and again",
    BreachType.OVERDUE: "every fire has started",
}
_WORST_SHOWN = 10
_COLUMNS = TableSchema(
    columns=[
        TableColumn(name, type="string")
        for name in ("company", "severity", "actual", "threshold", "since", "deliveries")
    ]
)


def check_name(platform: Platform, type_: BreachType) -> str:
    """`benevity_success_rate`, …"""
    return f"{platform.value}_{type_.value}"


@multi_asset(
    name="sla_status",
    specs=[
        AssetSpec(
            "sla_status",
            deps=[AssetKey("sla_daily")],
            skippable=True,
            description=(
                f"Every company and platform, window of {count(get_settings().sla_window_days, 'day')} "
                "(SLA_WINDOW_DAYS), from the delivery log, every hour. A check per platform and promise: it "
                "fails as an error where a target is missed on enough deliveries, else as a warning."
            ),
            group_name="sla",
            kinds={"postgres"},
            owners=ANALYSTS,
            freshness_policy=freshness_of("sla_status"),
        )
    ],
    check_specs=[
        AssetCheckSpec(
            name=check_name(platform, type_),
            asset="sla_status",
            description=f"{FACTS[platform].title}: {promise}. When it fails: docs/runbook.md, {type_.value}.",
        )
        for platform in Platform
        for type_, promise in CHECKED.items()
    ],
    can_subset=True,
    retry_policy=RetryPolicy(max_retries=2, delay=5),
)
def sla_status(
    context: AssetExecutionContext, runtime: RuntimeResource
) -> Iterator[MaterializeResult[None] | AssetCheckResult]:
    """Judge everybody in one pass; of the checks each can be executed alone."""
    parts = runtime.get()
    now = parts.clock()
    assessment = parts.sla.current(now)
    if context.selected_asset_keys:
        yield _materialized(parts, assessment, now)
    chosen = {key.name for key in context.selected_asset_check_keys}
    yield from (one for one in check_results(assessment) if one.check_name in chosen)


def _materialized(parts: Runtime, assessment: Assessment, now: datetime) -> MaterializeResult[None]:
    everyone = assessment.status()
    metrics = everyone.overall.metrics
    lines = [
        company_line(assessment.slugs[id_], assessment.scopes[id_, None])
        for id_ in assessment.company_ids()
        if (id_, None) in assessment.scopes
    ]
    today = now.date()
    days = parts.sla_rollup.days_of_all(today - timedelta(days=13), today)
    worst = worst_markdown(worst_first(lines, _WORST_SHOWN))
    budget = parts.sla.error_budgets(now).get((None, None))
    return MaterializeResult(
        asset_key="sla_status",
        metadata={
            "overview": MetadataValue.md(
                "\n\n".join([status_markdown(everyone), days_markdown(days), worst])
            ),
            "worst_companies": MetadataValue.md(worst),
            "state": everyone.overall.state.value,
            "companies": len(lines),
            "companies_in_breach": sum(line.state is SlaState.BREACH for line in lines),
            "companies_warned": sum(line.state is SlaState.WARNING for line in lines),
            "deliveries_due": metrics.due,
            "overdue": metrics.overdue_now,
            "success_rate": metrics.success_rate.fraction if metrics.success_rate else None,
            "on_time_rate": metrics.on_time_rate.fraction if metrics.on_time_rate else None,
            "average_latency_ms": metrics.latency.average if metrics.latency else None,
            "error_budget_left": budget_left(budget.left if budget else None),
        },
    )


def check_results(assessment: Assessment) -> Iterator[AssetCheckResult]:
    """One result per platform and promise, over the platform as a whole and each company on it."""
    breaches = assessment.incidents_worth()
    for platform in Platform:
        for type_ in CHECKED:
            some = [b for b in breaches if b.platform is platform and b.type is type_]
            yield _result(platform, type_, some)


def _result(platform: Platform, type_: BreachType, breaches: Sequence[Breach]) -> AssetCheckResult:
    certain = [b for b in breaches if b.severity is Severity.CRITICAL and not b.low_confidence]
    worst = sorted(breaches, key=_badness)[:_WORST_SHOWN]
    companies = {b.company_id for b in breaches if b.company_id is not None}
    return AssetCheckResult(
        check_name=check_name(platform, type_),
        asset_key="sla_status",
        passed=not breaches,
        severity=AssetCheckSeverity.ERROR if certain else AssetCheckSeverity.WARN,
        metadata={
            "companies": len(companies),
            "platform_as_a_whole": any(b.company_id is None for b in breaches),
            "on_few_deliveries": sum(b.low_confidence for b in breaches),
            "worst": MetadataValue.table(
                records=[TableRecord(_record(breach)) for breach in worst], schema=_COLUMNS
            ),
        },
    )


def _badness(breach: Breach) -> tuple[bool, bool, bool, int]:
    return (
        breach.company_id is not None,
        breach.severity is not Severity.CRITICAL,
        breach.low_confidence,
        -breach.sample_size,
    )


def _record(breach: Breach) -> dict[str, str]:
    return {
        "company": breach.company or "all companies",
        "severity": breach.severity.value,
        "actual": in_unit(breach.type, breach.actual),
        "threshold": in_unit(breach.type, breach.threshold),
        "since": f"{breach.since:%Y-%m-%d %H:%M}" if breach.since else "–",
        "deliveries": f"{breach.sample_size}{' (few)' if breach.low_confidence else ''}",
    }
