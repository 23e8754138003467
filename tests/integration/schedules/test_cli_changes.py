"""`impact-in schedules`: what each change prints, its JSON and its exit codes."""

import pytest
from sqlalchemy import Engine, text

from .commands import Cli, create


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
        (("preview", "nightly"), 2, "doesn't have five fields"),
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


def test_the_same_schedule_again_is_made_with_a_hint(cli: Cli) -> None:
    """Whoever repeats a command should hear of it; a schedule that differs is no twin."""
    first = create(cli, "daily", "--timezone", "Europe/Oslo")
    other = cli("create", "acme", "benevity", "daily", "--timezone", "UTC")
    again = cli("create", "acme", "benevity", "0 0 * * *", "--timezone", "Europe/Oslo", "--json")
    assert "note:" not in other.err
    assert f"had the same schedule already ({first[:8]})" in again.err
    assert f"impact-in schedules delete {again.data['id'][:8]}" in again.err
    assert (again.code, again.err.count("\n")) == (0, 1)
