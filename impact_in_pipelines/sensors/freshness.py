"""Assets are filled at the first start, and people are notified of those that no longer are."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from dagster import (
    AssetKey,
    DagsterInstance,
    DefaultSensorStatus,
    RunRequest,
    SensorDefinition,
    SensorEvaluationContext,
    SkipReason,
    sensor,
)

from impact_in_pipelines.alerting.freshness import OldAsset
from impact_in_pipelines.assets.freshness import KeptFresh, kept_fresh
from impact_in_pipelines.assets.sla import months, weeks
from impact_in_pipelines.db.engine import translated_errors
from impact_in_pipelines.errors import DatabaseUnavailable
from impact_in_pipelines.resources.runtime import RuntimeResource
from impact_in_pipelines.schedules.impact import refresh_company_impact
from impact_in_pipelines.schedules.sla import monitor_request, monitor_sla, report_jobs
from impact_in_pipelines.services.alerts import Alerts
from impact_in_pipelines.settings import Settings
from impact_in_pipelines.sla.windows import ReportPeriod, last_complete
from impact_in_pipelines.wording import sentence

_FILLED = "every asset has been filled before"


def freshness_sensors(settings: Settings) -> list[SensorDefinition]:
    """`first_start` and `assets_are_fresh`."""
    kept = kept_fresh(settings)

    @sensor(
        name="first_start",
        jobs=[refresh_company_impact, monitor_sla, *report_jobs.values()],
        minimum_interval_seconds=30,
        default_status=DefaultSensorStatus.RUNNING,
        description=(
            "Fills company_impact, the service levels and the last reports of a new installation at once: "
            "their schedules come hours later. An asset that was filled once is left to its schedule."
        ),
    )
    def first_start(
        context: SensorEvaluationContext, runtime: RuntimeResource
    ) -> Iterator[RunRequest | SkipReason]:
        if context.cursor == _FILLED:
            yield SkipReason(_FILLED)
            return
        empty = [
            name
            for name in kept
            if context.instance.get_latest_materialization_event(AssetKey(name)) is None
        ]
        yield from _filling(runtime, empty)
        # A run key is used once: a run that failed is the next hour's to mend.
        context.update_cursor(_FILLED)

    @sensor(
        name="assets_are_fresh",
        minimum_interval_seconds=300,
        default_status=DefaultSensorStatus.RUNNING,
        description=(
            "Opens an incident when an asset has not been filled for longer than its freshness policy "
            "allows, whoever has switched its schedule off, and closes it once it is."
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

    return [first_start, assets_are_fresh]


def _filling(runtime: RuntimeResource, empty: Sequence[str]) -> Iterator[RunRequest | SkipReason]:
    if not empty:
        yield SkipReason(_FILLED)
        return
    parts = runtime.get()
    if "company_impact" in empty:
        yield RunRequest(run_key=refresh_company_impact.name, job_name=refresh_company_impact.name)
    if {"sla_daily", "sla_status"} & set(empty):
        yield monitor_request(parts, run_key=monitor_sla.name)
    for period, job in report_jobs.items():
        if f"{period.value}_sla_report" in empty:
            key = last_complete(period, parts.clock()).start.date().isoformat()
            if key in (weeks if period is ReportPeriod.WEEKLY else months).get_partition_keys():
                yield RunRequest(run_key=job.name, job_name=job.name, partition_key=key)


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
