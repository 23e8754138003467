"""The search for anomalies, once a day."""

from dagster import (
    AssetSelection,
    DefaultScheduleStatus,
    ScheduleDefinition,
    define_asset_job,
    in_process_executor,
)

from impact_in_pipelines.settings import Settings

find_anomalies = define_asset_job(
    name="find_anomalies",
    selection=AssetSelection.assets("anomalies"),
    description="Judges every series up to yesterday, and opens and closes incidents.",
    executor_def=in_process_executor,
)


def daily_anomalies(settings: Settings) -> ScheduleDefinition:
    """At 02:30 UTC: yesterday's rollup has been computed. On unless ENABLE_ANOMALY_DETECTION=false."""
    on = settings.enable_anomaly_detection
    return ScheduleDefinition(
        name="anomalies_daily",
        job=find_anomalies,
        cron_schedule="30 2 * * *",
        execution_timezone="UTC",
        default_status=DefaultScheduleStatus.RUNNING if on else DefaultScheduleStatus.STOPPED,
        description="Looks for series that differ from their past, before a threshold is missed.",
    )
