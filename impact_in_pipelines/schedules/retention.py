"""Retention every night: months made ahead, what is over archived and removed."""

from dataclasses import asdict

from dagster import (
    Config,
    DefaultScheduleStatus,
    Failure,
    OpExecutionContext,
    RunConfig,
    ScheduleDefinition,
    in_process_executor,
    job,
    op,
)
from pydantic import Field

from impact_in_pipelines.dagster_instance.history import purge_old_runs
from impact_in_pipelines.errors import ImpactInError
from impact_in_pipelines.resources.runtime import RuntimeResource
from impact_in_pipelines.services.operating.retention import retain
from impact_in_pipelines.wording import sentence


class Retention(Config):
    """How to run it from the Launchpad."""

    dry_run: bool = Field(default=False, description="Say what would leave, and change nothing.")


@op(
    description="Archives what is older than RETENTION_… say and removes it; Dagster's own runs too."
)
def remove_what_is_over(
    context: OpExecutionContext, config: Retention, runtime: RuntimeResource
) -> None:
    """What was not archived and read back is still there; the next night goes on."""
    parts = runtime.get()
    try:
        done = retain(parts, actor=f"dagster run {context.run_id}", dry_run=config.dry_run)
    except ImpactInError as error:
        raise Failure(description=sentence(error), allow_retries=False) from error
    history = purge_old_runs(parts.settings, parts.clock(), dry_run=config.dry_run)
    context.add_output_metadata(
        {
            "dry_run": config.dry_run,
            "archive": str(parts.settings.archive_folder or "none"),
            "months_made": list(done.months_made),
            "deliveries": [asdict(one) for one in done.deliveries],
            "deliveries_kept": [asdict(one) for one in done.deliveries_kept],
            "audit_log": [asdict(one) for one in done.audit],
            "figures": done.figures,
            "dagster": asdict(history),
        }
    )


@job(
    executor_def=in_process_executor,
    description="Makes the months of the log ahead, archives old months and removes them.",
    config=RunConfig(ops={"remove_what_is_over": Retention()}),
)
def retention() -> None:
    remove_what_is_over()


def nightly_retention() -> ScheduleDefinition:
    """At 03:40 UTC, when few deliveries are due."""
    return ScheduleDefinition(
        name="retention_nightly",
        job=retention,
        cron_schedule="40 3 * * *",
        execution_timezone="UTC",
        default_status=DefaultScheduleStatus.RUNNING,
        description="Makes months of the log ahead, and removes what is older than the RETENTION_ "
        "settings say.",
    )
