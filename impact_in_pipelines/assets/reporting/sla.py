"""The SLA assets: the rollup by day, the status of now, and the reports by week and month."""

from datetime import date, datetime, timedelta

from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    BackfillPolicy,
    MaterializeResult,
    MetadataValue,
    MonthlyPartitionsDefinition,
    RetryPolicy,
    WeeklyPartitionsDefinition,
    asset,
)

from impact_in_pipelines.assets.beta import knowingly_beta
from impact_in_pipelines.assets.catalog import ANALYSTS, table_metadata
from impact_in_pipelines.assets.freshness import freshness_of
from impact_in_pipelines.assets.partitions import days
from impact_in_pipelines.assets.reporting.sla_status import sla_status
from impact_in_pipelines.resources.runtime import RuntimeResource
from impact_in_pipelines.services import refreshing
from impact_in_pipelines.services.reports import make_report
from impact_in_pipelines.sla.reports.summary import report_markdown
from impact_in_pipelines.sla.windows import ReportPeriod, period_of
from impact_in_pipelines.sla.wording import budget_left, duration, share

_RETRIES = RetryPolicy(max_retries=2, delay=5)

FIRST_DAY: date = days.start.date()
"""The oldest day that has a rollup partition."""

_FIRST_MONDAY = FIRST_DAY + timedelta(days=-FIRST_DAY.weekday() % 7)
_FIRST_MONTH = (FIRST_DAY.replace(day=1) + timedelta(days=32)).replace(day=1)

weeks = WeeklyPartitionsDefinition(start_date=_FIRST_MONDAY.isoformat(), day_offset=1)
"""Weeks by their Monday (UTC)."""

months = MonthlyPartitionsDefinition(start_date=_FIRST_MONTH.isoformat())
"""Months by their first day (UTC)."""


with knowingly_beta():

    @asset(
        description=(
            "The delivery log rolled up: counters per company and platform of each UTC day of "
            "scheduled_for. A late retry belongs to the day it was due; the hourly run computes every day "
            "that has changed."
        ),
        deps=[AssetKey("impact_deliveries")],
        partitions_def=days,
        backfill_policy=BackfillPolicy.single_run(),
        retry_policy=_RETRIES,
        group_name="sla",
        kinds={"postgres"},
        owners=ANALYSTS,
        metadata=table_metadata("sla_daily", day="a UTC day of scheduled_for"),
        freshness_policy=freshness_of("sla_daily"),
    )
    def sla_daily(
        context: AssetExecutionContext, runtime: RuntimeResource
    ) -> MaterializeResult[None]:
        """Compute the selected days anew."""
        parts = runtime.get()
        chosen = [date.fromisoformat(key) for key in context.partition_keys]
        rolled = refreshing.sla_days(parts, chosen, first=FIRST_DAY)
        return MaterializeResult(
            metadata={
                "days": rolled.days,
                "rows": rolled.rows,
                "stale_days_left": len(rolled.left),
                "computed_at": rolled.computed_at.isoformat(timespec="seconds"),
            }
        )


def build_report(
    *,
    period: ReportPeriod,
    partitions: WeeklyPartitionsDefinition | MonthlyPartitionsDefinition,
    description: str,
) -> AssetsDefinition:
    """`{period}_sla_report`: one partition is the report on all companies and those on each of them."""

    @asset(
        name=f"{period.value}_sla_report",
        description=description,
        deps=[sla_daily],
        partitions_def=partitions,
        retry_policy=_RETRIES,
        group_name="sla",
        kinds={"postgres"},
        owners=ANALYSTS,
        freshness_policy=freshness_of(f"{period.value}_sla_report"),
    )
    def report(context: AssetExecutionContext, runtime: RuntimeResource) -> MaterializeResult[None]:
        parts = runtime.get()
        window = period_of(period, date.fromisoformat(context.partition_key))
        document = make_report(parts, None, period, window.start.date())
        overall, budget = document["overall"], document["errorBudget"]
        return MaterializeResult(
            metadata={
                "report": MetadataValue.md(report_markdown(document)),
                "state": overall["slaStatus"],
                "deliveries_due": overall["dueDeliveries"],
                "success_rate": share(overall["successRate"]),
                "on_time_rate": share(overall["onTimeRate"]),
                "average_latency": duration(overall["avgDeliveryLatencyMs"]),
                "error_budget_left": budget_left(budget and budget["left"]),
                "provisional_deliveries": document["provisional"],
                # As Markdown it is folded; as text it would push the report off the page.
                "as_a_page": MetadataValue.md(
                    f"impact-in sla report --period {period.value} --start {window.start.date()} "
                    "--format html --output report.html"
                ),
                "window": _window_text(window.start, window.end),
            }
        )

    return report


def _window_text(start: datetime, end: datetime) -> str:
    return f"{start.date()} to {end.date() - timedelta(days=1)}, UTC"


weekly_sla_report = build_report(
    period=ReportPeriod.WEEKLY,
    partitions=weeks,
    description=(
        "Each week from Monday 00:00 UTC: rates, trends, platforms compared, causes, incidents, error budget "
        "and recommendations, for all companies and for each. The metadata of each partition has the report; "
        "as a page: `impact-in sla report --format html`, or in the cockpit."
    ),
)
monthly_sla_report = build_report(
    period=ReportPeriod.MONTHLY,
    partitions=months,
    description=(
        "Each calendar month (UTC), for the monthly review: what `weekly_sla_report` says of a week, for all "
        "companies and for each. As a page: `impact-in sla report --period monthly --format html`."
    ),
)

sla_assets: list[AssetsDefinition] = [sla_daily, sla_status, weekly_sla_report, monthly_sla_report]
