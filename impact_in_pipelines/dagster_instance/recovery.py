"""At boot: runs that a crash left behind are reported failed and give their pool slots back.

Dagster marks a killed run as failed by itself, unless the code server died with it (a reboot): then the
run stays started for good (design, section 9). So this runs before the daemon and the code server do.
"""

import os
import socket

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter

OWNER_TAG = "impact_in/process"
"""`host:pid` of the process that executes a run itself (the CLI); such a run may be alive at boot."""

_UNFINISHED = [
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]


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
        if not _owner_is_alive(run)
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
    """Say of every run at work that it is being cancelled: it then ends as such, whatever signal ends it."""
    at_work = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED]
    for run in instance.get_runs(RunsFilter(statuses=at_work)):
        if OWNER_TAG not in run.tags:  # the CLI's own processes go on
            instance.report_run_canceling(run)


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
