"""A delivery that kills whoever sends it comes to an end, and takes nobody along (D3, D4, D5)."""

import os
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from factories import YESTERDAY, World, environment
from poisoned_process import DIED

from impact_in_pipelines.db.deliveries.queueing.planning import plan_due
from impact_in_pipelines.db.deliveries.queueing.queue import PgDeliveryLog
from impact_in_pipelines.db.deliveries.replays import ReplayStore
from impact_in_pipelines.delivery.draining.preparing import prepare
from impact_in_pipelines.delivery.model import Selection
from impact_in_pipelines.delivery.retry import LOST_MOST, SUSPECT_FROM
from impact_in_pipelines.platforms import Platform

PROGRAM = Path(__file__).parents[1] / "poisoned_process.py"
LEASE = timedelta(seconds=180)
INNOCENTS = 12


def drained_by_a_process(
    world: World, platform: Platform, deadly_to: str, when: str = "sending"
) -> int:
    """Exit code of a drain at the world's time; afterwards its leases have ended."""
    url = world.database.url.render_as_string(hide_password=False)
    done = subprocess.run(
        [sys.executable, str(PROGRAM), platform.value, world.clock().isoformat(), deadly_to, when],
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


def test_a_delivery_that_kills_each_worker_before_it_is_sent_is_counted_too(world: World) -> None:
    """No attempt is open yet when the process dies, so nothing was counted: it was repeated for ever, and
    with it everything that its worker had claimed."""
    deadly, *others = world.companies(1 + INNOCENTS)
    world.events([deadly, *others])
    (poisoned,) = world.deliveries(Platform.BENEVITY, deadly)
    world.deliveries(Platform.BENEVITY, *others)

    codes = [
        drained_by_a_process(world, Platform.BENEVITY, "c-1", "building")
        for _ in range(LOST_MOST + 1)
    ]

    assert codes == [DIED] * LOST_MOST + [0]
    assert world.statuses() == {"success": INNOCENTS, "failed": 1}
    row = world.delivery(poisoned)
    assert (row["error_kind"], row["attempt_count"], row["lost_claims"]) == ("unresolved", 0, 0)
    assert "before anything of it was sent" in row["last_error"]

    ReplayStore(world.database.engine, dedup_window=timedelta(hours=24)).queue(
        [poisoned], now=world.clock()
    )
    assert world.drain(Platform.BENEVITY).delivered == 1


def test_claims_that_are_given_back_count_as_no_death(world: World) -> None:
    """A worker that is asked to stop releases what it has not sent: nobody has died."""
    companies = world.companies(3)
    world.events(companies)
    ids = world.deliveries(Platform.BENEVITY, *companies)
    log = PgDeliveryLog(world.runtime.database.engine, world.runtime.connections)
    claim = partial(log.claim, Platform.BENEVITY, limit=9, lease=LEASE, selection=Selection())
    for worker in ("dies", "stops"):
        claim(now=world.clock(), worker=worker)
        world.clock.advance(LEASE)
    assert [world.delivery(id_)["lost_claims"] for id_ in ids] == [1, 1, 1]
    log.release_claims(ids, now=world.clock(), next_attempt_at=world.clock(), worker="stops")
    assert [world.delivery(id_)["lost_claims"] for id_ in ids] == [0, 0, 0]


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
