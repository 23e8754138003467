"""A check on each export: delivered days are what the events say."""

from dagster import (
    AssetCheckKey,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetKey,
    MetadataValue,
    TableColumn,
    TableRecord,
    TableSchema,
    asset_check,
)

from impact_in_pipelines.assets.exports.figures import figures_in_words
from impact_in_pipelines.delivery.resending.correcting import size_of_change
from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.resources.runtime import RuntimeResource
from impact_in_pipelines.services.deliveries import corrections
from impact_in_pipelines.services.deliveries.corrections import StaleDay, StaleFilter

CHECK = "delivered_days_are_current"
WORST_SHOWN = 20

_COLUMNS = TableSchema(
    columns=[
        TableColumn(name, type="string")
        for name in ("company", "day", "delivered", "now", "changed_at", "delivery", "correction")
    ]
)


def _build(platform: Platform) -> AssetChecksDefinition:
    title = FACTS[platform].title

    @asset_check(
        asset=AssetKey(f"{platform.value}_export"),
        name=CHECK,
        additional_deps=[AssetKey("company_impact")],
        description=(
            f"What was delivered to {title} is what the events say today, as of the last hourly comparison. "
            "A warning: deliveries go out all the same. When it fails: correct the days (impact-in "
            "deliveries correct), or let the company's policy (impact-in deliveries corrections)."
        ),
    )
    def check(runtime: RuntimeResource) -> AssetCheckResult:
        parts = runtime.get()
        found = corrections.stale_days(parts, StaleFilter(platform=platform), limit=100_000)
        worst = sorted(
            found.days,
            key=lambda one: size_of_change(one.delivered or {}, one.current),
            reverse=True,
        )
        return AssetCheckResult(
            passed=found.total == 0,
            severity=AssetCheckSeverity.WARN,
            metadata={
                "stale_days": found.total,
                "companies": len({one.company_id for one in found.days}),
                "worst": MetadataValue.table(
                    records=[_record(one) for one in worst[:WORST_SHOWN]], schema=_COLUMNS
                ),
            },
        )

    return check


def _record(one: StaleDay) -> TableRecord:
    return TableRecord(
        {
            "company": one.company,
            "day": str(one.day),
            "delivered": figures_in_words(one.delivered or {}),
            "now": figures_in_words(one.current),
            "changed_at": f"{one.changed_at:%Y-%m-%d %H:%M} UTC",
            "delivery": str(one.delivery_id),
            "correction": str(one.correction_id or ""),
        }
    )


export_checks = [_build(platform) for platform in Platform]
check_keys = [AssetCheckKey(AssetKey(f"{platform.value}_export"), CHECK) for platform in Platform]
