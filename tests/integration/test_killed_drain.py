"""A drain that is killed in the middle loses nothing and doubles nothing (D3, D4)."""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from factories import YESTERDAY, World, environment

from impact_in_pipelines.platforms import Platform

PROGRAM = Path(__file__).parents[1] / "drain_process.py"
LEASE_S = 30
DEADLINE_S = 60.0


@contextmanager
def drain_process(world: World, platform: Platform) -> Iterator[subprocess.Popen[bytes]]:
    """A drain of `platform` at the world's time; killed at the end if it still runs."""
    url = world.database.url.render_as_string(hide_password=False)
    settings = environment(world.sandbox, DATABASE_URL=url, IMPACT_IN_LEASE_SECONDS=str(LEASE_S))
    process = subprocess.Popen(
        [sys.executable, str(PROGRAM), platform.value, world.clock().isoformat()],
        env={**os.environ, **settings},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def kill_once_accepted(
    world: World, platform: Platform, process: subprocess.Popen[bytes], at_least: int
) -> None:
    """SIGKILL as soon as the platform has accepted `at_least` deliveries, answered or not."""
    deadline = time.monotonic() + DEADLINE_S
    while world.sandbox.client.stats()[platform.value]["accepted"] < at_least:
        assert process.poll() is None, "the drain ended before it could be killed"
        assert time.monotonic() < deadline, "the drain sends nothing"
        time.sleep(0.01)
    process.kill()
    process.wait()


def fill(world: World, platform: Platform) -> int:
    """Several hundred due deliveries; Goodera's go in thirty batches of ten."""
    if platform is not Platform.GOODERA:
        world.due(platform, 600)
        return 600
    days = [YESTERDAY - timedelta(days=n) for n in range(10)]
    companies = world.companies(30)
    world.events(companies, days=days)
    world.deliveries(platform, *companies, days=days)
    return 300


@pytest.mark.parametrize(
    ("platform", "accepted"), [(Platform.BENEVITY, 150), (Platform.GOODERA, 60)]
)
def test_a_killed_drain_loses_nothing_and_doubles_nothing(
    world: World, platform: Platform, accepted: int
) -> None:
    """SIGKILL between what the platform took and what the log knows; the next drain finishes, when the
    leases have run out, under the same keys."""
    planned = fill(world, platform)
    world.sandbox.client.configure(latency_ms=150)
    with drain_process(world, platform) as process:
        kill_once_accepted(world, platform, process, accepted)
    world.sandbox.client.configure(latency_ms=0)
    unheard = world.scalars("SELECT count(*) FROM delivery_attempts WHERE outcome = 'started'")[0]
    finished = world.statuses().get("success", 0)
    assert unheard > 0, "nothing was under way: the kill came too late to prove anything"
    assert finished < planned

    # The dead worker's rows are still under its lease: nobody touches them too early.
    held = world.statuses()["in_progress"]
    world.clock.advance(timedelta(seconds=LEASE_S - 1))
    assert world.drain(platform).delivered == planned - finished - held
    world.clock.advance(timedelta(seconds=1))
    assert world.drain(platform).delivered == held

    assert world.statuses() == {"success": planned}
    lines = world.sandbox.client.accepted(platform.value)["accepted"]
    assert len(lines) == planned
    assert Counter(line["timesAccepted"] for line in lines) == {1: planned}
    assert max(line["timesReceived"] for line in lines) == 2
    assert world.doubled(platform) == []
    outcomes = world.rows("SELECT outcome, count(*) AS n FROM delivery_attempts GROUP BY outcome")
    assert {row["outcome"]: row["n"] for row in outcomes} == {
        "delivered": planned,
        "lost": unheard,
    }
    lost = world.rows("SELECT * FROM delivery_attempts WHERE outcome = 'lost'")
    assert all(row["finished_at"] == world.clock() for row in lost)
    (counts,) = world.rows(
        "SELECT sum(attempt_count) AS attempts, sum(failed_attempts) AS failed FROM impact_deliveries"
    )
    assert (counts["attempts"], counts["failed"]) == (planned + unheard, 0)
