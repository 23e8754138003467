"""Machines whose clocks are hours apart share one log: the database's time counts (D15)."""

import logging
import random
from datetime import timedelta

import pytest
from factories import World, let_all_pass

from impact_in_pipelines.clock import utc_now
from impact_in_pipelines.connectors.payloads import MappedPayloads
from impact_in_pipelines.db.deliveries.queueing.queue import PgDeliveryLog
from impact_in_pipelines.db.engine import Database, database_time, make_engine
from impact_in_pipelines.delivery.model import Selection
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.runtime import Runtime

BENEVITY = Platform.BENEVITY
LEASE = timedelta(seconds=180)
NEAR = timedelta(minutes=1)


def machine(world: World, ahead: timedelta) -> Runtime:
    """A machine whose clock is off by `ahead`, on the world's database."""
    url = world.database.url
    runtime = Runtime(
        world.settings,
        database=Database(url=url, engine=make_engine(url), embedded=True),
        machine_clock=lambda: utc_now() + ahead,
        rng=random.Random(1),
    )
    runtime.payloads = MappedPayloads(runtime.impact, let_all_pass)
    return runtime


@pytest.mark.parametrize("ahead", [timedelta(hours=2), timedelta(hours=-2)])
def test_a_machine_hours_off_takes_no_row_that_another_one_holds(
    world: World, ahead: timedelta, caplog: pytest.LogCaptureFixture
) -> None:
    """Two hours ahead, every lease seemed to have ended: all that was leased went out again."""
    world.clock.now = database_time(world.database.engine)
    companies = world.companies(3)
    world.events(companies)
    held = world.deliveries(BENEVITY, *companies[:2])
    log = PgDeliveryLog(world.database.engine, world.runtime.connections)
    log.claim(
        BENEVITY, now=world.clock(), limit=9, worker="other", lease=LEASE, selection=Selection()
    )
    (due,) = world.deliveries(BENEVITY, companies[2])
    wrong = machine(world, ahead)

    with caplog.at_level(logging.WARNING, logger="impact_in_pipelines.clock"):
        assert wrong.drain(BENEVITY).run().delivered == 1

    assert [world.delivery(id_)["claimed_by"] for id_ in held] == ["other", "other"]
    assert [record.getMessage() for record in caplog.records] == [
        f"this machine's clock is 7200 s {'ahead of' if ahead > timedelta() else 'behind'} "
        "the database's; the database's counts"
    ]
    # What it has written down is true for every other machine.
    row, now = world.delivery(due), database_time(world.database.engine)
    assert abs(now - row["delivered_at"]) < NEAR
    assert abs(now - world.attempts(due)[0]["finished_at"]) < NEAR
    wrong.close()


def test_the_first_time_that_is_asked_for_is_the_databases(world: World) -> None:
    """A command asks once, and before anything else has made it look."""
    wrong = machine(world, timedelta(days=400))
    assert abs(wrong.clock() - database_time(world.database.engine)) < NEAR
    assert abs(wrong.transport.now() - database_time(world.database.engine)) < NEAR
    wrong.close()


def test_machines_hours_apart_drain_one_queue_and_send_each_delivery_once(world: World) -> None:
    """One is ahead, one behind, one is right, and all three plan and send the same schedules."""
    now = database_time(world.database.engine)
    companies = world.companies(30)
    yesterday = now.date() - timedelta(days=1)
    world.events(companies, days=[yesterday])
    world.schedules(
        BENEVITY,
        companies,
        fire=now.replace(hour=0, minute=0, second=0, microsecond=0),
        covered_until=yesterday - timedelta(days=1),
    )
    machines = [machine(world, timedelta(hours=hours)) for hours in (2, -2, 0)]

    sent = [runtime.drain(BENEVITY).run().delivered for runtime in machines]

    assert sum(sent) == 30
    assert world.statuses() == {"success": 30}
    assert world.doubled(BENEVITY) == []
    for runtime in machines:
        runtime.close()
