"""The exports in a Dagster run: what is delivered, and what Dagster shows of it (design D1, D2, D5)."""

from datetime import timedelta
from typing import Any

import pytest
from dagster import (
    AssetKey,
    DagsterEventType,
    ExecuteInProcessResult,
)

from impact_in_pipelines.definitions import defs
from impact_in_pipelines.platforms import Platform

from .conftest import forget_settings
from .world import QUIET, Cell, World, day, midnight, succeeded, today, values

PROMISED = {
    "delivery_id",
    "transaction_id",
    "payload_hash",
    "payload_bytes",
    "attempts",
    "latency_ms",
    "period",
    "trigger",
    "delivered_at",
    "figures",
    "cockpit",
}


def failure_of(result: ExecuteInProcessResult) -> str:
    """The description of the step's last failure."""
    failures = [e.step_failure_data for e in result.all_events if e.is_step_failure]
    assert failures, "no step failed"
    told = failures[-1].user_failure_data
    assert told is not None, failures[-1].error_display_string
    return told.description or ""


def count(result: ExecuteInProcessResult, kind: DagsterEventType) -> int:
    return sum(event.event_type is kind for event in result.all_events)


@pytest.mark.parametrize("platform", list(Platform))
def test_a_drain_records_exactly_the_company_days_that_arrived(
    world: World, platform: Platform
) -> None:
    """A green cell means: that company's impact of that day has reached the platform."""
    world.due("north", "south", platform=platform)
    world.company("idle")

    result = world.run(platform)

    assert succeeded(result)
    assert world.materialized(platform) == {("north", day(1)), ("south", day(1))}
    assert world.arrived(platform) == [("north", day(1)), ("south", day(1))]


def test_a_materialization_carries_what_the_log_and_the_platform_say(world: World) -> None:
    """Delivery id, transaction id, payload hash, bytes, attempts, latency and period: as in the log."""
    world.due("north")

    world.run()

    (row,) = world.deliveries("benevity")
    (record,) = world.materializations()
    assert record.partition_key == f"north|{day(1)}"
    metadata = values(record.asset_materialization)
    assert metadata.keys() == PROMISED
    assert metadata["latency_ms"] == pytest.approx(
        (row["delivered_at"] - row["scheduled_for"]) / timedelta(milliseconds=1)
    )
    del metadata["latency_ms"]
    assert metadata == {
        "delivery_id": str(row["id"]),
        "transaction_id": row["transaction_id"],
        "payload_hash": row["payload_hash"],
        "payload_bytes": row["payload_bytes"],
        "attempts": 1,
        "period": day(1).isoformat(),
        "trigger": "schedule",
        "delivered_at": f"{row['delivered_at']:%Y-%m-%d %H:%M:%S} UTC",
        "figures": "participants 3, volunteer hours 7.5, volunteers 1, outcomes language 5.0 of 3",
        "cockpit": f"http://127.0.0.1:3007/en/cockpit/{row['company_id']}/deliveries/{row['id']}",
    }


def test_a_drain_without_anything_due_succeeds_and_records_nothing(world: World) -> None:
    """No unpartitioned materialisation stands for an empty drain."""
    result = world.run()

    assert succeeded(result)
    assert world.materializations() == []


def test_a_weekly_delivery_makes_its_seven_days_green(world: World) -> None:
    """A cell per day of the period, all pointing at the one delivery (D1)."""
    sunday = today() - timedelta(days=today().isoweekday() % 7)
    world.schedule(
        world.company("north"),
        "workday",
        cron="0 0 * * 0",
        fire=midnight(sunday),
        covered_until=sunday - timedelta(days=8),
    )

    assert succeeded(world.run("workday"))

    week = {("north", sunday - timedelta(days=n)) for n in range(1, 8)}
    assert world.materialized("workday") == week
    ids = {
        values(r.asset_materialization)["delivery_id"] for r in world.materializations("workday")
    }
    assert ids == {str(row["id"]) for row in world.deliveries("workday")}
    assert len(ids) == 1


def test_what_fails_for_good_is_red_and_the_others_are_green(world: World) -> None:
    """The run fails, the hole is visible, and its observation says why."""
    world.due("north", "south")
    world.sandbox.add_fault("benevity", "bad_request", organization="south")

    result = world.run()

    assert not result.success
    assert "1 delivery to Benevity failed for good" in failure_of(result)
    assert "south" in failure_of(result)
    assert world.materialized() == {("north", day(1))}
    cells: list[Cell] = [("north", day(1)), ("south", day(1))]
    assert world.red("benevity", cells) == {("south", day(1))}
    (observed,) = world.instance.fetch_observations(AssetKey("benevity_export"), limit=10).records
    observation = observed.asset_observation
    assert observation is not None
    assert observation.partition == f"south|{day(1)}"
    (row,) = [r for r in world.deliveries("benevity") if r["slug"] == "south"]
    told = {name: entry.value for name, entry in observation.metadata.items()}
    assert told["error"] == row["last_error"]
    assert told["error_kind"] == row["error_kind"] == "rejected"
    assert told["delivery_id"] == str(row["id"])
    assert count(result, DagsterEventType.STEP_UP_FOR_RETRY) == 0


def test_a_red_cell_turns_green_when_it_is_materialised_again(world: World) -> None:
    """To send it again: select the cell and materialise it."""
    world.due("north")
    fault = world.sandbox.add_fault("benevity", "bad_request")
    assert not world.run().success
    world.sandbox.remove_fault(fault)

    assert world.run(partition=("north", day(1))).success

    assert world.red("benevity", [("north", day(1))]) == set()
    assert world.materialized() == {("north", day(1))}


def test_one_selected_partition_is_delivered_alone(world: World) -> None:
    """What is due besides stays for the drain; the delivery's trigger is `manual`."""
    world.due("north", "south")
    world.add_partitions("north", "south")

    assert world.run(partition=("north", day(5))).success

    assert world.arrived("benevity") == [("north", day(5))]
    assert world.materialized() == {("north", day(5))}
    assert [row["trigger"] for row in world.deliveries("benevity")] == ["manual"]


@pytest.mark.parametrize("tags", [{}, {"dagster/backfill": "abcdefgh"}], ids=["run", "backfill"])
def test_a_selected_range_is_delivered_cell_by_cell(world: World, tags: dict[str, str]) -> None:
    """A range in one run: the rectangle between its corners, a delivery for each company-day. A range is a
    backfill, with a backfill's id or without: its days were not due now, so they have no latency."""
    for slug in ("north", "south", "west"):
        world.company(slug)
    world.add_partitions("north", "south", "west")
    corners = {
        "dagster/asset_partition_range_start": f"north|{day(4)}",
        "dagster/asset_partition_range_end": f"south|{day(2)}",
    }

    assert succeeded(world.run("goodera", tags={**tags, **corners}))

    cells = [(slug, day(n)) for slug in ("north", "south") for n in (4, 3, 2)]
    assert world.arrived("goodera") == cells
    assert world.materialized("goodera") == set(cells)
    assert {row["trigger"] for row in world.deliveries("goodera")} == {"backfill"}


def test_dates_in_the_configuration_deliver_those_days(world: World) -> None:
    """`start` and `end` name days to send, due or not, of the named companies only. They are a backfill:
    as `manual` ones they broke the latency's target and paged people."""
    world.due("north", "south", platform="workday")

    config = {"companies": ["south"], "start": day(3).isoformat(), "end": day(2).isoformat()}
    assert succeeded(world.run("workday", config=config))

    assert world.arrived("workday") == [("south", day(3)), ("south", day(2))]
    assert world.materialized("workday") == {("south", day(3)), ("south", day(2))}
    assert {row["trigger"] for row in world.deliveries("workday")} == {"backfill"}


def test_a_drain_can_be_limited_to_companies(world: World) -> None:
    """`companies` without dates: what is due of these."""
    world.due("north", "south")

    assert succeeded(world.run(config={"companies": ["south"]}))

    assert world.arrived("benevity") == [("south", day(1))]


def test_a_selected_day_that_had_arrived_is_not_sent_twice_and_is_green(world: World) -> None:
    """Within 24 hours the same content is skipped; the cell points at the delivery that did it (D4)."""
    world.due("north")
    world.run()

    assert world.run(partition=("north", day(1))).success

    assert world.arrived("benevity") == [("north", day(1))]
    first, second = world.deliveries("benevity")
    assert second["status"] == "skipped"
    latest = values(world.materializations()[-1].asset_materialization)
    assert latest["delivery_id"] == str(second["id"])
    assert latest["duplicate_of"] == str(first["id"])


def test_a_drain_runs_after_company_impact_has_been_materialised(world: World) -> None:
    """Law: no input of an export is partitioned, or a run without a key fails (D2)."""
    world.due("north")
    refresh = defs.resolve_job_def("refresh_company_impact")
    assert succeeded(refresh.execute_in_process(instance=world.instance, run_config=QUIET))
    assert world.instance.get_latest_materialization_event(AssetKey("company_impact"))

    assert succeeded(world.run())

    assert world.materialized() == {("north", day(1))}


def wait_longer_than_a_drain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries are due only after the drain has ended, even on a busy machine: the run waits for them."""
    monkeypatch.setenv("SCHEDULER_RETRY_DELAY_MS", "1500")
    forget_settings()


def test_a_selected_partition_waits_for_its_retry_in_the_run(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A retryable failure is tried again in the run, and succeeds when the platform does (D5). Each wait is
    one line of the run's log: Dagster's own retries would show a stack trace of ours."""
    wait_longer_than_a_drain(monkeypatch)
    world.company("north")
    world.add_partitions("north")
    world.sandbox.add_fault("benevity", "server_error", status=500, count=1)

    result = world.run(partition=("north", day(2)))

    assert succeeded(result)
    assert count(result, DagsterEventType.STEP_UP_FOR_RETRY) == 0
    waits = [
        entry
        for entry in world.instance.all_logs(result.run_id)
        if "1 delivery is tried again in" in entry.user_message
    ]
    assert len(waits) == 1
    assert all("\n" not in one.user_message and one.error_info is None for one in waits)
    assert world.materialized() == {("north", day(2))}
    (row,) = world.deliveries("benevity")
    assert (row["status"], row["attempt_count"]) == ("success", 2)


def test_a_selected_partition_that_never_succeeds_ends_red(world: World) -> None:
    """After the last retry of the delivery the step fails, without Dagster adding tries of its own."""
    world.company("north")
    world.add_partitions("north")
    world.sandbox.add_fault("benevity", "server_error", status=500)

    result = world.run(partition=("north", day(2)))

    assert not result.success
    assert world.red("benevity", [("north", day(2))]) == {("north", day(2))}
    (row,) = world.deliveries("benevity")
    assert (row["status"], row["attempt_count"]) == ("failed", 4)
    assert count(result, DagsterEventType.STEP_UP_FOR_RETRY) == 0


def test_a_run_that_waits_for_a_retry_still_ends_for_what_failed_before(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One cell fails for good at once, the other succeeds at its second attempt: the first cell is red and
    the run failed all the same."""
    wait_longer_than_a_drain(monkeypatch)
    for slug in ("north", "south"):
        world.company(slug)
    world.add_partitions("north", "south")
    world.sandbox.add_fault("benevity", "bad_request", organization="south")
    world.sandbox.add_fault("benevity", "server_error", organization="north", status=500, count=1)
    selected = {
        "dagster/asset_partition_range_start": f"north|{day(2)}",
        "dagster/asset_partition_range_end": f"south|{day(2)}",
    }

    result = world.run(tags=selected)

    assert not result.success
    assert world.materialized() == {("north", day(2))}
    cells: list[Cell] = [("north", day(2)), ("south", day(2))]
    assert world.red("benevity", cells) == {("south", day(2))}
    assert failure_of(result).startswith(
        f"1 delivery to Benevity failed for good; the first: south {day(2)}: "
    )


def test_what_an_interrupted_drain_sent_is_shown_by_the_next(world: World) -> None:
    """Events that were not written die with their process; the log knows what is missing."""
    world.due("north", "south")
    world.sandbox.add_fault("benevity", "bad_request", organization="south")
    # A drain that was killed between sending and recording.
    world.runtime.drain(Platform.BENEVITY).run()
    assert world.materializations() == []

    result = world.run()

    assert world.materialized() == {("north", day(1))}
    assert world.red("benevity", [("south", day(1))]) == {("south", day(1))}
    assert not result.success
    assert world.arrived("benevity") == [("north", day(1))]
    assert succeeded(world.run())
    assert len(world.materializations()) == 1


DAY = day(2).isoformat()


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"companies": ["nobody"]}, "no company 'nobody'"),
        ({"companies": ["nobody"], "start": DAY, "end": DAY}, "no company 'nobody'"),
        ({"start": DAY}, "must both be dates"),
        ({"start": "yesterday", "end": DAY}, "must both be dates"),
        ({"start": DAY, "end": day(3).isoformat()}, "lies before the first"),
        ({"start": "2001-01-01", "end": "2001-01-02"}, "2001-01-01 has no partition"),
    ],
)
def test_what_a_person_must_correct_fails_at_once(
    world: World, config: dict[str, Any], told: str
) -> None:
    """One line that names what is wrong, no retries, nothing sent and nothing written."""
    world.due("north")

    result = world.run(config=config)

    assert not result.success
    assert told in failure_of(result)
    assert "\n" not in failure_of(result)
    assert count(result, DagsterEventType.STEP_UP_FOR_RETRY) == 0
    assert world.deliveries("benevity") == []
