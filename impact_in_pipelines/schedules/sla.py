"""The SLA every hour, its reports every Monday and on the first of the month (UTC)."""

from dagster import (
    AssetSelection,
    DefaultScheduleStatus,
    RunRequest,
    ScheduleDefinition,
    ScheduleEvaluationContext,
    SkipReason,
    define_asset_job,
    in_process_executor,
    schedule,
)

from impact_in_pipelines.assets.reporting.sla import (
    FIRST_DAY,
    monthly_sla_report,
    weekly_sla_report,
)
from impact_in_pipelines.plurals import count
from impact_in_pipelines.resources.runtime import RuntimeResource
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.settings import Settings
from impact_in_pipelines.sla.windows import ReportPeriod, last_complete

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"

monitor_sla = define_asset_job(
    name="monitor_sla",
    selection=AssetSelection.assets(
        "impact_deliveries", "sla_daily", "sla_status", "delivery_analytics"
    ),
    description="Counts every day that has changed anew, then judges every company and platform.",
    executor_def=in_process_executor,
)

report_jobs = {
    period: define_asset_job(
        name=f"make_{period.value}_sla_report",
        selection=AssetSelection.assets(report),
        description=f"The {period.value} reports of one period, on all companies and on each.",
        executor_def=in_process_executor,
    )
    for period, report in (
        (ReportPeriod.WEEKLY, weekly_sla_report),
        (ReportPeriod.MONTHLY, monthly_sla_report),
    )
}
"""What makes the reports of one partition."""


def sla_schedules(settings: Settings) -> list[ScheduleDefinition]:
    """On unless ENABLE_SLA_MONITORING=false."""
    on = settings.enable_sla_monitoring
    status = DefaultScheduleStatus.RUNNING if on else DefaultScheduleStatus.STOPPED
    return [
        _hourly(status),
        _report_schedule(
            ReportPeriod.WEEKLY,
            "weekly_sla_report_on_mondays",
            "0 0 * * 1",
            status,
        ),
        _report_schedule(
            ReportPeriod.MONTHLY,
            "monthly_sla_report_on_the_first",
            "0 0 1 * *",
            status,
        ),
    ]


def _hourly(status: DefaultScheduleStatus) -> ScheduleDefinition:
    # Ten past: what was due at the full hour has had its five minutes.
    @schedule(
        name="monitor_sla_hourly",
        job=monitor_sla,
        cron_schedule="10 * * * *",
        execution_timezone="UTC",
        default_status=status,
        description="Counts the days that have changed anew, and judges the last SLA_WINDOW_DAYS days.",
    )
    def tick(runtime: RuntimeResource) -> RunRequest | SkipReason:
        parts = runtime.get()
        if not parts.settings.enable_sla_monitoring:
            return SkipReason("ENABLE_SLA_MONITORING is false")
        return monitor_request(parts)

    return tick


def monitor_request(parts: Runtime, *, run_key: str | None = None) -> RunRequest:
    """A run of `monitor_sla` over every day that has changed, and today."""
    now = parts.clock()
    today = now.date()
    stale = parts.sla_rollup.stale_days(FIRST_DAY, now).days
    first = min([*stale, today])
    return RunRequest(
        run_key=run_key,
        job_name=monitor_sla.name,
        tags={
            RANGE_START: first.isoformat(),
            RANGE_END: today.isoformat(),
            "reason": f"{count(len(stale), 'day has', 'days have')} changed, the oldest {first}",
        },
    )


def _report_schedule(
    period: ReportPeriod,
    name: str,
    cron: str,
    status: DefaultScheduleStatus,
) -> ScheduleDefinition:
    @schedule(
        name=name,
        job=report_jobs[period],
        cron_schedule=cron,
        execution_timezone="UTC",
        default_status=status,
        description=f"Requests the {period.value} reports of the period that has just ended (UTC).",
    )
    def tick(context: ScheduleEvaluationContext) -> RunRequest:
        # The period before the tick's own time: a tick that comes late is still about its period.
        ended = last_complete(period, context.scheduled_execution_time)
        return RunRequest(partition_key=ended.start.date().isoformat())

    return tick
