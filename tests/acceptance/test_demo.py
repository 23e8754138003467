"""`make demo`: the whole main job, and that its verdict can fail."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from impact_in_pipelines.cli.demo.command import TROUBLES, check
from impact_in_pipelines.cli.demo.world import (
    COMPANIES,
    DEV_COMPANY,
    add_companies,
    add_schedules,
    build_dev_world,
    connect_to_sandbox,
    wake,
)
from impact_in_pipelines.db.deliveries.filtering import DeliveryFilter
from impact_in_pipelines.db.deliveries.reading import DeliveryReader
from impact_in_pipelines.delivery.states import DeliveryStatus
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sandbox.server import Sandbox
from impact_in_pipelines.scheduling import ScheduleFrequency

from .world import World

SLOW = pytest.mark.slow


@pytest.mark.timeout(400)
def test_the_demo_ends_well_and_touches_nothing_else() -> None:
    """Exit code 0, every trouble told, and a user's own DATABASE_URL is not even opened."""
    with tempfile.TemporaryDirectory(prefix="ii-") as folder:
        run = subprocess.run(
            [sys.executable, "-m", "impact_in_pipelines.cli.main", "demo"],
            cwd=folder,
            env={**os.environ, "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stdout + run.stderr
        assert (Path(folder) / ".impact-in" / "demo").is_dir()
    text = re.sub(r"\s+", " ", run.stdout)
    for trouble in TROUBLES:
        if trouble.ends is DeliveryStatus.FAILED:
            assert trouble.slug in text
    assert "accepted exactly the 15 deliveries" in text
    assert re.search(r"\d s Sending what is due …", text)
    assert run.stderr == ""


@pytest.mark.parametrize(
    ("asked", "code", "step"),
    [
        pytest.param(signal.SIGINT, 130, "Sending what is due", id="ctrl-c"),
        pytest.param(signal.SIGTERM, 143, "Sending what is due", id="sigterm", marks=SLOW),
        pytest.param(signal.SIGINT, 130, "Starting the database", id="ctrl-c, early", marks=SLOW),
        pytest.param(signal.SIGTERM, 143, "Starting the database", id="sigterm, early", marks=SLOW),
    ],
)
def test_a_stopped_demo_is_one_line_and_nothing_of_it_runs_on(
    asked: signal.Signals, code: int, step: str
) -> None:
    """Ctrl-C reaches everything in the terminal's group; the sandbox died of it first, and the demo went on
    for a minute, to a traceback."""
    with tempfile.TemporaryDirectory(prefix="ii-") as folder:
        process = subprocess.Popen(
            [sys.executable, "-m", "impact_in_pipelines.cli.main", "demo"],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert process.stdout is not None
        told = ""
        while step not in told:
            told = process.stdout.readline()
            assert told, process.communicate()
        os.killpg(process.pid, asked)
        out, err = process.communicate(timeout=120)

        assert process.returncode == code, out + err
        assert "Traceback" not in out + err
        assert err.splitlines()[-1].startswith("The demo was stopped; nothing of it runs on.")
        cluster = Path(folder) / ".impact-in" / "demo" / "postgres"
        assert not (cluster / "postmaster.pid").exists()


@pytest.mark.parametrize(
    "now",
    [
        datetime(2026, 11, 24, 12, 30, 59, tzinfo=UTC),
        datetime(2026, 3, 31, 0, 0, 5, tzinfo=UTC),
        datetime(2026, 10, 25, 23, 59, 0, tzinfo=UTC),
    ],
    ids=str,
)
def test_every_fire_of_the_made_up_world_is_of_this_minute(world: World, now: datetime) -> None:
    """Whatever the time of day: nothing is late but what nobody watched, so that the first look at the world
    isn't a wall of alarms."""
    companies = add_companies(world.runtime)
    count = add_schedules(world.runtime, companies, now)

    fires = world.execute(
        """SELECT c.slug, d.status, d.scheduled_for FROM impact_deliveries d
           JOIN companies c ON c.id = d.company_id"""
    )
    planned = [fire for fire in fires if fire["status"] == "pending"]
    assert len(planned) == count
    assert all(now - fire["scheduled_for"] < timedelta(minutes=1) for fire in planned)
    missed = Counter(fire["slug"] for fire in fires if fire["status"] != "pending")
    assert missed == {plan.slug: plan.missed_days for plan in COMPANIES if plan.missed_days}


def test_a_newcomer_finds_the_presets(world: World) -> None:
    """The first fire is of now, the next ones are those that anybody expects of `daily`, at the company's own
    midnight; a cron of odd minutes would be the first thing to puzzle over."""
    now = datetime(2026, 11, 24, 12, 30, 59, tzinfo=UTC)
    add_schedules(world.runtime, add_companies(world.runtime), now)

    found = world.runtime.schedules.listed()
    presets = {preset.cron for preset in ScheduleFrequency}
    (other,) = [one for one in found if one.schedule not in presets]
    assert (other.company, other.schedule) == ("spree-mobility", "0 0 * * 0-6")
    zones = {plan.slug: plan.timezone for plan in COMPANIES}
    assert all(one.timezone == zones[one.company] for one in found)
    assert all(one.next_run and one.next_run > now for one in found)


def missed_since(world: World, since: datetime) -> list[datetime]:
    """The fires after `since` that are missed."""
    rows = world.execute("SELECT scheduled_for FROM impact_deliveries WHERE status = 'missed'")
    return [row["scheduled_for"] for row in rows if row["scheduled_for"] > since]


def test_dev_counts_the_time_it_was_off_as_paused_not_as_missed(world: World) -> None:
    """Started again days later it would otherwise open with a wall of alarms; the days are made up for by the
    next fire of each schedule."""
    then = datetime(2026, 11, 20, 9, 0, 30, tzinfo=UTC)
    later = then + timedelta(days=3, minutes=5)
    build_dev_world(world.runtime, then)
    wake(world.runtime, then)
    assert all(one.active for one in world.runtime.schedules.listed())
    assert world.execute("SELECT id FROM impact_deliveries WHERE status = 'missed'") == []

    build_dev_world(world.runtime, later)
    assert not any(one.active for one in world.runtime.schedules.listed())
    wake(world.runtime, later)

    after = world.runtime.schedules.listed()
    assert all(one.active and one.next_run and one.next_run > later for one in after)
    assert missed_since(world, then) == []
    behind = [one for one in after if one.company == DEV_COMPANY]
    assert {one.covered_until for one in behind} == {then.date() - timedelta(days=1)}


def test_the_verdict_sees_what_the_log_claims_and_nobody_accepted(
    world: World, sandbox: Sandbox
) -> None:
    """A success that the sandbox knows nothing of, and an arrival that the log knows nothing of."""
    world.due("north", "south")
    assert world.run("benevity").success
    rows = DeliveryReader(world.runtime.database.engine).listed(None, DeliveryFilter(), limit=10)
    plan = {f"{t.slug} to {t.platform}" for t in TROUBLES}

    def problems(log: list[object]) -> list[str]:
        found = check(log, sandbox)  # type: ignore[arg-type]
        return [text for text in found if not any(text.startswith(pair) for pair in plan)]

    assert problems(list(rows)) == []
    assert "accepted more than once" in problems(list(rows[:1]))[0]
    sandbox.client.reset()
    assert [text.split(": ")[0] for text in problems(list(rows))] == [Platform.BENEVITY.value] * 2


def test_another_terminal_finds_the_made_up_companies_connected(world: World) -> None:
    """Not so long ago `impact-in deliver` beside `make dev` would have failed everything that was due, for
    lack of an account: the defaults were variables of dev's own processes. A key that was set stays."""
    build_dev_world(world.runtime, datetime(2026, 11, 20, 9, 0, 30, tzinfo=UTC))
    connections = world.runtime.connections
    kiwi = world.runtime.companies.find("kiwi-orchards")
    world.execute(
        "UPDATE platform_connections SET base_url = NULL WHERE company_id = :id", id=kiwi.id
    )
    connections.save(kiwi.id, Platform.GOODERA, credentials={"api_key": "revoked-key"})
    connect_to_sandbox(world.runtime)

    everybody = [plan.slug for plan in COMPANIES] + [DEV_COMPANY]
    ids = [one.id for one in world.runtime.companies.by_slug(everybody).values()]
    for platform in Platform:
        found = connections.of_companies(platform, ids)
        assert {one.base_url for one in found.values()} == {
            f"http://127.0.0.1:3999/{platform.value}"
        }
        assert len(found) == len(everybody)
    assert connections.of_companies(Platform.GOODERA, [kiwi.id])[kiwi.id].credentials == {
        "api_key": "revoked-key"
    }
