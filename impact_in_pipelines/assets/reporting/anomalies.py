"""`anomalies`: the daily series that have left their past, found once a day."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    AssetSpec,
    MaterializeResult,
    MetadataValue,
    RetryPolicy,
    TableColumn,
    TableRecord,
    TableSchema,
    multi_asset,
)

from impact_in_pipelines.assets.catalog import ANALYSTS
from impact_in_pipelines.resources.runtime import RuntimeResource

_SHOWN = 50
_COLUMNS = TableSchema(
    columns=[
        TableColumn(name, type="string")
        for name in ("company", "platform", "anomaly", "days", "expected", "score")
    ]
)
CHECK = "no_anomaly"


@multi_asset(
    name="anomalies",
    specs=[
        AssetSpec(
            "anomalies",
            deps=[AssetKey("sla_daily"), AssetKey("company_impact")],
            skippable=True,
            description=(
                "Every company's and platform's daily success, volume, answer times and figures up to "
                "yesterday, each compared with what its own last half year lets expect of the "
                "weekday, holidays and the month's end. A series that differs too "
                "much opens an incident; docs/anomalies.md says how to read it."
            ),
            group_name="sla",
            kinds={"postgres"},
            owners=ANALYSTS,
        )
    ],
    check_specs=[
        AssetCheckSpec(
            name=CHECK,
            asset="anomalies",
            description="No series differs from its past. When it fails: docs/runbook.md, anomaly.",
        )
    ],
    can_subset=True,
    retry_policy=RetryPolicy(max_retries=2, delay=60),
)
def anomalies(
    context: AssetExecutionContext, runtime: RuntimeResource
) -> Iterator[MaterializeResult[None] | AssetCheckResult]:
    """Look, agree the incidents, and say what was found."""
    # numpy and scipy: only the process that looks pays for them.
    from impact_in_pipelines.alerting.wording import day_by_day
    from impact_in_pipelines.anomalies.saying import in_words
    from impact_in_pipelines.services.anomalies.finding import FoundAnomaly
    from impact_in_pipelines.services.anomalies.telling import document
    from impact_in_pipelines.services.anomalies.watching import watch_anomalies

    parts = runtime.get()
    looked = watch_anomalies(parts)
    slugs: dict[UUID, str] = {one.id: one.slug for one in parts.companies.listed()}

    def table(found: Sequence[FoundAnomaly]) -> MetadataValue:
        records = []
        for one in found:
            company_id, platform, _, _ = one.key
            said = document(one)
            days, usual = day_by_day(said)
            records.append(
                TableRecord(
                    {
                        "company": slugs.get(company_id, "") if company_id else "all",
                        "platform": platform.value if platform else "",
                        "anomaly": in_words(said),
                        "days": days,
                        "expected": usual,
                        "score": f"{one.score:.1f} of {one.threshold:.1f}",
                    }
                )
            )
        return MetadataValue.table(records, schema=_COLUMNS)

    worst = sorted(looked.found, key=lambda one: -one.score)[:_SHOWN]
    if context.selected_asset_keys:
        yield MaterializeResult(
            asset_key="anomalies",
            metadata={
                "found": table(worst),
                "anomalies": len(looked.found),
                "series": looked.series,
                "day": looked.day.isoformat(),
                "false_alarms_accepted": f"{looked.per_company:.3g} a company and quarter",
                "incidents": str(looked.changed),
            },
        )
    if context.selected_asset_check_keys:
        yield AssetCheckResult(
            check_name=CHECK,
            asset_key="anomalies",
            passed=not looked.breaches,
            severity=AssetCheckSeverity.WARN,
            metadata={"told": len(looked.breaches), "found": table(worst)},
        )
