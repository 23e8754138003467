"""At boot: runs that a crash left behind are reported failed and give their pool slots back.

Dagster marks a killed run as failed by itself, unless the code server died with it (a reboot): then the
run stays started for good (design, section 9). Each run says in which process it is executed, and each
process that it is at work: so what is gone can be told from what lives on another machine, and in another
container of this one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from dagster import (
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    RunsFilter,
)

from impact_in_pipelines.dagster_instance.runs.terminations import report_stopping
from impact_in_pipelines.db.fleet.processes import Seen
from impact_in_pipelines.processes import Process, is_alive, named, this_process
from impact_in_pipelines.progress import Tell, silent

OWNER_TAG = "impact_in/process"
"""The process that executes a run itself (the CLI); it is no shutdown's business."""

HOST_TAG = "impact_in/host"
"""The process that executes the run, whoever launched it (`processes.Process.name`)."""

EXECUTES = "dagster"
"""The role of processes in which runs are executed; an API or a command executes nobody else's."""

GONE_AFTER = timedelta(minutes=15)
"""A process elsewhere that has said nothing for so long is gone: those that drain say so every minute."""

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


@dataclass(frozen=True, slots=True)
class Recovered:
    """Runs that were reported failed or cancelled, by id, and the unfinished ones that were left, by id with
    the host where they live or may live."""

    ended: tuple[str, ...]
    left: dict[str, str]


def owner() -> str:
    """This process, as `OWNER_TAG` and `HOST_TAG` name it."""
    return this_process().name


def tag_with_process(instance: DagsterInstance, run: DagsterRun) -> None:
    """Say on `run` that this process executes it."""
    if run.tags.get(HOST_TAG) != owner():
        instance.add_run_tags(run.run_id, {HOST_TAG: owner()})


def fail_orphans(seen: Sequence[Seen], tell: Tell = silent) -> Recovered:
    """`fail_orphaned_runs` of the instance that DAGSTER_HOME names."""
    with DagsterInstance.get() as instance:
        return fail_orphaned_runs(instance, seen, tell)


def cancel_runs() -> None:
    """`cancel_running` of the instance that DAGSTER_HOME names."""
    with DagsterInstance.get() as instance:
        cancel_running(instance)


def fail_orphaned_runs(
    instance: DagsterInstance, seen: Sequence[Seen], tell: Tell = silent
) -> Recovered:
    """Report every unfinished run whose process is gone as failed, or as cancelled if that was asked for.

    `seen`: the processes that were at work within `GONE_AFTER`. Right at any time: what lives is left.
    `tell(done, total)` is called with the runs that were looked at.
    """
    ended: list[str] = []
    left: dict[str, str] = {}
    unfinished = instance.get_runs(RunsFilter(statuses=_UNFINISHED))
    for done, run in enumerate(unfinished):
        tell(done, len(unfinished))
        where = whereabouts(run.tags, this_process(), seen)
        # A process that lives says nothing of a run that it has ended already.
        may_have_ended = where is None or run.status is DagsterRunStatus.CANCELING
        if may_have_ended and restore_if_ended(instance, run):
            continue
        if where is not None:
            left[run.run_id] = where
        else:
            _end(instance, run)
            ended.append(run.run_id)
    return Recovered(tuple(ended), left)


def whereabouts(tags: Mapping[str, str], here: Process, seen: Iterable[Seen]) -> str | None:
    """The host where the run with these tags lives, or may live; None: its process is gone.

    A process that counts its pids as we do is looked up. One of before this machine's last start is gone,
    whatever it said of itself a minute ago. Any other is gone once it has said nothing for long.
    """
    others = {one.name: one for one in seen if _may_live(one.name, here)}
    process = named(tags.get(HOST_TAG) or tags.get(OWNER_TAG) or "")
    if process is None:
        # It hasn't come so far as to say where it is: whoever executes runs may have it.
        executing = (o.host for o in others.values() if o.role == EXECUTES and o.name != here.name)
        return next(executing, None)
    if _is_neighbour(process, here):
        return process.host if is_alive(process) else None
    return others[process.name].host if process.name in others else None


def _may_live(name: str, here: Process) -> bool:
    process = named(name)
    if process is None:
        return False
    if _is_neighbour(process, here):
        return is_alive(process)
    return process.host != here.host or process.boot == here.boot


def _is_neighbour(process: Process, here: Process) -> bool:
    return (process.host, process.boot, process.space) == (here.host, here.boot, here.space)


def _end(instance: DagsterInstance, run: DagsterRun) -> None:
    if run.status is DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, message="Its process ended as it was to.")
    else:
        instance.report_run_failed(
            run,
            message="Its process did not survive a restart. What was due is sent by the next tick.",
        )
    instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)


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
