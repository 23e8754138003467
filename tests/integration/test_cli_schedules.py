"""`impact-in schedules` on a real database: what it prints, its JSON and its exit codes."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine, text

from impact_in_pipelines.cli.main import main
from impact_in_pipelines.db.accounts.companies import CompanyStore
from impact_in_pipelines.db.alerts.incidents import IncidentStore
from impact_in_pipelines.db.engine import Database
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.settings import get_settings
from impact_in_pipelines.sla.incidents import PlatformHealth, PlatformState

ROOT = Path(__file__).resolve().parents[2]
OUT_SINCE = datetime(2026, 3, 10, 11, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said and how it left."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Said]


@pytest.fixture
def environment(database: Database) -> dict[str, str]:
    """Benevity and Goodera have a default account, Workday has none."""
    return {
        "DATABASE_URL": database.url.render_as_string(hide_password=False),
        "IMPACT_IN_SECRET_KEY": Fernet.generate_key().decode(),
        "BENEVITY_API_URL": "http://127.0.0.1:1",
        "BENEVITY_API_KEY": "key",
        "GOODERA_API_URL": "http://127.0.0.1:1",
        "GOODERA_API_KEY": "key",
        "GOODERA_ORGANIZATION_ID": "one-for-all",
        "COLUMNS": "100",
    }


@pytest.fixture
def cli(
    engine: Engine,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Cli]:
    """`impact-in schedules …` in this process, with a company acme in Oslo."""
    CompanyStore(engine).add("acme", name="Acme", timezone="Europe/Oslo")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    get_settings.cache_clear()

    def call(*words: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["impact-in", "schedules", *words])
        with pytest.raises(SystemExit) as left:
            main()
        captured = capsys.readouterr()
        code = left.value.code
        return Said(code if isinstance(code, int) else 0, captured.out, captured.err)

    yield call
    get_settings.cache_clear()


def create(cli: Cli, *words: str) -> str:
    """The id of a new schedule."""
    said = cli("create", "acme", "benevity", *words, "--json")
    assert said.code == 0, said.err
    return str(said.data["id"])


def test_create_takes_the_companys_zone_and_shows_the_next_five_fires(cli: Cli) -> None:
    """Local time, UTC and the days reported on, before anything has gone out."""
    said = cli("create", "acme", "benevity", "daily")
    assert said.code == 0
    assert "acme → Benevity: Every day at 00:00, Europe/Oslo" in said.out
    head, *fires = said.out.splitlines()[2:]
    assert head.split() == ["Europe/Oslo", "UTC", "reports", "on"]
    assert len(fires) == 5
    assert all(" 00:00 CE" in line for line in fires)


def test_every_option_of_create_reaches_the_schedule(cli: Cli) -> None:
    """As `show --json` tells it."""
    id_ = create(
        cli,
        *("30 8 * * 1-5", "--timezone", "Europe/Berlin", "--holidays", "de-BY"),
        *("--holiday-policy", "next_business_day", "--extra-holiday", "2026-12-24"),
        *(
            "--extra-holiday",
            "2026-12-31",
            "--window",
            "09:00-17:30",
            "--window-days",
            "mon-thu,fri",
        ),
        *("--catch-up", "all", "--catch-up-limit", "7", "--spread", "3", "--paused"),
    )
    data = cli("show", id_, "--json").data
    expected = {
        "company": "acme",
        "platform": "benevity",
        "schedule": "30 8 * * 1-5",
        "description": "At 08:30, Monday through Friday",
        "timezone": "Europe/Berlin",
        "holidayCalendar": "DE-BY;policy=next_business_day;extra=2026-12-24,2026-12-31",
        "windowStart": "09:00:00",
        "windowEnd": "17:30:00",
        "windowDays": [1, 2, 3, 4, 5],
        "catchUp": "all",
        "catchUpLimitDays": 7,
        "spreadMinutes": 3,
        "active": False,
        "pausedReason": "created paused",
        "nextRun": None,
        "deliveries": [],
    }
    assert {name: data[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (("create", "nobody", "benevity", "daily"), 1, "no company 'nobody'"),
        (("create", "acme", "workday", "daily"), 2, "no usable connection to Workday"),
        (("create", "acme", "benevity", "0 25 * * *"), 2, "hour '25' isn't valid"),
        (("create", "acme", "benevity", "daily", "--timezone", "Oslo"), 2, "time zone 'Oslo'"),
        (("create", "acme", "benevity", "daily", "--window", "8-18"), 2, "--window '8-18' must be"),
        (("create", "acme", "benevity", "daily", "--window-days", "mon"), 2, "needs a window"),
        (
            (
                "create",
                "acme",
                "benevity",
                "daily",
                "--window",
                "08:00-18:00",
                "--window-days",
                "x",
            ),
            2,
            "--window-days 'x' must be of mon, tue",
        ),
        (("create", "acme", "benevity", "daily", "--holidays", "XX"), 2, "country 'XX'"),
        (
            ("create", "acme", "benevity", "daily", "--holiday-policy", "skip"),
            2,
            "needs a calendar",
        ),
        (("create", "acme", "benevity", "daily", "--extra-holiday", "24.12."), 2, "isn't a date"),
        (("show", "12345678"), 1, "no schedule 12345678; see: impact-in"),
        (("show", "nightly"), 2, "schedule id 'nightly' must be an id"),
        (("preview", "nightly"), 2, "isn't a five-field cron"),
        (("preview", "daily", "--from", "noon"), 2, "--from 'noon' must be a date or time"),
        (("plan", "--chart", "load.pdf"), 2, "must end with .png or .svg"),
    ],
)
def test_bad_input_is_one_line_that_names_what_is_wrong(
    cli: Cli, words: tuple[str, ...], code: int, line: str
) -> None:
    """On standard error, exit code 1 for what isn't there and 2 for wrong usage."""
    said = cli(*words)
    assert (said.code, said.out) == (code, "")
    assert line in said.err
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("columns", ["60", "80", "100", "130"])
def test_the_list_fits_the_terminal(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    """Ids, times and zones are never broken over lines, and the status is there to be read."""
    monkeypatch.setenv("COLUMNS", columns)
    assert "impact-in schedules create" in cli("list").out
    id_ = create(cli, "30 8 * * 1-5")
    out = cli("list", "--company", "acme", "--platform", "benevity").out
    assert max(len(line.rstrip()) for line in out.splitlines()) <= int(columns)
    assert id_[:8] in out
    assert "08:30 CE" in out
    assert "Europe/Oslo" in out
    assert "active" in out
    cli("pause", id_, "--reason", "the customer asked us to wait until their new account is open")
    paused = " ".join(cli("list").out.split())
    assert "paused: the" in paused
    assert "is open" in paused
    assert cli("list", "--platform", "goodera", "--json").data == []


def test_update_keeps_what_was_not_named(cli: Cli) -> None:
    """A new policy keeps the country, new days keep the hours; `none` takes a part off."""
    id_ = create(cli, "daily", "--holidays", "NO", "--window", "08:00-18:00")
    data = cli(
        *("update", id_[:6], "--holiday-policy", "previous_business_day"),
        *("--window-days", "mon-fri", "--cron", "weekly", "--json"),
    ).data
    assert data["holidayCalendar"] == "NO;policy=previous_business_day"
    assert (data["windowStart"], data["windowDays"]) == ("08:00:00", [1, 2, 3, 4, 5])
    assert data["schedule"] == "0 0 * * 0"
    data = cli("update", id_, "--holidays", "none", "--window", "none", "--json").data
    assert (data["holidayCalendar"], data["windowStart"]) == (None, None)
    nothing = cli("update", id_)
    assert (nothing.code, "nothing to change" in nothing.err) == (2, True)


def test_pause_shows_its_reason_and_resume_takes_it_away(cli: Cli) -> None:
    """A reason is required, and shown as it was typed."""
    id_ = create(cli, "daily")
    assert cli("pause", id_).code == 2
    said = cli("pause", id_, "--reason", "account [locked]")
    assert (said.code, "account [locked]" in said.out) == (0, True)
    assert "[locked]" in cli("list").out
    assert "if it were resumed now" in cli("show", id_).out
    assert cli("show", id_, "--json").data["pausedReason"] == "account [locked]"
    assert "Active: acme" in cli("resume", id_).out
    assert "Active already: acme" in cli("resume", id_).out
    assert cli("show", id_, "--json").data["active"] is True


def test_days_left_out_at_a_resume_are_named_with_the_command_that_sends_them(
    cli: Cli, engine: Engine
) -> None:
    """On standard error, since somebody has to act on it."""
    id_ = create(cli, "daily", "--catch-up", "none")
    cli("pause", id_, "--reason", "why")
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE scheduled_deliveries SET fired_until = fired_until - interval '5 days', "
                "covered_until = covered_until - 5"
            )
        )
    said = cli("resume", id_)
    assert said.code == 0
    assert "(5 days) fell into the pause" in said.err
    assert "impact-in deliver --platform benevity --company acme --from" in said.err


def test_run_now_and_delete_say_what_becomes_of_deliveries(cli: Cli) -> None:
    """The delivery is listed with its schedule until the schedule is gone."""
    id_ = create(cli, "daily")
    assert "Planned: acme → Benevity, delivery " in cli("run-now", id_).out
    assert "pending" in cli("show", id_).out
    said = cli("delete", id_)
    assert "1 planned delivery cancelled" in said.out
    assert cli("show", id_).code == 1


def test_preview_of_a_cron_that_is_not_saved_tells_what_a_calendar_does(cli: Cli) -> None:
    """Easter Sunday is dropped, its week goes to the next fire; the local offset changes."""
    words = ("weekly", "--timezone", "Europe/Oslo", "--holidays", "NO", "--from", "2026-03-27")
    said = cli("preview", *words, "--count", "3")
    assert said.code == 0
    assert "Easter Sunday; the next delivery covers its period" in " ".join(said.out.split())
    fires = cli("preview", *words, "--count", "3", "--json").data["fires"]
    assert [fire["local"] for fire in fires] == [
        "2026-03-29T00:00:00+01:00",
        "2026-04-05T00:00:00+02:00",
        "2026-04-12T00:00:00+02:00",
    ]
    assert [fire["dropped"] for fire in fires] == [False, True, False]
    assert (fires[2]["periodStart"], fires[2]["periodEnd"]) == ("2026-03-29", "2026-04-11")


def test_preview_of_a_saved_schedule_can_try_a_change(cli: Cli) -> None:
    """Nothing is written."""
    id_ = create(cli, "daily")
    fires = cli("preview", id_[:5], "--window", "08:00-09:00", "--count", "2", "--json").data[
        "fires"
    ]
    assert {datetime.fromisoformat(fire["local"]).hour for fire in fires} == {8}
    assert cli("show", id_, "--json").data["windowStart"] is None


def test_preview_needs_no_database(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cron can be tried before anything is set up."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    get_settings.cache_clear()
    assert cli("preview", "daily").code == 0
    assert cli("list").code == 1


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


def test_the_same_schedule_again_is_made_with_a_hint(cli: Cli) -> None:
    """Whoever repeats a command should hear of it; a schedule that differs is no twin."""
    first = create(cli, "daily", "--timezone", "Europe/Oslo")
    other = cli("create", "acme", "benevity", "daily", "--timezone", "UTC")
    again = cli("create", "acme", "benevity", "0 0 * * *", "--timezone", "Europe/Oslo", "--json")
    assert "note:" not in other.err
    assert f"had the same schedule already ({first[:8]})" in again.err
    assert f"impact-in schedules delete {again.data['id'][:8]}" in again.err
    assert (again.code, again.err.count("\n")) == (0, 1)


def test_a_reason_that_holds_for_every_fire_says_so(cli: Cli) -> None:
    """It stands below the first one only."""
    said = cli("preview", "daily", "--spread", "7", "--count", "3").out
    assert said.count("spread the load") == 1
    assert "so for every fire" in " ".join(said.split())


def test_fires_moved_for_one_reason_share_its_line(cli: Cli) -> None:
    """Each stands at the time it was moved to, so the reason needs no date and isn't told five times."""
    said = cli("preview", "0 9 * * *", "--window", "10:00-18:00", "--count", "3").out
    assert said.count("outside the window") == 1
    assert "moved: outside the window 10:00-18:00; so for every fire" in " ".join(said.split())


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
