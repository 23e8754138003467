"""At boot: runs that a crash left behind are reported failed and give their pool slots back.

Dagster marks a killed run as failed by itself, unless the code server died with it (a reboot): then the
run stays started for good (design, section 9). So this runs before the daemon and the code server do.
"""

import os
import socket

from dagster import (
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    RunsFilter,
)

from impact_in_pipelines.dagster_instance.terminations import report_stopping

OWNER_TAG = "impact_in/process"
"""`host:pid` of the process that executes a run itself (the CLI); such a run may be alive at boot."""

_UNFINISHED = [
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]

_ENDS = (
    DagsterEventType.RUN_SUCCESS,
    DagsterEventType.RUN_FAILURE,
    DagsterEventType.RUN_CANCELED,
)


def owner() -> str:
    """This process, as `OWNER_TAG` names it."""
    return f"{socket.gethostname()}:{os.getpid()}"


def fail_orphans() -> list[str]:
    """`fail_orphaned_runs` of the instance that DAGSTER_HOME names."""
    with DagsterInstance.get() as instance:
        return fail_orphaned_runs(instance)


def cancel_runs() -> None:
    """`cancel_running` of the instance that DAGSTER_HOME names."""
    with DagsterInstance.get() as instance:
        cancel_running(instance)


def fail_orphaned_runs(instance: DagsterInstance) -> list[str]:
    """Report every unfinished run whose process is gone as failed, or as cancelled if that was asked for;
    returns their ids.

    Only right while no code server of this instance is running.
    """
    orphans = [
        run
        for run in instance.get_runs(RunsFilter(statuses=_UNFINISHED))
        if not _owner_is_alive(run) and not restore_if_ended(instance, run)
    ]
    for run in orphans:
        if run.status is DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, message="Its process ended as it was to.")
        else:
            instance.report_run_failed(
                run,
                message="Its process did not survive a restart. What was due is sent by the next tick.",
            )
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    return [run.run_id for run in orphans]


def cancel_running(instance: DagsterInstance) -> None:
    """Say of every run at work that it is being cancelled: it then ends as such, whatever signal ends it.

    A run that ends by itself in the same moment stays as it ended.
    """
    at_work = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED]
    for listed in instance.get_runs(RunsFilter(statuses=at_work)):
        # Read anew: those before it have taken their time, and it may have ended meanwhile.
        run = instance.get_run_by_id(listed.run_id)
        if run is None or run.status not in at_work or OWNER_TAG in run.tags:
            continue  # it has ended, or is one of the CLI's own processes, which go on
        report_stopping(instance, run, "a shutdown")
        restore_if_ended(instance, run)


def restore_if_ended(instance: DagsterInstance, run: DagsterRun) -> bool:
    """Whether the run's log says that it has ended; its status is then set back to that end.

    Dagster takes the latest event for the status: reporting that a run is being cancelled just after it has
    succeeded (seen: 0.3 s) would make it a cancelled or a failed one, and people would hear of it.
    """
    ends = [
        entry.dagster_event
        for entry in instance.all_logs(run.run_id, of_type=set(_ENDS))
        if entry.dagster_event is not None
    ]
    if not ends:
        return False
    instance.report_dagster_event(ends[0], run_id=run.run_id)
    return True


def _owner_is_alive(run: DagsterRun) -> bool:
    host, _, pid = run.tags.get(OWNER_TAG, "").rpartition(":")
    if not pid.isdigit():
        return False
    if host != socket.gethostname():
        return True  # on another machine: not ours to judge
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
