"""Tables that others write, seen as external assets."""

from dagster import AssetSpec

from impact_in_pipelines.assets.catalog import DATA_ENGINEERS, OPERATIONS, table_metadata
from impact_in_pipelines.platforms import Platform

impact_events = AssetSpec(
    "impact_events",
    description=(
        "Raw activity of all companies: sessions, volunteering, outcome scores. Comes in with "
        "`impact-in events import` or the API; importing a file again changes nothing."
    ),
    group_name="impact",
    kinds={"postgres"},
    owners=DATA_ENGINEERS,
    metadata=table_metadata("impact_events"),
)

impact_deliveries = AssetSpec(
    "impact_deliveries",
    description=(
        "The delivery log, which is also the queue: one row for each delivery, from planned to final. "
        "Look at it with `impact-in deliveries list` or in the cockpit."
    ),
    group_name="deliveries",
    kinds={"postgres"},
    deps=[f"{platform}_export" for platform in Platform],
    owners=OPERATIONS,
    metadata=table_metadata("impact_deliveries"),
)
