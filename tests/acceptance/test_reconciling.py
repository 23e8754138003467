"""After a restore the log learns from Dagster's events what had arrived (D14)."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from dumps import dump, restore
from hearing import Heard

from impact_in_pipelines.cli.operating.reconcile import reconcile as command
from impact_in_pipelines.dagster_instance.arrivals import read_arrivals
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services.deliveries.repairs.reconciling import Reconciled, reconcile

from .conftest import forget_settings
from .world import World, day, midnight, today

LAST_WEEK = datetime.now(UTC) - timedelta(days=7)
BENEVITY = Platform.BENEVITY


def reconciled(world: World, *, dry_run: bool = False) -> Reconciled:
    """What the command does for Benevity."""
    reading, marking = Heard(), Heard()
    arrivals = read_arrivals(world.instance, LAST_WEEK, reading)
    done = reconcile(world.runtime, arrivals, actor="ops", dry_run=dry_run, tell=marking)
    assert reading.total >= 7 * 24 * 3600 * len(Platform)  # seconds
    assert marking.total == len(arrivals)
    return done[BENEVITY]


def put_back(world: World, backup: Path) -> None:
    restore(world.runtime.database.url, backup)
    world.runtime.database.engine.dispose()


def known(world: World) -> dict[str, tuple[str, str, str]]:
    return {
        str(row["id"]): (row["status"], row["transaction_id"], row["payload_hash"])
        for row in world.deliveries("benevity")
    }


def received(world: World) -> int:
    found: int = world.sandbox.stats()["benevity"]["received"]
    return found


def test_what_had_arrived_is_marked_and_not_sent_again(world: World, tmp_path: Path) -> None:
    """One was planned before the dump and one after it, one has three lost fires, and a day was chosen by a
    person: all are in the log again, with the platform's transactions, and nothing more is sent."""
    world.due("north")
    north = world.deliveries("benevity")
    assert north == []
    world.runtime.drain(BENEVITY)  # opened before the dump: nothing of it is needed
    south, west = world.company("south"), world.company("west")
    world.schedule(
        south, "benevity", cron="0 */6 * * *", fire=midnight(today() - timedelta(days=1))
    )
    world.add_partitions("north", "south", "west")
    del west
    backup = dump(world.runtime.database.url, tmp_path / "before")
    world.run()
    world.run(partition=("west", day(3)))
    before = known(world)
    arrived = {id_ for id_, (status, *_) in before.items() if status == "success"}
    assert len(arrived) == 3

    put_back(world, backup)
    sent = received(world)
    foreseen = reconciled(world, dry_run=True)
    assert world.deliveries("benevity") == []
    done = reconciled(world)

    assert done == foreseen
    assert {str(id_) for id_ in done.restored} == arrived
    assert (done.marked, done.planned, done.unknown) == ((), (), ())
    after = known(world)
    assert {id_: after[id_] for id_ in arrived} == {id_: before[id_] for id_ in arrived}
    # Sent by nobody: not what is marked, and not the days that a later delivery has covered.
    world.run()
    assert received(world) == sent
    assert set(known(world)) == set(before)
    # Again, nothing is left to do.
    assert reconciled(world) == Reconciled()
    audited = world.execute(
        "SELECT actor, before, after FROM audit_log WHERE action = 'delivery.reconciled'"
    )
    assert len(audited) == 3
    assert {row["actor"] for row in audited} == {"ops"}


def test_what_was_already_in_the_log_is_marked_there(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dump has it as waiting for a retry; and where drains ran before anybody thought of it, the fires
    that they wrote down as missed had arrived as well."""
    monkeypatch.setenv("SCHEDULER_RETRY_DELAY_MS", "600000")
    forget_settings()
    world.due("north")
    world.sandbox.add_fault("benevity", "server_error")
    world.run()
    world.due("south")
    backup = dump(world.runtime.database.url, tmp_path / "before")
    world.sandbox.clear_faults()
    world.execute("UPDATE impact_deliveries SET next_attempt_at = now()")
    world.run()
    before = known(world)
    put_back(world, backup)
    (waiting,) = world.deliveries("benevity")
    assert waiting["status"] == "retrying"

    done = reconciled(world)

    assert done.marked == (waiting["id"],)
    assert len(done.restored) == 1
    assert known(world) == before


def test_a_log_that_was_never_put_back_is_left_as_it_is(world: World) -> None:
    """Whoever runs it to be safe changes nothing: not what failed after all, and no queued replay."""
    world.due("north", "south")
    world.run()
    first, second = world.deliveries("benevity")
    world.execute(
        "UPDATE impact_deliveries SET status = 'failed', failed_at = clock_timestamp(), "
        "taken_back_at = clock_timestamp(), updated_at = clock_timestamp() WHERE id = :id",
        id=first["id"],
    )
    world.execute(
        "UPDATE impact_deliveries SET status = 'pending', rebuild = true, "
        "next_attempt_at = now(), updated_at = clock_timestamp() WHERE id = :id",
        id=second["id"],
    )
    assert reconciled(world) == Reconciled()


def test_what_can_not_be_placed_is_listed(world: World, tmp_path: Path) -> None:
    """Its company was made after the dump: whoever restores must know of it."""
    backup = dump(world.runtime.database.url, tmp_path / "before")
    world.due("later")
    world.run()
    (row,) = world.deliveries("benevity")
    put_back(world, backup)
    assert reconciled(world) == Reconciled(unknown=(row["id"],))


@pytest.mark.parametrize("dry_run", [True, False])
def test_the_command_says_what_it_does(
    world: World, tmp_path: Path, dry_run: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """As JSON for programs; with --dry-run nothing is kept."""
    world.due("north")
    backup = dump(world.runtime.database.url, tmp_path / "before")
    world.run()
    put_back(world, backup)
    capsys.readouterr()

    command(since=None, dry_run=dry_run, as_json=True)

    said = json.loads(capsys.readouterr().out)
    assert said["dryRun"] is dry_run
    assert len(said["platforms"]["benevity"]["restored"]) == 1
    assert len(world.deliveries("benevity")) == int(not dry_run)
