"""What Dagster marks as out of date is what has changed since it was delivered, and nothing else (D19)."""

from datetime import date

from dagster import AssetCheckKey, AssetKey, DagsterInstance
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest

from impact_in_pipelines.assets.exports.checks import CHECK
from impact_in_pipelines.assets.partitions import cell
from impact_in_pipelines.definitions import defs
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services.deliveries import corrections

from .world import QUIET, World, day, succeeded, values


def cells() -> list[tuple[str, date]]:
    """Those that are delivered."""
    return [(slug, day(n)) for slug in ("north", "south") for n in (1, 2, 3)]


def unsynced(instance: DagsterInstance, platform: str = "benevity") -> list[tuple[str, date]]:
    """The cells that the UI calls Unsynced."""
    graph = defs.get_repository_def().asset_graph
    resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
    key = AssetKey(f"{platform}_export")
    return [one for one in cells() if resolver.get_status(key, cell(*one)) is StaleStatus.STALE]


def refresh(world: World) -> str | None:
    """The hourly job; returns the version of `company_impact`."""
    job = defs.resolve_job_def("refresh_company_impact")
    assert succeeded(job.execute_in_process(instance=world.instance, run_config=QUIET))
    event = world.instance.get_latest_materialization_event(AssetKey("company_impact"))
    assert event is not None
    assert event.asset_materialization is not None
    return (event.asset_materialization.tags or {}).get("dagster/data_version")


def check(world: World, platform: str) -> tuple[bool, int]:
    """Whether the export's check passed, and how many days it found."""
    key = AssetCheckKey(AssetKey(f"{platform}_export"), CHECK)
    record = world.instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key]
    assert record.event is not None
    assert record.event.dagster_event is not None
    found = record.event.dagster_event.asset_check_evaluation_data
    return found.passed, int(str(found.metadata["stale_days"].value))


def test_a_stale_day_is_unsynced_until_it_is_corrected_and_no_other(world: World) -> None:
    """An idle refresh marks nothing, another company's import neither; list, check and cell agree."""
    for slug in ("north", "south"):
        world.company(slug)
    world.add_partitions("north", "south")
    span = {"start": day(3).isoformat(), "end": day(1).isoformat()}
    assert succeeded(world.run(config={"companies": ["north", "south"], **span}))
    assert world.materialized() == set(cells())
    first = refresh(world)
    assert refresh(world) == first
    assert unsynced(world.instance) == []
    assert check(world, "benevity") == (True, 0)

    world.execute(
        "DELETE FROM impact_events WHERE event_id = 'e2-1' AND company_id = "
        "(SELECT id FROM companies WHERE slug = 'north')"
    )
    assert refresh(world) != first
    assert unsynced(world.instance) == [("north", day(2))]
    assert unsynced(world.instance, "goodera") == []
    assert check(world, "benevity") == (False, 1)

    (report,) = corrections.stale_reports(world.runtime)
    assert (report.example.company, report.example.day) == ("north", day(2))
    corrections.correct(world.runtime, [report.example.delivery_id], actor="ann")
    assert succeeded(
        world.run()
    )  # a drain without a key, downstream of a partitioned asset with events

    assert unsynced(world.instance) == []
    refresh(world)
    assert unsynced(world.instance) == []
    assert check(world, "benevity") == (True, 0)
    (latest,) = [
        values(one.asset_materialization)
        for one in world.materializations()
        if values(one.asset_materialization)["trigger"] == "correction"
    ]
    assert latest["corrects"] == str(report.example.delivery_id)
    assert "participants 2" in latest["figures"]
    assert latest["cockpit"].endswith(latest["delivery_id"])


def test_figures_that_are_as_delivered_again_are_synced_again(world: World) -> None:
    """Nothing was sent for it: what was taken back is as if it had never been."""
    world.company("north")
    world.add_partitions("north", "south")
    assert succeeded(world.run(partition=("north", day(1))))
    world.execute("UPDATE impact_events SET hours = 9 WHERE event_id = 'e1-1'")
    refresh(world)
    assert unsynced(world.instance) == [("north", day(1))]
    world.execute("UPDATE impact_events SET hours = 2.5 WHERE event_id = 'e1-1'")
    refresh(world)
    assert unsynced(world.instance) == []


def test_what_is_compared_stands_between_the_table_and_each_export() -> None:
    """An edge for people, no input for runs."""
    graph = defs.get_repository_def().asset_graph
    for platform in Platform:
        key = AssetKey(f"{platform.value}_export")
        assert graph.get(key).parent_keys == {AssetKey(f"{platform.value}_figures")}
        assert AssetKey("company_impact") in graph.get_ancestor_asset_keys(key)
        assert not defs.resolve_assets_def(key).node_keys_by_input_name
