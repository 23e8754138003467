"""Tables that others write, seen as external assets. What is observed of them is counted, never changed."""

from collections.abc import Mapping
from typing import Any

from dagster import (
    AssetsDefinition,
    AssetSpec,
    MetadataValue,
    ObserveResult,
    multi_observable_source_asset,
)

from impact_in_pipelines.assets.beta import knowingly_beta
from impact_in_pipelines.assets.catalog import DATA_ENGINEERS, OPERATIONS, table_metadata
from impact_in_pipelines.db.impact.counts import DeliveryCounts, EventCounts
from impact_in_pipelines.delivery.states import DeliveryStatus
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.resources.runtime import RuntimeResource
from impact_in_pipelines.services.refreshing import OBSERVED_DAYS, delivery_counts, event_counts


def _of_events(counts: EventCounts) -> Mapping[str, Any]:
    newest, imported = counts.newest_event_at, counts.imported_at
    return {
        "dagster/row_count": counts.rows,
        "companies": counts.companies,
        "newest_event": MetadataValue.timestamp(newest) if newest else "–",
        "last_import": MetadataValue.timestamp(imported) if imported else "–",
        "waiting_to_be_computed": counts.touched_days,
        f"imports_of_{OBSERVED_DAYS}_days": counts.imports,
        f"rows_rejected_in_{OBSERVED_DAYS}_days": counts.rejected,
    }


def _of_deliveries(counts: DeliveryCounts) -> Mapping[str, Any]:
    oldest, newest = counts.oldest_due, counts.last_delivered_at
    return {
        **{status.value: counts.by_status.get(status.value, 0) for status in DeliveryStatus},
        "counted": f"open ones, and what was due in the last {OBSERVED_DAYS} days",
        "oldest_open": MetadataValue.timestamp(oldest) if oldest else "–",
        "last_delivered": MetadataValue.timestamp(newest) if newest else "–",
    }


def _observe_events(runtime: RuntimeResource) -> ObserveResult:
    """Without a data version: what has changed is told day by day, by the figures."""
    return ObserveResult(
        asset_key="impact_events", metadata=_of_events(event_counts(runtime.get()))
    )


def _observe_deliveries(runtime: RuntimeResource) -> ObserveResult:
    """The open ones whenever they are due, the others of the last days."""
    return ObserveResult(
        asset_key="impact_deliveries", metadata=_of_deliveries(delivery_counts(runtime.get()))
    )


_impact_events = AssetSpec(
    "impact_events",
    description=(
        "Raw activity of all companies: sessions, volunteering, outcome scores. Comes in with "
        "`impact-in events import` or the API; importing a file again changes nothing. Counted "
        "every hour: the newest observation has the rows, what was rejected and the newest event."
    ),
    group_name="impact",
    kinds={"postgres"},
    owners=DATA_ENGINEERS,
    metadata=table_metadata("impact_events"),
)
_impact_deliveries = AssetSpec(
    "impact_deliveries",
    description=(
        "The delivery log, which is also the queue: one row for each delivery, from planned to "
        "final. Counted by status every hour, in its newest observation. "
        "Look at it with `impact-in deliveries list` or in the cockpit."
    ),
    group_name="deliveries",
    kinds={"postgres"},
    deps=[f"{platform}_export" for platform in Platform],
    owners=OPERATIONS,
    metadata=table_metadata("impact_deliveries"),
)

with knowingly_beta():
    observed: list[AssetsDefinition] = [
        multi_observable_source_asset(name=f"observe_{spec.key.to_user_string()}", specs=[spec])(
            observe
        )
        for spec, observe in (
            (_impact_events, _observe_events),
            (_impact_deliveries, _observe_deliveries),
        )
    ]
