"""`company_impact`: figures of each company and local day, judged by `exports.figures_checks`."""

from dagster import (
    AssetExecutionContext,
    AssetKey,
    Config,
    DataVersion,
    MaterializeResult,
    RetryPolicy,
    asset,
)
from pydantic import Field

from impact_in_pipelines.assets.catalog import DATA_ENGINEERS, table_metadata
from impact_in_pipelines.assets.exports.figures import show_stale_cells
from impact_in_pipelines.assets.freshness import freshness_of
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.plurals import count
from impact_in_pipelines.resources.runtime import RuntimeResource
from impact_in_pipelines.services import refreshing
from impact_in_pipelines.services.deliveries import corrections


class CompanyImpactConfig(Config):
    """How much is computed."""

    full: bool = Field(
        default=False,
        description="Compute every day anew, not only those that imports have touched.",
    )


@asset(
    description=(
        "Participants, volunteers, hours, sessions and outcomes per company and local day. Computes the "
        "days that imports have touched since the last run, every hour, and compares what was delivered "
        "with them."
    ),
    deps=[AssetKey("impact_events")],
    retry_policy=RetryPolicy(max_retries=2, delay=5),
    group_name="impact",
    kinds={"postgres"},
    owners=DATA_ENGINEERS,
    metadata=table_metadata("company_impact"),
    freshness_policy=freshness_of("company_impact"),
)
def company_impact(
    context: AssetExecutionContext, config: CompanyImpactConfig, runtime: RuntimeResource
) -> MaterializeResult[None]:
    """Refresh the table, and what follows from its changes for days that were delivered."""
    parts = runtime.get()
    summary = refreshing.company_impact(parts, full=config.full)
    context.log.info(f"{count(summary.days, 'company-day')} computed, {summary.written} changed")
    compared = corrections.compare(parts)
    corrected = corrections.correct_automatically(parts)
    context.log.info(
        f"{count(compared.reports, 'report')} compared with what was delivered, {compared.changed} would say "
        f"something else today; {count(len(corrected.queued), 'correction')} queued"
    )
    for platform in Platform:
        show_stale_cells(context, parts, platform)
    return MaterializeResult(
        data_version=DataVersion(parts.impact.content_version()),
        metadata={
            "companies": summary.companies,
            "company_days": summary.days,
            "changed": summary.written,
            "unchanged": summary.unchanged,
            "removed": summary.removed,
            "reports_changed": compared.changed,
            "corrections_queued": len(corrected.queued),
            "first_day": str(summary.first_day or "–"),
            "last_day": str(summary.last_day or "–"),
        },
    )
