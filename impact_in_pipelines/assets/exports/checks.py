"""A check on each export: delivered days are what the events say."""

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetKey,
    MetadataValue,
    TableColumn,
    TableRecord,
    TableSchema,
)

from impact_in_pipelines.delivery.resending.correcting import size_of_change
from impact_in_pipelines.delivery.showing.figures import figures_in_words
from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.runtime import Runtime
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


def export_check_spec(platform: Platform) -> AssetCheckSpec:
    """The check that says whether `platform` was told what is true."""
    return AssetCheckSpec(
        name=CHECK,
        asset=AssetKey(f"{platform.value}_export"),
        description=(
            f"What was delivered to {FACTS[platform].title} is what the events say today, as of the last "
            "hourly comparison. A warning: deliveries go out all the same. When it fails: correct the "
            "days (impact-in deliveries correct), or leave it to the company's policy "
            "(impact-in deliveries corrections)."
        ),
    )


def check_of_export(parts: Runtime, platform: Platform) -> AssetCheckResult:
    """The stale days of `platform`, those first whose figures have changed most."""
    found = corrections.stale_days(parts, StaleFilter(platform=platform), limit=100_000)
    worst = sorted(
        found.days,
        key=lambda one: size_of_change(one.delivered or {}, one.current),
        reverse=True,
    )
    return AssetCheckResult(
        check_name=CHECK,
        asset_key=AssetKey(f"{platform.value}_export"),
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
