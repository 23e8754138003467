"""`company_impact` every hour, and on demand."""

from dagster import (
    AssetSelection,
    DefaultScheduleStatus,
    RunConfig,
    ScheduleDefinition,
    define_asset_job,
    in_process_executor,
)

from impact_in_pipelines.assets.company_impact import CompanyImpactConfig
from impact_in_pipelines.assets.exports.figures_checks import figures_checks
from impact_in_pipelines.settings import Settings

refresh_company_impact = define_asset_job(
    name="refresh_company_impact",
    selection=AssetSelection.assets("impact_events", "company_impact")
    | AssetSelection.checks(*figures_checks.check_keys),
    description="Computes the figures of every company-day that imports have touched, and checks them.",
    executor_def=in_process_executor,
    config=RunConfig(ops={"company_impact": CompanyImpactConfig()}),
)


def hourly_refresh(settings: Settings) -> ScheduleDefinition:
    """At five past, so that it doesn't meet the drains of the full hour."""
    return ScheduleDefinition(
        name="refresh_company_impact_hourly",
        job=refresh_company_impact,
        cron_schedule="5 * * * *",
        execution_timezone="UTC",
        description="Keeps company_impact and its checks up to date with what was imported.",
        default_status=DefaultScheduleStatus.RUNNING
        if settings.enable_scheduler
        else DefaultScheduleStatus.STOPPED,
    )
