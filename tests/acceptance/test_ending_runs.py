"""Runs that are stopped: by a person, or by a deploy; what becomes of their deliveries and their cells."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from dagster import AssetKey, DagsterInstance, DagsterRunStatus, RunsFilter

from impact_in_pipelines.dagster_instance.runs.recovery import cancel_running
from impact_in_pipelines.dagster_instance.runs.stopping import Stop, in_force
from impact_in_pipelines.platforms import Platform

from .world import World, day

SLUGS = [f"c{n}" for n in range(9)]


def terminate(instance: DagsterInstance) -> None:
    """What Dagster's run launcher reports for *Terminate* in the UI, before it signals the process."""
    for run in instance.get_runs(RunsFilter(statuses=[DagsterRunStatus.STARTED])):
        instance.report_run_canceling(run)


@contextmanager
def stopped_while_sending(
    world: World, announce: Callable[[DagsterInstance], None]
) -> Iterator[Stop]:
    """A stop that is announced and requested once the platform has the first request."""
    stop, over = Stop(), threading.Event()

    def watch() -> None:
        while not over.is_set():
            if world.sandbox.stats()["benevity"]["received"]:
                announce(world.instance)
                stop.request()
                return
            time.sleep(0.02)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with in_force(stop):
            yield stop
    finally:
        over.set()
        watcher.join()


@pytest.mark.parametrize(
    ("announce", "unsent"),
    [(terminate, "cancelled"), (cancel_running, "pending"), (lambda _: None, "pending")],
    ids=["a person", "a shutdown", "a signal alone"],
)
def test_only_a_person_calls_off_what_a_run_had_selected(
    world: World, announce: Callable[[DagsterInstance], None], unsent: str
) -> None:
    """*Terminate* cancels the unsent days of the run's own selection; after a deploy or a signal they are
    due as before, and the next drain sends them."""
    for slug in SLUGS:
        world.company(slug)
    world.sandbox.configure(latency_ms=1_500)
    config = {"companies": SLUGS, "start": day(2).isoformat(), "end": day(1).isoformat()}

    with stopped_while_sending(world, announce) as stop:
        world.run(config=config)

    assert stop.requested
    (run,) = world.instance.get_runs()
    assert run.status is DagsterRunStatus.CANCELED
    rows = world.deliveries("benevity")
    assert {row["status"] for row in rows} == {"success", unsent}
    assert {row["selected_by"] for row in rows if row["status"] == "pending"} <= {None}
    sent = [row for row in rows if row["status"] == "success"]
    assert 0 < len(sent) < len(rows)
    assert len(world.materialized()) == len(sent)
    audited = world.execute("SELECT actor, after FROM audit_log WHERE action = 'delivery.cancel'")
    cancelled = {id_ for entry in audited for id_ in entry["after"]["delivery_ids"]}
    assert cancelled == {str(row["id"]) for row in rows if row["status"] == "cancelled"}
    assert {row["actor"] for row in audited} <= {f"terminated dagster run {run.run_id}"}

    world.sandbox.configure(latency_ms=0)
    assert world.run().success
    arrived = len(sent) if unsent == "cancelled" else len(rows)
    assert len(world.arrived("benevity")) == arrived


def test_a_persons_terminate_leaves_what_is_due_on_schedule(world: World) -> None:
    """A drain selects nothing of its own: what it has not sent stays due."""
    world.due(*(f"d{n:02}" for n in range(30)))
    world.sandbox.configure(latency_ms=1_500)

    with stopped_while_sending(world, terminate):
        world.run()

    assert {row["status"] for row in world.deliveries("benevity")} == {"success", "pending"}


def test_what_failed_in_a_drain_that_was_stopped_is_shown_by_the_next(world: World) -> None:
    """Planned cells of a cancelled run don't turn red: the failure is left to a drain that can fail."""
    world.due("north", "south")
    world.sandbox.add_fault("benevity", "bad_request", organization="south")
    world.runtime.drain(Platform.BENEVITY).run()
    stop = Stop()
    stop.request()

    with in_force(stop):
        world.run()

    (run,) = world.instance.get_runs()
    assert run.status is DagsterRunStatus.CANCELED
    assert world.materialized() == {("north", day(1))}
    assert world.red("benevity", [("south", day(1))]) == set()

    assert not world.run().success
    assert world.red("benevity", [("south", day(1))]) == {("south", day(1))}
    (seen,) = world.instance.fetch_observations(AssetKey("benevity_export"), limit=10).records
    assert seen.asset_observation is not None
    assert "south" in (seen.asset_observation.description or "")
