"""People are notified of assets that nobody fills any more."""

from collections.abc import Mapping
from datetime import UTC, datetime

from dagster import (
    AssetKey,
    DagsterInstance,
    DefaultSensorStatus,
    SensorDefinition,
    SensorEvaluationContext,
    SkipReason,
    sensor,
)

from impact_in_pipelines.alerting.freshness import OldAsset
from impact_in_pipelines.assets.freshness import KeptFresh, kept_fresh
from impact_in_pipelines.db.engine import translated_errors
from impact_in_pipelines.errors import DatabaseUnavailable
from impact_in_pipelines.resources.runtime import RuntimeResource
from impact_in_pipelines.services.alerts import Alerts
from impact_in_pipelines.settings import Settings
from impact_in_pipelines.wording import sentence


def freshness_sensor(settings: Settings) -> SensorDefinition:
    """`assets_are_fresh`."""
    kept = kept_fresh(settings)

    @sensor(
        name="assets_are_fresh",
        minimum_interval_seconds=300,
        default_status=DefaultSensorStatus.RUNNING,
        description=(
            "Opens an incident when an asset has not been refreshed for longer than its "
            "freshness policy allows, also if its schedule is switched off, and closes it when "
            "it is refreshed."
        ),
    )
    def assets_are_fresh(context: SensorEvaluationContext, runtime: RuntimeResource) -> SkipReason:
        try:
            parts = runtime.get()
            with translated_errors(parts.database.url):
                old = old_assets(context.instance, kept, parts.clock())
                watched = Alerts(parts).watch_freshness(old)
        except DatabaseUnavailable as error:
            return SkipReason(f"nothing was judged: {sentence(error)}")
        for line in watched.moved if watched else ():
            context.log.info(line)
        return SkipReason("another tick is at it" if watched is None else str(watched))

    return assets_are_fresh


def old_assets(
    instance: DagsterInstance, kept: Mapping[str, KeptFresh], now: datetime
) -> list[OldAsset]:
    """Those of `kept` that were filled, and not since they had to be."""
    stopped = {
        one.instigator_name
        for one in instance.all_instigator_state()
        if one.status.value == "STOPPED"
    }
    old = []
    for name, one in kept.items():
        event = instance.get_latest_materialization_event(AssetKey(name))
        if event is None:
            continue
        filled_at, due_at = datetime.fromtimestamp(event.timestamp, UTC), one.since(now)
        if filled_at < due_at:
            off = one.schedule if one.schedule in stopped else None
            old.append(OldAsset(name, filled_at, due_at, off))
    return old
