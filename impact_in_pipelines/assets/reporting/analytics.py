"""`delivery_analytics`: trends, platforms compared, hours and costs, for analysts in the UI."""

from collections.abc import Mapping
from typing import Any

from dagster import (
    AssetKey,
    MaterializeResult,
    MetadataValue,
    RetryPolicy,
    TableColumn,
    TableRecord,
    TableSchema,
    asset,
)

from impact_in_pipelines.analytics.written.rendering import render_markdown
from impact_in_pipelines.assets.catalog import ANALYSTS
from impact_in_pipelines.platforms import TITLES, Platform
from impact_in_pipelines.resources.runtime import RuntimeResource
from impact_in_pipelines.services.analytics import DAYS, about
from impact_in_pipelines.sla.wording import duration, share

_COUNTS = ("due", "calls", "failed_calls", "repeats", "saved_by_batching")
_COLUMNS = TableSchema(
    columns=[
        TableColumn(name, type="int" if name in _COUNTS else "string")
        for name in (
            *(
                "platform",
                "due",
                "success_rate",
                "on_time_rate",
                "calls",
                "failed_calls",
                "repeats",
            ),
            *("median_answer", "answered_95_percent_within", "saved_by_batching", "best_hours_utc"),
        )
    ]
)


@asset(
    description=(
        f"The last {DAYS} days over all companies: success, punctuality, latency and volume over time, "
        "platforms compared (answer times, why calls failed, repeats, API calls), best hours, calls and "
        "costs by company and what batching saved. Counted with sla_daily, every hour. For one company, "
        "other spans and as a file: `impact-in analytics --help`, the API's /analytics, or the cockpit."
    ),
    deps=[AssetKey("sla_daily")],
    retry_policy=RetryPolicy(max_retries=2, delay=5),
    group_name="sla",
    kinds={"postgres"},
    owners=ANALYSTS,
)
def delivery_analytics(runtime: RuntimeResource) -> MaterializeResult[None]:
    """Read what was counted."""
    document = about(runtime.get(), None)
    total = document["total"]
    return MaterializeResult(
        metadata={
            "analytics": MetadataValue.md(render_markdown(document)),
            "platforms": MetadataValue.table(
                # Before the first delivery there is no record that would say what the columns are.
                records=[_record(one) for one in document["platforms"]],
                schema=_COLUMNS,
            ),
            "deliveries_due": total["plannedDeliveries"],
            "success_rate": share(total["successRate"]),
            "on_time_rate": share(total["onTimeRate"]),
            "average_latency": duration(total["avgLatencyMs"]),
            "api_calls": total["requests"],
            "failed_calls": total["failedRequests"],
            "calls_saved_by_batching": total["savedRequests"],
            "companies": document["companiesInAll"],
        }
    )


def _record(one: Mapping[str, Any]) -> TableRecord:
    return TableRecord(
        {
            "platform": TITLES[Platform(one["platform"])],
            "due": one["plannedDeliveries"],
            "success_rate": share(one["successRate"]),
            "on_time_rate": share(one["onTimeRate"]),
            "calls": one["requests"],
            "failed_calls": one["failedRequests"],
            "repeats": one["repeatedRequests"],
            "median_answer": duration(one["p50AnswerMs"]),
            "answered_95_percent_within": duration(one["p95AnswerMs"]),
            "saved_by_batching": one["savedRequests"],
            "best_hours_utc": ", ".join(f"{n:02d}" for n in one["bestHour"]["hours"]) or "–",
        }
    )
