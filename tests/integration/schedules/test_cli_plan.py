"""`impact-in schedules plan` and `stats`."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine

from impact_in_pipelines.db.accounts.companies import CompanyStore
from impact_in_pipelines.db.alerts.incidents import IncidentStore
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sla.incidents import PlatformHealth, PlatformState

from .commands import Cli, create

ROOT = Path(__file__).resolve().parents[3]
OUT_SINCE = datetime(2026, 3, 10, 11, tzinfo=UTC)


def test_plan_names_late_minutes_and_apply_makes_the_sla_hold(
    cli: Cli, engine: Engine, tmp_path: Path
) -> None:
    """40 deliveries in one minute at 5 a minute: the last waits 8 minutes, until spread."""
    companies = CompanyStore(engine)
    for number in range(4):
        companies.add(f"co-{number}", name="Co")
        for _ in range(10):
            assert cli("create", f"co-{number}", "goodera", "daily", "--json").code == 0
    words = ("plan", "--throughput", "5", "--max-offset", "10")
    said = cli(*words, "--chart", str(tmp_path / "load.svg"))
    assert said.code == 0
    assert "40 due, the last waits 8 min; the 5-minute SLA can't hold" in said.out
    assert "--max-offset 10 --throughput 5 --apply" in said.out
    assert (tmp_path / "load.svg").read_text().lstrip().startswith("<?xml")
    data = cli(*words, "--apply", "--json").data
    assert data["platforms"]["goodera"]["capacityPerMinute"] == 5
    assert (data["proposal"]["holds"], data["proposal"]["applied"]) == (True, True)
    offsets = [one["spreadMinutes"] for one in cli("list", "--json").data]
    assert max(offsets) <= 10
    assert sorted(offsets) == sorted(
        [one["minutes"] for one in data["proposal"]["spreadMinutes"]]
        + [0] * (40 - len(data["proposal"]["spreadMinutes"]))
    )
    assert "The SLA holds in every minute" in cli(*words).out


def test_a_plan_without_gain_changes_nothing_when_it_is_applied(cli: Cli) -> None:
    """What nothing helps against is said with the rates, and no offset is set."""
    for _ in range(30):
        cli("create", "acme", "goodera", "hourly")
    words = ("plan", "--throughput", "1", "--max-offset", "0")
    said = cli(*words)
    assert "No offset of at most 0 minutes helps on goodera: the SLA needs 6.0" in " ".join(
        said.out.split()
    )
    assert "1.0 are possible" in " ".join(said.out.split())
    assert "--apply" not in said.out
    assert "Nothing was changed." in cli(*words, "--apply").out
    data = cli(*words, "--apply", "--json").data["proposal"]
    assert (data["applied"], data["spreadMinutes"]) == (False, [])
    assert data["withoutGain"][0]["possiblePerMinute"] == 1
    assert {one["spreadMinutes"] for one in cli("list", "--json").data} == {0}


def test_plan_takes_the_rate_limit_of_a_shared_account(cli: Cli) -> None:
    """All companies of the default Goodera account share its 60 requests a minute."""
    cli("create", "acme", "goodera", "daily")
    goodera = cli("plan", "--json").data["platforms"]["goodera"]
    assert (goodera["capacityPerMinute"], goodera["limitedBy"]) == (60, "rate limit of 1 account")


def test_stats_say_in_words_that_a_platform_is_held(
    cli: Cli, environment: dict[str, str], tmp_path: Path
) -> None:
    """Drain schedules that are off by default are off; the process is the real one."""
    create(cli, "daily")
    process = subprocess.run(
        [sys.executable, "-m", "impact_in_pipelines.cli.main", "schedules", "stats"],
        env=os.environ
        | environment
        | {"ENABLE_SCHEDULER": "false", "IMPACT_IN_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert process.returncode == 0, process.stderr
    row = next(line for line in process.stdout.splitlines() if "Benevity " in line)
    assert row.split()[:6] == ["Benevity", "1", "1", "0", "0", "0"]
    assert "Benevity is held: its drain schedule deliver_to_benevity is off." in process.stdout


def test_stats_say_which_platform_is_unwell_and_why(cli: Cli, engine: Engine) -> None:
    """What `platform_outages` found last; of a healthy one nothing is said."""
    states = [
        PlatformHealth(Platform.GOODERA, PlatformState.OUTAGE, OUT_SINCE, "12 attempts failed"),
        PlatformHealth(Platform.WORKDAY, PlatformState.DEGRADED, OUT_SINCE, "5 attempts failed"),
        PlatformHealth(Platform.BENEVITY, PlatformState.HEALTHY, OUT_SINCE),
    ]
    with IncidentStore(engine).in_turn() as session:
        session.note_health(states, OUT_SINCE)

    said = cli("stats").out
    found = cli("stats", "--json").data["health"]

    assert "Goodera is out since 2026-03-10 11:00 UTC: 12 attempts failed" in said
    assert "Workday fails throughout since 2026-03-10 11:00 UTC: 5 attempts failed" in said
    assert "Benevity is out" not in said
    assert {name: one["state"] for name, one in found.items()} == {
        "benevity": "healthy",
        "goodera": "outage",
        "workday": "degraded",
    }
