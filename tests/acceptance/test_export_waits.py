"""What a run of selected days leaves to the drains: later retries, and what is held (design D5, D12)."""

import pytest
from dagster import AssetKey, DagsterEventType

from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services.operating.platforms import hold, resume

from .conftest import forget_settings
from .test_exports import count
from .world import World, day, succeeded


def test_a_run_does_not_hold_its_slot_for_a_retry_that_is_minutes_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends, says what waits and until when; a drain sends it and colours its cell. Six such runs used to
    hold every slot, and drains waited 395 s."""
    world.company("north")
    world.add_partitions("north")
    world.sandbox.add_fault("benevity", "server_error", status=500, count=1)
    monkeypatch.setenv("SCHEDULER_RETRY_DELAY_MS", "300000")
    forget_settings()

    result = world.run(partition=("north", day(2)))

    assert succeeded(result)
    assert count(result, DagsterEventType.STEP_UP_FOR_RETRY) == 0
    assert world.materialized() == set()
    (row,) = world.deliveries("benevity")
    assert (row["status"], row["selected_by"]) == ("retrying", None)
    (observed,) = world.instance.fetch_observations(AssetKey("benevity_export"), limit=10).records
    observation = observed.asset_observation
    assert observation is not None
    assert observation.partition == f"north|{day(2)}"
    assert f"{row['next_attempt_at']:%Y-%m-%d %H:%M:%S} UTC" in (observation.description or "")

    world.execute("UPDATE impact_deliveries SET next_attempt_at = now()")
    assert succeeded(world.run())
    assert world.materialized() == {("north", day(2))}


def test_a_cell_of_a_connection_that_is_held_says_by_what(world: World) -> None:
    """The run ends well and its cell says who holds it, since when and why; once it is resumed a drain sends
    it (D12)."""
    company = world.company("north")
    world.add_partitions("north")
    hold(
        world.runtime,
        Platform.BENEVITY,
        company_id=company,
        reason="The contract is being renewed",
        actor="olga",
    )

    result = world.run(partition=("north", day(2)))

    assert succeeded(result)
    assert world.materialized() == set()
    (observed,) = world.instance.fetch_observations(AssetKey("benevity_export"), limit=10).records
    observation = observed.asset_observation
    assert observation is not None
    assert "until a person resumes it; nothing has failed: The contract is being renewed" in str(
        observation.description
    )
    assert observation.metadata["held_by"].value == "person: olga"
    said = [log.user_message for log in world.instance.all_logs(result.run_id)]
    assert any("1 delivery waits until the hold is over" in one for one in said)
    assert not any("tried again in" in one for one in said)

    resume(world.runtime, Platform.BENEVITY, company_id=company, actor="olga")
    assert succeeded(world.run())
    assert world.materialized() == {("north", day(2))}


def test_a_drain_leaves_what_is_to_be_retried_to_a_later_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One bad company never holds a run slot: the drain ends well, the row waits in the log (D5)."""
    world.due("north", "south")
    world.sandbox.add_fault("benevity", "server_error", status=500, organization="south", count=1)
    monkeypatch.setenv("SCHEDULER_RETRY_DELAY_MS", "60000")

    result = world.run()

    assert succeeded(result)
    assert world.materialized() == {("north", day(1))}
    assert {r["slug"]: r["status"] for r in world.deliveries("benevity")} == {
        "north": "success",
        "south": "retrying",
    }
