"""What Dagster compares an export's cells with: the figures of each company-day, as a platform is told them.

`company_impact` is one table with one version, which moves with every import; a cell that followed it would
be out of date after each. So between the two stand `{platform}_figures`, external and partitioned like the
exports. Nothing is written to them but observations: with a version on a day that has changed since it was
delivered, without one on a day that no longer has. A delivered cell was made from a day without a version,
so it is *Unsynced* exactly while its day's newest observation has one.
"""

from collections.abc import Mapping
from functools import cache

from dagster import (
    AssetDep,
    AssetExecutionContext,
    AssetKey,
    AssetObservation,
    AssetsDefinition,
    AssetSpec,
)

from impact_in_pipelines.assets.catalog import OPERATIONS
from impact_in_pipelines.assets.event_batches import write_observations
from impact_in_pipelines.assets.partitions import cell, company_days, inside_window
from impact_in_pipelines.delivery.showing.figures import figures_in_words
from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.services.deliveries.corrections import StaleDay, changed_cells

_VERSION = "dagster/data_version"
_BEFORE_EVERYTHING = "1"
"""The place of an event before all observations: whichever one a day has is newer."""


@cache
def figures_key(platform: Platform) -> AssetKey:
    """The asset whose days are what `platform` is told."""
    return AssetKey(f"{platform.value}_figures")


figures = [
    AssetSpec(
        figures_key(platform),
        description=(
            f"The figures of each company and local day that {FACTS[platform].title} receives. Observed "
            "where they differ from what was delivered: the day's cell of the export is then Unsynced."
        ),
        deps=[AssetKey("company_impact")],
        partitions_def=company_days,
        group_name="exports",
        kinds={"postgres", platform.value},
        owners=OPERATIONS,
    )
    for platform in Platform
]


def compared_with_figures(export: AssetsDefinition, platform: Platform) -> AssetsDefinition:
    """`export`, downstream of its platform's figures without an input for them: a run without a partition key
    fails over the input of a partitioned asset as soon as that has an event (D2)."""
    (spec,) = export.specs
    deps = [AssetDep(figures_key(platform))]
    attributes = export.get_attributes_dict() | {"specs": [spec.replace_attributes(deps=deps)]}
    return AssetsDefinition.dagster_internal_init(**attributes)


def delivered(platform: Platform, figures_hash: str | None) -> Mapping[str, str]:
    """The tags of a cell that has just been delivered: its content's version, and what it was made from."""
    key = figures_key(platform).to_user_string()
    return {
        "dagster/code_version": "1",
        f"dagster/input_data_version/{key}": "delivered",
        f"dagster/input_event_pointer/{key}": _BEFORE_EVERYTHING,
        **({_VERSION: figures_hash} if figures_hash else {}),
    }


def show_stale_cells(context: AssetExecutionContext, runtime: Runtime, platform: Platform) -> int:
    """Tell Dagster which cells of `platform` are out of date now and which no longer are; returns how many
    changed."""
    with changed_cells(runtime, platform) as changes:
        observations = [
            _stale(platform, one) for one in changes.marked.values() if inside_window([one.day])
        ]
        observations += [
            AssetObservation(
                asset_key=figures_key(platform),
                partition=cell(slug, day),
                description="What was delivered is what the events say.",
            )
            for slug, day in changes.cleared
            if inside_window([day])
        ]
        write_observations(context, observations)
    return len(observations)


def _stale(platform: Platform, one: StaleDay) -> AssetObservation:
    return AssetObservation(
        asset_key=figures_key(platform),
        partition=cell(one.company, one.day),
        description=f"{one.company} {one.day}: its events have changed since it was delivered.",
        metadata={
            "delivery_id": str(one.delivery_id),
            "delivered": figures_in_words(one.delivered or {}),
            "would_be_delivered_now": figures_in_words(one.current),
            "changed_at": f"{one.changed_at:%Y-%m-%d %H:%M:%S} UTC",
        },
        tags={_VERSION: one.current_hash},
    )
