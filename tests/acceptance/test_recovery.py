"""What must happen at boot: runs that a crash left behind end, and their pool slots are free again."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from dagster import DagsterInstance, DagsterRunStatus
from sqlalchemy import create_engine, text

from impact_in_pipelines.dagster_instance.runs.recovery import (
    GONE_AFTER,
    HOST_TAG,
    OWNER_TAG,
    Recovered,
    cancel_running,
    fail_orphaned_runs,
    owner,
)
from impact_in_pipelines.definitions import defs
from impact_in_pipelines.processes import named, this_process

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


def recovered(world: World) -> Recovered:
    """What `impact-in recover` does here and now."""
    return fail_orphaned_runs(world.instance, world.runtime.processes.seen(GONE_AFTER))


def seen_at_work(
    world: World, name: str, *, ago: timedelta = timedelta(seconds=40), role: str = "dagster"
) -> None:
    """Let a process have said so long ago that it is at work."""
    process = named(name)
    assert process is not None
    world.execute(
        "INSERT INTO processes (name, host, role, started_at, last_seen) "
        "VALUES (:name, :host, :role, now() - :ago, now() - :ago)",
        name=name,
        host=process.host,
        role=role,
        ago=ago,
    )


def elsewhere(**differs: Any) -> str:
    """The name of a process like this one, but for what `differs`."""
    return replace(this_process(), **differs).name


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

    assert recovered(world).ended == (run_id,)

    assert status(world.instance, run_id) is DagsterRunStatus.FAILURE
    assert storage.get_concurrency_info("benevity").active_slot_count == 0


def test_a_run_that_was_being_cancelled_ends_as_cancelled(world: World) -> None:
    """`impact-in dev` was stopped while a run started: people are told of failures, and this is none."""
    at_work = unfinished(world.instance)
    cli = unfinished(world.instance, {OWNER_TAG: owner()})
    cancel_running(world.instance)

    assert recovered(world).ended == (at_work,)

    assert status(world.instance, at_work) is DagsterRunStatus.CANCELED
    assert status(world.instance, cli) is DagsterRunStatus.STARTED


@pytest.mark.parametrize("tag", [OWNER_TAG, HOST_TAG])
def test_a_run_of_this_machine_is_judged_by_its_own_process(world: World, tag: str) -> None:
    """`impact-in deliver` may well be running while the daemon is restarted beside it, and so may a drain of
    a code server that nobody has stopped."""
    alive = unfinished(world.instance, {tag: owner()})
    dead = unfinished(world.instance, {tag: elsewhere(pid=gone())})
    same_pid = unfinished(world.instance, {tag: elsewhere(started="1")})

    done = recovered(world)

    assert set(done.ended) == {dead, same_pid}
    assert done.left == {alive: this_process().host}
    assert status(world.instance, alive) is DagsterRunStatus.STARTED


def test_runs_of_a_living_fleet_are_left_alone(world: World) -> None:
    """One machine comes up anew and recovers: once it ended the drains of every other one."""
    other, container = elsewhere(host="web-2~0"), elsewhere(space="1", pid=1)
    silent, rebooted = elsewhere(host="web-3~0"), elsewhere(boot="before")
    for name in (other, container, rebooted):
        seen_at_work(world, name)
    seen_at_work(world, silent, ago=GONE_AFTER)
    runs = {
        name: unfinished(world.instance, {HOST_TAG: name})
        for name in (other, container, silent, rebooted)
    }
    starting = unfinished(world.instance)

    done = recovered(world)

    assert set(done.ended) == {runs[silent], runs[rebooted]}
    assert set(done.left) == {runs[other], runs[container], starting}
    assert done.left[runs[other]] == "web-2~0"


def test_a_run_that_names_no_process_ends_where_nobody_is_at_work(world: World) -> None:
    """What this machine's own dead processes said a moment ago keeps nothing alive, nor does an API."""
    seen_at_work(world, elsewhere(host="web-2~0"), role="api")
    seen_at_work(world, elsewhere(pid=gone()))
    seen_at_work(world, elsewhere(boot="before"))
    run_id = unfinished(world.instance)
    assert recovered(world) == Recovered((run_id,), {})


def test_a_run_says_in_which_process_it_is_and_that_it_is_at_work(world: World) -> None:
    """The tag is what recovery goes by, and the heartbeat what other machines know of it."""
    run = world.instance.get_run_by_id(world.run().run_id)
    assert run is not None
    assert run.tags[HOST_TAG] == owner()
    assert [one.name for one in world.runtime.processes.seen(GONE_AFTER)] == [owner()]


def test_a_run_that_has_succeeded_stays_so(world: World) -> None:
    """At a shutdown it was cancelled 0.3 s after its success, ended as failed, and people were told."""
    run_id = world.run().run_id
    run = world.instance.get_run_by_id(run_id)
    assert run is not None
    world.instance.report_run_canceling(run)  # what comes too late
    assert status(world.instance, run_id) is DagsterRunStatus.CANCELING

    assert recovered(world).ended == ()

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
    assert recovered(world).ended == ()
    assert {state: status(world.instance, run_id) for state, run_id in kept.items()} == {
        state: state for state in kept
    }
