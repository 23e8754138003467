"""The three exports, from one factory (design D1, D2).

Four ways lead here, and all execute the same body: a drain (no partition key), a partition or a range of
them selected in the UI, and a drain that is configured with dates. The asset yields nothing: exactly the
partitions that arrived are recorded, as they arrive.
"""

from collections.abc import Iterator

from dagster import (
    AssetExecutionContext,
    AssetsDefinition,
    BackfillPolicy,
    Failure,
    RetryPolicy,
    asset,
)

from impact_in_pipelines.assets.beta import knowingly_beta
from impact_in_pipelines.assets.catalog import OPERATIONS
from impact_in_pipelines.assets.exports.choice import ExportConfig, chosen_days
from impact_in_pipelines.assets.exports.figures import compared_with_figures
from impact_in_pipelines.assets.exports.run import Export
from impact_in_pipelines.assets.partitions import company_days
from impact_in_pipelines.dagster_instance.runs.stopping import stoppable
from impact_in_pipelines.errors import DatabaseUnavailable, ImpactInError
from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.resources.runtime import RuntimeResource
from impact_in_pipelines.wording import sentence

_STEP_RETRIES = RetryPolicy(max_retries=2, delay=5)
"""Layer 3 of D5: for a step that fails as a whole, such as a database that is away for a moment."""


def build_export(*, platform: Platform) -> AssetsDefinition:
    """The asset `{platform}_export`: one materialisation for each company-day that reached `platform`."""
    title = FACTS[platform].title

    @asset(
        name=f"{platform.value}_export",
        description=(
            f"Impact figures delivered to {title}. A green cell: that company's impact of that day has "
            "arrived. Unsynced: its events have changed since; correct it. A red cell: it failed for good; "
            "its observation says why. To send it again, select the cell and materialise it."
        ),
        partitions_def=company_days,
        backfill_policy=BackfillPolicy.single_run(),
        retry_policy=_STEP_RETRIES,
        output_required=False,
        group_name="exports",
        kinds={"postgres", platform.value},
        tags={"platform": platform.value},
        owners=OPERATIONS,
    )
    def export(
        context: AssetExecutionContext, config: ExportConfig, runtime: RuntimeResource
    ) -> Iterator[None]:
        try:
            with stoppable() as stop:
                parts = runtime.get()
                chosen = chosen_days(context, parts, platform, config)
                Export(context, parts, platform, stop, chosen).run()
        except DatabaseUnavailable:
            raise
        except ImpactInError as error:
            # Trying again can't help what a person has to mend.
            raise Failure(description=sentence(error), allow_retries=False) from error
        yield from ()

    return compared_with_figures(export, platform)


def build_exports() -> list[AssetsDefinition]:
    """One export for each platform."""
    with knowingly_beta():
        return [build_export(platform=platform) for platform in Platform]


exports = build_exports()
