"""Tells of runs that failed for another reason than their deliveries: a crash, a report, a refresh.

A drain whose deliveries failed for good fails too, so that its cells are red, and so does a refresh that
finds figures which stop a delivery. Neither is news for this sensor: the breaches tell of them.
"""

from collections.abc import Sequence

from dagster import (
    DagsterEvent,
    DagsterEventType,
    DefaultSensorStatus,
    RunFailureSensorContext,
    run_failure_sensor,
)

from impact_in_pipelines.assets.exports.run import FAILURES
from impact_in_pipelines.redaction.redactor import Redactor
from impact_in_pipelines.resources.runtime import RuntimeResource
from impact_in_pipelines.services.alerts import Alerts
from impact_in_pipelines.sla.incidents import FailedRun


@run_failure_sensor(
    name="run_failures",
    minimum_interval_seconds=30,
    default_status=DefaultSensorStatus.RUNNING,
    description="Sends a message to Slack about a run that crashed or failed, unless only its "
    "deliveries failed.",
)
def run_failures(context: RunFailureSensorContext, runtime: RuntimeResource) -> None:
    """Write one notice for the run, however often this is asked."""
    run = context.dagster_run
    if context.instance.all_logs(run.run_id, of_type=DagsterEventType.RUN_SUCCESS):
        # It had succeeded, and was terminated a moment later: nothing has failed.
        return
    steps = context.get_step_failure_events()
    if only_deliveries_failed(steps):
        return
    Alerts(runtime.get()).run_failed(
        FailedRun(
            run_id=run.run_id,
            job=run.job_name,
            step=steps[0].step_key if steps else None,
            error=Redactor().text(reason(steps, context.failure_event.message)),
        )
    )


def only_deliveries_failed(steps: Sequence[DagsterEvent]) -> bool:
    """Whether every failed step is an export that did its work and lists the deliveries that failed, or
    checks of which a blocking one failed."""
    return bool(steps) and all(_lists_deliveries(step) or _blocks(step) for step in steps)


def reason(steps: Sequence[DagsterEvent], fallback: str | None) -> str:
    """Why the run failed, in one line: the first step's cause, or what Dagster says of the run."""
    for step in steps:
        data = step.step_failure_data
        if data.user_failure_data is not None and data.user_failure_data.description:
            return data.user_failure_data.description
        error = data.error
        while error is not None and error.cause is not None:
            error = error.cause
        if error is not None:
            return error.message.strip().splitlines()[0]
    return fallback or "no reason was given"


def _lists_deliveries(step: DagsterEvent) -> bool:
    data = step.step_failure_data.user_failure_data
    return data is not None and FAILURES in data.metadata


def _blocks(step: DagsterEvent) -> bool:
    error = step.step_failure_data.error
    return error is not None and error.cls_name == "DagsterAssetCheckFailedError"
