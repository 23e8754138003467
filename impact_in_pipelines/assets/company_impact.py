"""`company_impact`: figures of each company and local day, with one aggregate evaluation per check."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from uuid import UUID

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    Config,
    DataVersion,
    MaterializeResult,
    MetadataValue,
    RetryPolicy,
    TableColumn,
    TableRecord,
    TableSchema,
    asset,
)
from pydantic import Field

from impact_in_pipelines.assets.catalog import DATA_ENGINEERS, table_metadata
from impact_in_pipelines.assets.exports.figures import show_stale_cells
from impact_in_pipelines.assets.external import impact_events
from impact_in_pipelines.impact.checks import CHECKS, Check, CheckSeverity
from impact_in_pipelines.impact.verdicts import Evaluation
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.resources.runtime import RuntimeResource
from impact_in_pipelines.services import refreshing
from impact_in_pipelines.services.deliveries import corrections

DAYS_JUDGED = 35
"""Days back whose figures the checks judge each time; older ones were judged when they were new."""

_SEVERITY = {
    CheckSeverity.CRITICAL: AssetCheckSeverity.ERROR,
    CheckSeverity.WARNING: AssetCheckSeverity.WARN,
}
_COLUMNS = TableSchema(
    columns=[TableColumn(name, type="string") for name in ("company", "day", "observed")]
)


def _told(check: Check) -> str:
    """What a check means and what to do, as the UI shows it."""
    effect = (
        "Critical: the delivery it concerns isn't sent."
        if check.severity is CheckSeverity.CRITICAL
        else "A warning: deliveries go out all the same."
    )
    return f"{check.meaning}. {effect} When it fails: {check.remedy}."


class CompanyImpactConfig(Config):
    """How much is computed."""

    full: bool = Field(
        default=False,
        description="Compute every day anew, not only those that imports have touched.",
    )


@asset(
    description=(
        "Participants, volunteers, hours, sessions and outcomes per company and local day. Computes the "
        "days that imports have touched since the last run, every hour. The checks judge the last "
        f"{DAYS_JUDGED} days of every company; a critical one that fails also stops the delivery it concerns."
    ),
    deps=[impact_events],
    check_specs=[
        AssetCheckSpec(
            name=check.name,
            asset="company_impact",
            description=_told(check),
        )
        for check in CHECKS
    ],
    retry_policy=RetryPolicy(max_retries=2, delay=5),
    group_name="impact",
    kinds={"postgres"},
    owners=DATA_ENGINEERS,
    metadata=table_metadata("company_impact"),
)
def company_impact(
    context: AssetExecutionContext, config: CompanyImpactConfig, runtime: RuntimeResource
) -> Iterator[MaterializeResult[None] | AssetCheckResult]:
    """Refresh the table, then judge the last days with the suite that also gates deliveries."""
    from impact_in_pipelines.impact.expectations import evaluate  # pandas and Great Expectations

    parts = runtime.get()
    now = parts.clock()
    summary = refreshing.company_impact(parts, full=config.full)
    context.log.info(f"{summary.days} company-days computed, {summary.written} changed")
    compared = corrections.compare(parts)
    corrected = corrections.correct_automatically(parts)
    context.log.info(
        f"{compared.reports} reports compared with what was delivered, {compared.changed} would say "
        f"something else today; {len(corrected.queued)} corrections queued"
    )
    for platform in Platform:
        show_stale_cells(context, parts, platform)
    yield MaterializeResult(
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
    figures = parts.impact.daily_figures(
        now, first_day=now.date() - timedelta(days=DAYS_JUDGED - 1), last_day=now.date()
    )
    slugs = {company.id: company.slug for company in parts.companies.listed()}
    for evaluation in evaluate(figures, now):
        yield _result(evaluation, slugs)


def _result(evaluation: Evaluation, slugs: Mapping[UUID, str]) -> AssetCheckResult:
    """One evaluation over all companies, the worst offenders as a table."""
    return AssetCheckResult(
        check_name=evaluation.name,
        asset_key="company_impact",
        passed=evaluation.passed,
        severity=_SEVERITY[evaluation.severity],
        metadata={
            "company_days_judged": evaluation.evaluated,
            "company_days_failed": evaluation.failed,
            "worst": MetadataValue.table(
                records=[
                    TableRecord(
                        {
                            "company": slugs.get(offender.company_id, str(offender.company_id)),
                            "day": str(offender.period_start),
                            "observed": offender.observed,
                        }
                    )
                    for offender in evaluation.offenders
                ],
                schema=_COLUMNS,
            ),
        },
    )
