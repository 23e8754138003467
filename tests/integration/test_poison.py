"""A delivery that kills whoever sends it comes to an end, and takes nobody along (D3, D4, D5)."""

import os
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from factories import YESTERDAY, World, environment
from poisoned_process import DIED

from impact_in_pipelines.db.deliveries.planning import plan_due
from impact_in_pipelines.db.deliveries.queue import PgDeliveryLog
from impact_in_pipelines.db.deliveries.replays import ReplayStore
from impact_in_pipelines.delivery.draining.preparing import prepare
from impact_in_pipelines.delivery.model import Selection
from impact_in_pipelines.delivery.retry import LOST_MOST, SUSPECT_FROM
from impact_in_pipelines.platforms import Platform

PROGRAM = Path(__file__).parents[1] / "poisoned_process.py"
LEASE = timedelta(seconds=180)
INNOCENTS = 12


def drained_by_a_process(world: World, platform: Platform, deadly_to: str) -> int:
    """Exit code of a drain at the world's time; afterwards its leases have ended."""
    url = world.database.url.render_as_string(hide_password=False)
    done = subprocess.run(
        [sys.executable, str(PROGRAM), platform.value, world.clock().isoformat(), deadly_to],
        env={**os.environ, **environment(world.sandbox, DATABASE_URL=url)},
        check=False,
        timeout=60,
    )
    world.clock.advance(LEASE)
    return done.returncode


@pytest.mark.parametrize("platform", [Platform.BENEVITY, Platform.GOODERA])
def test_a_delivery_that_kills_each_worker_fails_and_the_others_arrive(
    world: World, platform: Platform
) -> None:
    """Once it was repeated for ever, and with it everything that its worker held. What it sends arrives each
    time, unheard: it goes out under one key, and once it is mended a replay finds that it had arrived."""
    days = [YESTERDAY - timedelta(days=n) for n in range(2)]
    deadly, *others = world.companies(1 + INNOCENTS)
    world.events([deadly, *others], days=days)
    world.deliveries(platform, deadly, days=days if platform is Platform.GOODERA else days[:1])
    world.deliveries(platform, *others, days=days)
    poisoned = world.scalars("SELECT id FROM impact_deliveries WHERE company_id = :c", c=deadly)

    codes = [drained_by_a_process(world, platform, "c-1") for _ in range(LOST_MOST + 1)]

    assert codes == [DIED] * LOST_MOST + [0]
    assert world.statuses() == {"success": 2 * INNOCENTS, "failed": len(poisoned)}
    for id_ in poisoned:
        row = world.delivery(id_)
        assert (row["error_kind"], row["failed_attempts"]) == ("unresolved", 0)
        assert "replay it, under the same key" in row["last_error"]
        assert row["failed_at"] is not None
        assert world.outcomes(id_) == ["lost"] * LOST_MOST
        assert all("worker died" in attempt["error"] for attempt in world.attempts(id_))
    lines = world.sandbox.client.accepted(platform.value)["accepted"]
    assert Counter(line["timesAccepted"] for line in lines) == {1: len(lines)}
    assert world.doubled(platform) == []

    # The cause is mended: a replay starts afresh, and under the same key nothing is counted twice.
    ReplayStore(world.database.engine, dedup_window=timedelta(hours=24)).queue(
        poisoned, now=world.clock()
    )
    assert world.drain(platform).delivered == len(poisoned)
    assert world.statuses() == {"success": 2 * INNOCENTS + len(poisoned)}
    assert world.doubled(platform) == []


def test_workers_that_die_of_something_else_cost_a_delivery_nothing(world: World) -> None:
    """A machine that goes down three times, each time with a hundred deliveries in hand: all arrive, and what
    is suspect goes one by one."""
    world.due(Platform.BENEVITY, 100)
    plan_due(world.database.engine, Platform.BENEVITY, world.clock())
    for number in range(LOST_MOST - 1):
        assert claimed_and_abandoned(world, suspects=number >= SUSPECT_FROM) == 100
        world.clock.advance(LEASE)

    assert world.drain(Platform.BENEVITY).delivered == 100
    assert world.statuses() == {"success": 100}
    assert world.doubled(Platform.BENEVITY) == []


def claimed_and_abandoned(world: World, *, suspects: bool) -> int:
    """How many a worker took and opened attempts for, and then was gone."""
    runtime, platform, now = world.runtime, Platform.BENEVITY, world.clock()
    log = PgDeliveryLog(runtime.database.engine, runtime.connections)
    claimed = log.claim(
        platform,
        now=now,
        limit=500,
        worker="gone",
        lease=LEASE,
        selection=Selection(),
        suspects=suspects,
    )
    connections = log.connections(platform, [row.company_id for row in claimed])
    ready, _ = prepare(claimed, connections, runtime.payloads, now)
    return len(log.freeze(ready, now=now, window=timedelta(hours=24), worker="gone").ready)
