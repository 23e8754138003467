"""A new installation is filled at its first start."""

from collections.abc import Iterator, Sequence

from dagster import (
    AssetKey,
    DefaultSensorStatus,
    RunRequest,
    SensorDefinition,
    SensorEvaluationContext,
    SkipReason,
    sensor,
)

from impact_in_pipelines.assets.freshness import kept_fresh
from impact_in_pipelines.assets.reporting.sla import months, weeks
from impact_in_pipelines.resources.runtime import RuntimeResource
from impact_in_pipelines.schedules.impact import refresh_company_impact
from impact_in_pipelines.schedules.sla import monitor_request, monitor_sla, report_jobs
from impact_in_pipelines.settings import Settings
from impact_in_pipelines.sla.windows import ReportPeriod, last_complete

_FILLED = "every asset has been filled before"


def first_start_sensor(settings: Settings) -> SensorDefinition:
    """`first_start`."""
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

    return first_start


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
