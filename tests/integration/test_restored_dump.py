"""A database that was put back to last night sends the same under the same keys (D14)."""

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from dumps import dump, restore
from factories import FIRST_RETRY, YESTERDAY, World
from sqlalchemy import RowMapping

from impact_in_pipelines.platforms import Platform


def sent(world: World) -> list[RowMapping]:
    """What the log knows of each delivery: where it went, and what the platform called it."""
    return world.rows(
        "SELECT id, idempotency_key, status, transaction_id, payload_hash FROM impact_deliveries "
        "ORDER BY id"
    )


@pytest.mark.parametrize("platform", list(Platform))
def test_what_is_sent_again_after_a_restore_is_recognised(
    world: World, platform: Platform, tmp_path: Path
) -> None:
    """Planned after the dump, and planned before it: each goes out under the key it had, batches too, and
    the platform accepts it once."""
    world.due(platform, 12)
    backup = dump(world.database.url, tmp_path / "before")
    assert world.drain(platform).delivered == 12
    before = sent(world)

    restore(world.database.url, backup)
    world.database.engine.dispose()
    world.runtime = world.another_runtime(seed=7)
    assert world.statuses() == {}
    world.clock.advance(timedelta(hours=1))
    assert world.drain(platform).delivered == 12

    assert sent(world) == before
    assert world.doubled(platform) == []
    lines = world.sandbox.client.accepted(platform.value)["accepted"]
    assert Counter(line["timesAccepted"] for line in lines) == {1: len(lines)}


def test_what_was_waiting_for_a_retry_keeps_its_key(world: World, tmp_path: Path) -> None:
    """It failed before the dump and arrived after it."""
    world.due(Platform.BENEVITY, 3)
    world.sandbox.client.add_fault("benevity", "server_error")
    world.drain(Platform.BENEVITY)
    assert world.statuses() == {"retrying": 3}
    backup = dump(world.database.url, tmp_path / "before")
    world.sandbox.client.clear_faults()
    world.clock.advance(FIRST_RETRY)
    assert world.drain(Platform.BENEVITY).delivered == 3
    before = sent(world)

    restore(world.database.url, backup)
    world.database.engine.dispose()
    assert world.statuses() == {"retrying": 3}
    assert world.drain(Platform.BENEVITY).delivered == 3

    assert sent(world) == before
    assert world.doubled(Platform.BENEVITY) == []


def test_what_went_out_one_by_one_is_not_sent_again_in_a_batch(
    world: World, tmp_path: Path
) -> None:
    """After a restore deliveries of hours apart are due at once. In one batch they had its key, and the
    platform took each of them a second time."""
    days = [YESTERDAY - timedelta(days=n) for n in range(3)]
    (company,) = world.companies()
    world.events([company], days=days)
    for day in days:
        world.deliveries(Platform.GOODERA, company, days=[day])
        world.clock.advance(timedelta(hours=1))
    backup = dump(world.database.url, tmp_path / "before")
    for n in range(3):
        world.execute(
            "UPDATE impact_deliveries SET next_attempt_at = :then WHERE period_start <> :day "
            "AND status = 'pending'",
            then=world.clock() + timedelta(days=1),
            day=days[n],
        )
        world.execute(
            "UPDATE impact_deliveries SET next_attempt_at = :now WHERE period_start = :day",
            now=world.clock(),
            day=days[n],
        )
        assert world.drain(Platform.GOODERA).delivered == 1
    before = sent(world)

    restore(world.database.url, backup)
    world.database.engine.dispose()
    assert world.drain(Platform.GOODERA).delivered == 3

    assert sent(world) == before
    assert world.doubled(Platform.GOODERA) == []
