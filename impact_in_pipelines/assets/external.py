"""Tables that others write, seen as external assets."""

from dagster import AssetSpec

impact_events = AssetSpec(
    "impact_events",
    description="Raw activity of all companies, imported with `impact-in events import`.",
    group_name="impact",
    kinds={"postgres"},
)

impact_deliveries = AssetSpec(
    "impact_deliveries",
    description="The delivery log: one row for each delivery, from planned to final.",
    group_name="deliveries",
    kinds={"postgres"},
    deps=["benevity_export", "goodera_export", "workday_export"],
)
