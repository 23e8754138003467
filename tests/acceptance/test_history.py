"""Dagster's history is purged of runs that show nothing; every cell stays as it is."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from dagster import AssetKey, DagsterRunStatus, RunsFilter
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from hearing import Heard
from sqlalchemy import create_engine, text

from impact_in_pipelines.cli.operating.retention import retention as command
from impact_in_pipelines.dagster_instance.history import HistoryPurged, purge_old_runs
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.definitions import defs

from .world import QUIET, World, day

LATER = datetime.now(UTC) + timedelta(days=31)
"""A day on which the runs of today are older than RETENTION_RUNS_DAYS."""


def purged(world: World, now: datetime = LATER, *, dry_run: bool = False) -> HistoryPurged:
    heard = Heard()
    done = purge_old_runs(world.runtime.settings, now, dry_run=dry_run, tell=heard)
    assert heard.total >= done.runs
    return done


def logged(world: World) -> set[str]:
    """The runs of which there is something in the folder of compute logs."""
    runs = [run.run_id for run in world.instance.get_runs()]
    storage = Path(world.instance.storage_directory())
    return {run for run in runs if any(one.is_file() for one in (storage / run).rglob("*"))}


def test_cells_stay_and_what_shows_nothing_goes(world: World) -> None:
    """A drain that found nothing, one whose cell a later run has coloured again, one that failed, and one
    that coloured cells: their own events go, their cells and how they ended stay."""
    world.add_partitions("north", "south")
    empty = world.run()
    world.due("north", "south")
    first = world.run()
    again = world.run(partition=("north", day(1)))
    world.sandbox.add_fault("benevity", "bad_request", count=1)
    failed = world.run(partition=("south", day(3)))
    assert not failed.success
    green = world.materialized()
    assert green == {("north", day(1)), ("south", day(1))}
    reds = world.red("benevity", [("south", day(3))])
    latest = world.instance.get_latest_materialization_event(AssetKey("benevity_export"))

    assert logged(world) == {empty.run_id, first.run_id, again.run_id, failed.run_id}
    assert purged(world, datetime.now(UTC)) == HistoryPurged(0, 0, 0, 0)  # nothing is old enough
    would = purged(world, dry_run=True)
    assert world.instance.get_runs_count() == len(logged(world)) == 4
    assert purged(world) == would
    # The events that led to what a run printed are gone, also of runs that stay.
    assert logged(world) == set()

    assert world.materialized() == green
    assert world.red("benevity", [("south", day(3))]) == reds
    left = world.instance.get_latest_materialization_event(AssetKey("benevity_export"))
    assert left is not None
    assert latest is not None
    assert left.asset_materialization == latest.asset_materialization
    kept = {run.run_id: run for run in world.instance.get_runs()}
    assert empty.run_id not in kept
    assert kept[first.run_id].status is DagsterRunStatus.SUCCESS
    assert kept[failed.run_id].status is DagsterRunStatus.FAILURE
    assert again.run_id in kept
    # Again it finds nothing more to remove.
    assert purged(world).events == 0


def test_a_run_goes_with_the_last_of_its_cells(world: World) -> None:
    """They lie before the days of the calendar, or a later run has coloured them."""
    world.add_partitions("north")
    world.due("north")
    world.run()
    beyond = datetime.now(UTC) + timedelta(days=world.runtime.settings.partition_days + 3)
    assert purged(world, beyond).runs == 1
    assert world.materialized() == set()
    assert world.instance.get_runs_count(RunsFilter()) == 0


def backfill(world: World, name: str, status: BulkActionStatus, ended: datetime | None) -> None:
    """One that was launched today."""
    at = datetime.now(UTC).timestamp()
    end = ended.timestamp() if ended else None
    found = PartitionBackfill(name, status, False, {"by": "me"}, at, backfill_end_timestamp=end)
    world.instance.add_backfill(found)


def test_a_backfill_goes_once_it_is_over_and_none_of_its_runs_is_left(world: World) -> None:
    """One that runs, one that ended lately, and one that has coloured a cell of the window stay; Dagster
    never removes any."""
    now, done = datetime.now(UTC), BulkActionStatus.COMPLETED_SUCCESS
    world.add_partitions("north")
    world.company("north")
    world.run(partition=("north", day(1)), tags={"dagster/backfill": "showing"})
    world.run(tags={"dagster/backfill": "over"})  # it found nothing
    backfill(world, "showing", done, now)
    backfill(world, "over", done, now)
    backfill(world, "without", BulkActionStatus.COMPLETED_FAILED, None)
    backfill(world, "running", BulkActionStatus.REQUESTED, None)
    backfill(world, "ending", BulkActionStatus.CANCELING, None)
    backfill(world, "lately", done, LATER - timedelta(days=1))
    assert purged(world, now).backfills == 0
    assert purged(world, dry_run=True).backfills == 2
    assert len(world.instance.get_backfills()) == 6
    assert purged(world).backfills == 2
    left = {one.backfill_id for one in world.instance.get_backfills()}
    assert left == {"showing", "running", "ending", "lately"}
    engine = create_engine(os.environ["DAGSTER_POSTGRES_URL"])
    with engine.connect() as connection:
        tagged = connection.scalars(text("SELECT backfill_id FROM backfill_tags")).all()
    engine.dispose()
    assert set(tagged) == left
    # The cell's run goes, and with it the backfill.
    beyond = now + timedelta(days=world.runtime.settings.partition_days + 3)
    assert purged(world, beyond).backfills == 2
    assert {one.backfill_id for one in world.instance.get_backfills()} == {"running", "ending"}


def test_the_job_and_the_command_do_it_all(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the nightly schedule starts, and what a person runs by hand."""
    job = defs.resolve_job_def("retention")
    done = job.execute_in_process(instance=world.instance, run_config=QUIET)
    assert done.success
    command(dry_run=True, as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert said["dryRun"] is True
    assert said["dagster"] == {"runs": 0, "trimmed": 0, "events": 0, "backfills": 0}
    command(dry_run=False, as_json=False)
    assert "deliveries stay from" in capsys.readouterr().out


def test_whether_a_cell_was_coloured_again_is_looked_up_by_its_partition(world: World) -> None:
    """Through all events of an asset it took minutes for a few hundred runs. The other indexes are away for a
    moment: which one serves a table that is nearly empty says nothing."""
    engine = create_engine(os.environ["DAGSTER_POSTGRES_URL"])
    with engine.connect() as connection:  # rolled back
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        others = connection.scalars(
            text(
                "SELECT indexname FROM pg_indexes WHERE tablename = 'event_logs' AND indexname NOT IN "
                "('idx_events_by_asset_partition', 'event_logs_pkey')"
            )
        ).all()
        for name in others:
            connection.execute(text(f'DROP INDEX "{name}"'))
        statement = load("retention/dagster_runs")["shown"].text
        plan = connection.scalars(
            text(f"EXPLAIN {statement}"), {"runs": ["a"], "first_day": "2026-01-01"}
        ).all()
    engine.dispose()
    looked_up = [line for line in plan if "partition = e.partition" in line.replace("(", "")]
    assert looked_up
    assert all("Index Cond" in line for line in looked_up)
