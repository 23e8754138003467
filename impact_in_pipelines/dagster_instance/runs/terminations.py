"""Why a run is being cancelled: because a person has terminated it, or because something else ends it.

Dagster reports `RUN_CANCELING` for all of them and tells them apart by its message only. What we report
ourselves begins with `STOPPED_BY`; the daemon's run monitoring says that a run took too long; whatever else
is there, with Dagster's own default message, was a person in the UI or through GraphQL (the run's or its
backfill's *Terminate*).
"""

from dagster import DagsterEventType, DagsterInstance, DagsterRun, DagsterRunStatus

STOPPED_BY = "Stopped by "
_TOO_LONG = "Canceling due to exceeding maximum runtime"


def is_terminated(instance: DagsterInstance, run_id: str) -> bool:
    """Whether the run is being cancelled, or has been, by whomever."""
    run = instance.get_run_by_id(run_id)
    return run is not None and run.status in (
        DagsterRunStatus.CANCELING,
        DagsterRunStatus.CANCELED,
    )


def is_terminated_by_person(instance: DagsterInstance, run_id: str) -> bool:
    """Whether a person has terminated the run."""
    if not is_terminated(instance, run_id):
        return False
    messages = [
        entry.dagster_event.message or ""
        for entry in instance.all_logs(run_id, of_type=DagsterEventType.RUN_CANCELING)
        if entry.dagster_event is not None
    ]
    # After it has reported a run that takes too long, the daemon terminates it as a person would.
    if any(message.startswith(_TOO_LONG) for message in messages):
        return False
    return any(not message.startswith(STOPPED_BY) for message in messages)


def report_stopping(instance: DagsterInstance, run: DagsterRun, cause: str) -> None:
    """Say that `run` ends because of `cause` (a signal's name, a shutdown), so that it ends as cancelled."""
    instance.report_run_canceling(run, message=f"{STOPPED_BY}{cause}.")
