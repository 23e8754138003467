"""Ticks only read: what a schedule or a sensor decides, and that it changes nothing (design D2, D3)."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from dagster import (
    DagsterRunStatus,
    DefaultScheduleStatus,
    DefaultSensorStatus,
    build_schedule_context,
    build_sensor_context,
)
from dagster._core.definitions.schedule_definition import ScheduleExecutionData
from sqlalchemy import MetaData, create_engine, select, text

from impact_in_pipelines.assets.partitions import companies
from impact_in_pipelines.definitions import defs
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.resources.runtime import RuntimeResource
from impact_in_pipelines.schedules.drains import drain_schedules
from impact_in_pipelines.sensors.companies import company_partitions
from impact_in_pipelines.settings import read_settings

from .world import World, midnight, today


def tick(world: World, platform: str = "benevity") -> ScheduleExecutionData:
    """Evaluate the platform's schedule as the daemon and the UI's preview do."""
    schedule = defs.resolve_schedule_def(f"deliver_to_{platform}")
    with build_schedule_context(
        instance=world.instance,
        resources={"runtime": RuntimeResource()},
        scheduled_execution_time=datetime.now(UTC),
    ) as context:
        return schedule.evaluate_tick(context)


def contents(world: World) -> dict[str, Any]:
    """Every row of every table of ours, without the heartbeats."""
    tables = MetaData()
    tables.reflect(world.runtime.database.engine)
    with world.runtime.database.engine.connect() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(select(table)).all()))
            for table in tables.sorted_tables
            if table.name != "processes"
        }


def add_run(world: World, platform: str, status: DagsterRunStatus, **tags: str) -> None:
    """A run of the platform's drain job in this state."""
    job = defs.resolve_job_def(f"drain_{platform}")
    run = world.instance.create_run_for_job(job, tags=tags)
    # Only a code location can queue a run: the column that runs are counted by is set by hand.
    engine = create_engine(os.environ["DAGSTER_POSTGRES_URL"])
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE runs SET status = :status WHERE run_id = :run"),
            {"status": status.value, "run": run.run_id},
        )
    engine.dispose()


def test_a_tick_requests_one_drain_when_something_is_due(world: World) -> None:
    """One run for all that is due, saying since when."""
    world.due("north", "south")

    result = tick(world)

    (request,) = result.run_requests or []
    assert request.partition_key is None
    assert request.tags["reason"] == f"due since {today()} 00:00:00 UTC"
    assert result.skip_message is None


def test_a_tick_says_when_the_next_delivery_is_due(world: World) -> None:
    """The skip reason answers the question of whoever looks at the ticks."""
    at = midnight(today() + timedelta(days=3))
    world.schedule(world.company("north"), "benevity", fire=at)

    result = tick(world)

    assert not result.run_requests
    assert result.skip_message is not None
    assert f"the next delivery is due at {at:%Y-%m-%d %H:%M} UTC" in result.skip_message


def test_a_tick_without_schedules_says_so(world: World) -> None:
    """Nothing is due, and nothing ever will be."""
    assert tick(world).skip_message == "nothing is due, and no schedule is active"


def test_platforms_do_not_see_each_other(world: World) -> None:
    """What is due on one platform is no reason for a drain of another."""
    world.due("north", platform="goodera")

    assert tick(world, "goodera").run_requests
    assert not tick(world, "workday").run_requests


@pytest.mark.parametrize(
    "status",
    [DagsterRunStatus.QUEUED, DagsterRunStatus.NOT_STARTED, DagsterRunStatus.STARTING],
)
def test_two_drains_of_a_platform_never_wait(world: World, status: DagsterRunStatus) -> None:
    """The one that waits will take everything that is due when it starts."""
    world.due("north")
    add_run(world, "benevity", status)

    result = tick(world)

    assert not result.run_requests
    assert result.skip_message == "a drain is waiting to start and will take what is due"
    world.due("south", platform="goodera")
    assert tick(world, "goodera").run_requests


@pytest.mark.parametrize("share", ["backfill", "days", "here"])
@pytest.mark.parametrize("status", [DagsterRunStatus.QUEUED, DagsterRunStatus.STARTED])
def test_what_is_due_does_not_wait_for_a_run_of_selected_days(
    world: World, share: str, status: DagsterRunStatus
) -> None:
    """It executes the same job and takes nothing that is merely due: it is no drain."""
    now = datetime.now(UTC)
    world.schedule(world.company("north"), "benevity", cron="* * * * *", fire=now)
    add_run(world, "benevity", status, **{"impact_in/share": share})

    assert tick(world).run_requests


def test_a_running_drain_that_does_not_keep_up_gets_help(world: World) -> None:
    """What has been due since midnight is not left to a drain that is stuck."""
    world.due("north")
    add_run(world, "benevity", DagsterRunStatus.STARTED)

    assert tick(world).run_requests


def test_a_running_drain_takes_what_has_just_fallen_due(world: World) -> None:
    """A second drain for the same seconds would only cost."""
    now = datetime.now(UTC)
    world.schedule(world.company("north"), "benevity", cron="* * * * *", fire=now)
    add_run(world, "benevity", DagsterRunStatus.STARTED)

    assert tick(world).skip_message == "the drain that is running will take what is due"


def test_deliveries_that_were_never_shown_are_a_reason_for_a_drain(world: World) -> None:
    """A drain that died between sending and recording is made good within minutes."""
    world.due("north")
    world.runtime.drain(Platform.BENEVITY).run()
    assert not tick(world).run_requests
    world.execute("UPDATE impact_deliveries SET updated_at = updated_at - interval '5 minutes'")

    (request,) = tick(world).run_requests or []

    assert "not shown in Dagster" in request.tags["reason"]


def test_a_tick_has_no_side_effects(world: World) -> None:
    """The UI evaluates ticks to preview them: no table of ours may differ afterwards, but for the word that
    this process is at work."""
    world.due("north", "south")
    world.schedule(world.company("west"), "benevity", fire=midnight(today() + timedelta(days=1)))
    before = contents(world)
    assert before["scheduled_deliveries"]

    assert tick(world).run_requests
    assert tick(world).run_requests

    assert contents(world) == before
    assert world.instance.get_runs_count() == 0


@pytest.mark.parametrize(
    ("value", "status"),
    [("true", DefaultScheduleStatus.RUNNING), ("false", DefaultScheduleStatus.STOPPED)],
)
def test_enable_scheduler_decides_whether_schedules_run_by_default(
    value: str, status: DefaultScheduleStatus
) -> None:
    """`ENABLE_SCHEDULER=false`: nothing is delivered until somebody switches it on in the UI."""
    schedules = drain_schedules(read_settings({"ENABLE_SCHEDULER": value}))

    assert {one.name for one in schedules} == {f"deliver_to_{p.value}" for p in Platform}
    assert {one.default_status for one in schedules} == {status}


@pytest.mark.parametrize(("minutes", "cron"), [("1", "* * * * *"), ("5", "*/5 * * * *")])
def test_the_check_interval_is_the_schedules_cron(minutes: str, cron: str) -> None:
    """`SCHEDULER_CHECK_INTERVAL` is in minutes."""
    schedules = drain_schedules(read_settings({"SCHEDULER_CHECK_INTERVAL": minutes}))

    assert {one.cron_schedule for one in schedules} == {cron}


def evaluate_sensor(world: World) -> tuple[list[str], str | None]:
    """The partitions that the sensor adds, and what its tick says."""
    before = set(world.instance.get_dynamic_partitions(str(companies.name)))
    context = build_sensor_context(
        instance=world.instance, resources={"runtime": RuntimeResource()}
    )
    result = company_partitions.evaluate_tick(context)
    # The daemon would look each key of a request up by itself: minutes for ten thousand companies.
    assert not result.dynamic_partitions_requests
    known = world.instance.get_dynamic_partitions(str(companies.name))
    return [one for one in known if one not in before], result.skip_message


def test_a_new_company_becomes_a_partition(world: World) -> None:
    """Without a code change, and only once."""
    world.company("north")
    assert evaluate_sensor(world) == (["north"], "added: north")

    world.company("south")

    assert evaluate_sensor(world) == (["south"], "added: south")
    assert evaluate_sensor(world) == ([], "2 active companies have their partitions")


def test_a_company_that_leaves_keeps_its_history(world: World) -> None:
    """The sensor adds and never removes."""
    world.company("north")
    evaluate_sensor(world)
    world.execute("UPDATE companies SET active = false")

    added, _ = evaluate_sensor(world)

    assert added == []
    assert world.instance.get_dynamic_partitions(str(companies.name)) == ["north"]


def test_the_company_sensor_runs_by_default() -> None:
    """Nobody has to switch it on."""
    assert company_partitions.default_status is DefaultSensorStatus.RUNNING
