"""The checks of figures: what gates deliveries, and whether what was delivered is what the events say.

They are one op, of which each check can be executed alone. A blocking check that fails ends its step, and the
stale days of the exports are to be shown all the same: as an op of their own Dagster would leave them out.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from uuid import UUID

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetKey,
    MetadataValue,
    TableColumn,
    TableRecord,
    TableSchema,
    multi_asset_check,
)

from impact_in_pipelines.assets.exports.checks import check_of_export, export_check_spec
from impact_in_pipelines.impact.checks import CHECKS, Check, CheckSeverity
from impact_in_pipelines.impact.verdicts import Evaluation
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.resources.runtime import RuntimeResource
from impact_in_pipelines.runtime import Runtime

DAYS_JUDGED = 35
"""Days back whose figures the checks judge each time; older ones were judged when they were new."""

COMPANY_IMPACT = AssetKey("company_impact")

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
    return (
        f"{check.meaning}, in the last {DAYS_JUDGED} days of every company. {effect} "
        f"When it fails: {check.remedy}."
    )


@multi_asset_check(
    name="figures_checks",
    description="Judges the figures of the last days, and what was delivered of them.",
    specs=[
        *(
            AssetCheckSpec(
                name=check.name,
                asset=COMPANY_IMPACT,
                description=_told(check),
                blocking=check.severity is CheckSeverity.CRITICAL,
            )
            for check in CHECKS
        ),
        *(export_check_spec(platform) for platform in Platform),
    ],
    can_subset=True,
)
def figures_checks(
    context: AssetCheckExecutionContext, runtime: RuntimeResource
) -> Iterator[AssetCheckResult]:
    """Evaluate those that were selected, each over all companies."""
    parts = runtime.get()
    chosen = context.selected_asset_check_keys
    names = {key.name for key in chosen if key.asset_key == COMPANY_IMPACT}
    if names:
        yield from _judged(parts, names)
    for platform in Platform:
        if any(key.asset_key == AssetKey(f"{platform.value}_export") for key in chosen):
            yield check_of_export(parts, platform)


def _judged(parts: Runtime, names: set[str]) -> Iterator[AssetCheckResult]:
    from impact_in_pipelines.impact.expectations import evaluate  # pandas and Great Expectations

    now = parts.clock()
    figures = parts.impact.daily_figures(
        now, first_day=now.date() - timedelta(days=DAYS_JUDGED - 1), last_day=now.date()
    )
    slugs = {company.id: company.slug for company in parts.companies.listed()}
    for evaluation in evaluate(figures, now):
        if evaluation.name in names:
            yield _result(evaluation, slugs)


def _result(evaluation: Evaluation, slugs: Mapping[UUID, str]) -> AssetCheckResult:
    """One evaluation over all companies, the worst offenders as a table."""
    return AssetCheckResult(
        check_name=evaluation.name,
        asset_key=COMPANY_IMPACT,
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
