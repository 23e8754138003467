"""The batch writer of Dagster events: private interface, so its effect is pinned here (design, section 9)."""

import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetMaterialization,
    AssetObservation,
    DagsterEventType,
    Definitions,
    ExecuteInProcessResult,
    asset,
    define_asset_job,
)
from sqlalchemy import create_engine, text

from impact_in_pipelines.assets.event_batches import (
    GreenCell,
    plan_partitions,
    write_materializations,
    write_observations,
)
from impact_in_pipelines.assets.partitions import cell, company_days

from .world import QUIET, World, day, succeeded

KEY = AssetKey("written")
Body = Callable[[AssetExecutionContext], None]


def run_body(world: World, body: Body) -> ExecuteInProcessResult:
    """Execute `body` in the step of an asset that is partitioned as the exports are."""

    @asset(name=KEY.path[0], partitions_def=company_days, output_required=False)
    def written(context: AssetExecutionContext) -> Iterator[None]:
        body(context)
        yield from ()

    job = Definitions(
        assets=[written], jobs=[define_asset_job("write", selection=[written])]
    ).resolve_job_def("write")
    world.add_partitions("north", "south")
    return job.execute_in_process(instance=world.instance, run_config=QUIET, raise_on_error=False)


def stored(run_id: str, kind: DagsterEventType) -> list[dict[str, Any]]:
    """The run's rows of the event table, oldest first."""
    engine = create_engine(os.environ["DAGSTER_POSTGRES_URL"])
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT event, dagster_event_type, step_key, asset_key, partition, "
                "xmin::text AS transaction FROM event_logs "
                "WHERE run_id = :run AND dagster_event_type = :kind ORDER BY id"
            ),
            {"run": run_id, "kind": kind.value},
        ).mappings()
        found = [dict(row) for row in rows]
    engine.dispose()
    return found


def found_by_tags(run_id: str) -> list[dict[str, Any]]:
    """The rows by which Dagster finds a run's events by their tags, without ids and times."""
    engine = create_engine(os.environ["DAGSTER_POSTGRES_URL"])
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT e.partition, t.asset_key, t.key, t.value, "
                "t.event_timestamp = e.timestamp AS same_time FROM asset_event_tags t "
                "JOIN event_logs e ON e.id = t.event_id WHERE e.run_id = :run ORDER BY t.id"
            ),
            {"run": run_id},
        ).mappings()
        found = [dict(row) for row in rows]
    engine.dispose()
    return found


def comparable(run_id: str, kind: DagsterEventType) -> list[dict[str, Any]]:
    """The stored rows without what differs between any two events: run, time and transaction."""
    rows = stored(run_id, kind)
    for row in rows:
        event = json.loads(row["event"].replace(run_id, "the run"))
        del event["timestamp"], row["transaction"]
        row["event"] = event
    return rows


def green(slug: str) -> GreenCell:
    """Texts that JSON, COPY and Dagster write differently from what they are."""
    said: dict[str, str | int] = {
        "bytes": 7,
        "hash": "ab",
        "text": 'a\\b\t"c"\n\r\\N ø \u2028 \\.',
        "big": 2**53,
    }
    return GreenCell(cell(slug, day(1)), said, TAGS)


TAGS = {"dagster/data_version": "a\tb", "dagster/code_version": "1", "another": "one"}
"""Neither sorted nor all of a kind that Dagster finds events by."""


def materialization(slug: str) -> AssetMaterialization:
    """The same as Dagster's own object."""
    one = green(slug)
    return AssetMaterialization(KEY, partition=one.partition, metadata=one.metadata, tags=one.tags)


def observation(slug: str) -> AssetObservation:
    return AssetObservation(
        KEY, partition=cell(slug, day(1)), description="failed", metadata={"error": "no"}
    )


def test_materializations_are_stored_as_log_event_stores_them(world: World) -> None:
    """Law: a batch loses nothing that `context.log_event` keeps."""
    slugs = ("north", "south")

    def one_by_one(context: AssetExecutionContext) -> None:
        for slug in slugs:
            context.log_event(materialization(slug))

    def at_once(context: AssetExecutionContext) -> None:
        write_materializations(context, KEY, [green(slug) for slug in slugs])

    singly, batched = run_body(world, one_by_one), run_body(world, at_once)

    assert succeeded(singly)
    assert succeeded(batched)
    kind = DagsterEventType.ASSET_MATERIALIZATION
    expected = comparable(singly.run_id, kind)
    assert [row["partition"] for row in expected] == [f"{slug}|{day(1)}" for slug in slugs]
    assert comparable(batched.run_id, kind) == expected
    assert found_by_tags(batched.run_id) == found_by_tags(singly.run_id)
    assert len(found_by_tags(batched.run_id)) == len(slugs)


def test_observations_are_stored_as_log_event_stores_them(world: World) -> None:
    """The same for observations."""
    singly = run_body(world, lambda context: context.log_event(observation("north")))
    batched = run_body(world, lambda context: write_observations(context, [observation("north")]))

    kind = DagsterEventType.ASSET_OBSERVATION
    expected = comparable(singly.run_id, kind)
    assert len(expected) == 1
    assert comparable(batched.run_id, kind) == expected


def transaction_of_the_asset() -> str:
    """Which transaction wrote last what the asset's own page reads."""
    engine = create_engine(os.environ["DAGSTER_POSTGRES_URL"])
    with engine.connect() as connection:
        found: str = connection.execute(
            text("SELECT xmin::text FROM asset_keys WHERE asset_key = :key"),
            {"key": KEY.to_string()},
        ).scalar_one()
    engine.dispose()
    return found


def test_a_batch_is_whole_and_in_one_transaction(world: World) -> None:
    """Hundreds of cells: stored in order and in one write, the asset's newest event with
    them, each found by its partition."""
    cells = [cell(slug, day(n)) for slug in ("north", "south") for n in range(300)]

    def body(context: AssetExecutionContext) -> None:
        write_materializations(context, KEY, [GreenCell(one, {}, TAGS) for one in cells])

    result = run_body(world, body)

    assert succeeded(result)
    rows = stored(result.run_id, DagsterEventType.ASSET_MATERIALIZATION)
    assert [row["partition"] for row in rows] == cells
    (transaction,) = {row["transaction"] for row in rows}
    assert transaction == transaction_of_the_asset()
    assert world.instance.get_materialized_partitions(KEY) == set(cells)
    latest = world.instance.get_latest_materialization_event(KEY)
    assert latest is not None
    assert latest.run_id == result.run_id


def test_nothing_to_write_writes_nothing(world: World) -> None:
    """An empty batch is no event and no error."""

    def body(context: AssetExecutionContext) -> None:
        write_materializations(context, KEY, [])
        write_observations(context, [])
        plan_partitions(context, KEY, [])

    result = run_body(world, body)

    assert succeeded(result)
    assert stored(result.run_id, DagsterEventType.ASSET_MATERIALIZATION) == []


@pytest.mark.parametrize("ends_well", [True, False])
def test_planned_partitions_turn_red_if_their_run_fails(world: World, ends_well: bool) -> None:
    """A cell that a failed run had planned is failed; one of a run that ended well is not (D1)."""
    planned = [cell("north", day(1)), cell("south", day(2))]

    def body(context: AssetExecutionContext) -> None:
        plan_partitions(context, KEY, planned)
        write_materializations(context, KEY, [GreenCell(planned[1], {})])
        if not ends_well:
            raise ValueError("something failed for good")

    result = run_body(world, body)

    assert result.success is ends_well
    statuses = world.instance.get_status_by_partition(KEY, planned, company_days)
    assert statuses is not None
    failed = {key for key, status in statuses.items() if status and status.value == "FAILED"}
    assert failed == (set() if ends_well else {planned[0]})
