"""What must happen at boot: runs that a crash left behind end, and their pool slots are free again."""

import os
import socket
import subprocess
import sys

import pytest
from dagster import DagsterInstance, DagsterRunStatus
from sqlalchemy import create_engine, text

from impact_in_pipelines.dagster_instance.recovery import (
    OWNER_TAG,
    cancel_running,
    fail_orphaned_runs,
)
from impact_in_pipelines.definitions import defs

from .world import World


def unfinished(instance: DagsterInstance, tags: dict[str, str] | None = None) -> str:
    """The id of a run that was started and whose end nobody has reported."""
    run = instance.create_run_for_job(
        defs.resolve_job_def("drain_benevity"), tags=tags or {}, status=DagsterRunStatus.STARTED
    )
    return run.run_id


def set_status(run_id: str, to: DagsterRunStatus) -> None:
    """Set the status that the run is listed by, without an event."""
    engine = create_engine(os.environ["DAGSTER_POSTGRES_URL"])
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE runs SET status = :status WHERE run_id = :run"),
            {"status": to.value, "run": run_id},
        )
    engine.dispose()


def status(instance: DagsterInstance, run_id: str) -> DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def gone() -> int:
    """The id of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
        return child.pid


def test_an_orphaned_run_is_reported_failed_and_its_pool_slot_freed(world: World) -> None:
    """The code server died with it; without this it would stay started, and hold its place, for good."""
    storage = world.instance.event_log_storage
    storage.set_concurrency_slots("benevity", 1)
    run_id = unfinished(world.instance)
    assert storage.claim_concurrency_slot("benevity", run_id, "benevity_export").is_claimed
    assert storage.get_concurrency_info("benevity").active_slot_count == 1

    assert fail_orphaned_runs(world.instance) == [run_id]

    assert status(world.instance, run_id) is DagsterRunStatus.FAILURE
    assert storage.get_concurrency_info("benevity").active_slot_count == 0


def test_a_run_that_was_being_cancelled_ends_as_cancelled(world: World) -> None:
    """`impact-in dev` was stopped while a run started: people are told of failures, and this is none."""
    at_work = unfinished(world.instance)
    cli = unfinished(world.instance, {OWNER_TAG: f"{socket.gethostname()}:{os.getpid()}"})
    cancel_running(world.instance)

    assert fail_orphaned_runs(world.instance) == [at_work]

    assert status(world.instance, at_work) is DagsterRunStatus.CANCELED
    assert status(world.instance, cli) is DagsterRunStatus.STARTED


@pytest.mark.parametrize(
    ("host", "pid", "fails"),
    [
        (socket.gethostname(), os.getpid(), False),
        (socket.gethostname(), None, True),
        ("another-machine", 1, False),
    ],
    ids=["alive", "gone", "elsewhere"],
)
def test_a_run_of_the_cli_is_judged_by_its_own_process(
    world: World, host: str, pid: int | None, fails: bool
) -> None:
    """`impact-in deliver` may well be running while the daemon is restarted beside it."""
    run_id = unfinished(world.instance, {OWNER_TAG: f"{host}:{gone() if pid is None else pid}"})
    assert fail_orphaned_runs(world.instance) == ([run_id] if fails else [])
    expected = DagsterRunStatus.FAILURE if fails else DagsterRunStatus.STARTED
    assert status(world.instance, run_id) is expected


def test_a_run_that_has_succeeded_stays_so(world: World) -> None:
    """At a shutdown it was cancelled 0.3 s after its success, ended as failed, and people were told."""
    run_id = world.run().run_id
    run = world.instance.get_run_by_id(run_id)
    assert run is not None
    world.instance.report_run_canceling(run)  # what comes too late
    assert status(world.instance, run_id) is DagsterRunStatus.CANCELING

    assert fail_orphaned_runs(world.instance) == []

    assert status(world.instance, run_id) is DagsterRunStatus.SUCCESS


def test_a_run_that_succeeds_while_everything_is_cancelled_stays_so(world: World) -> None:
    """It was listed as running, and its success came before the word that it is being cancelled."""
    run_id = world.run().run_id
    set_status(run_id, DagsterRunStatus.STARTED)

    cancel_running(world.instance)

    assert status(world.instance, run_id) is DagsterRunStatus.SUCCESS


def test_runs_that_have_ended_are_left_alone(world: World) -> None:
    """They are history."""
    job = defs.resolve_job_def("drain_benevity")
    kept = {
        state: world.instance.create_run_for_job(job, status=state).run_id
        for state in (
            DagsterRunStatus.SUCCESS,
            DagsterRunStatus.FAILURE,
            DagsterRunStatus.CANCELED,
        )
    }
    assert fail_orphaned_runs(world.instance) == []
    assert {state: status(world.instance, run_id) for state, run_id in kept.items()} == {
        state: state for state in kept
    }
