"""`impact-in incidents` and `impact-in maintenance`, on the real command line."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from impact_in_pipelines.db.engine import Database
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sandbox.server import Sandbox

from .alert_worlds import AlertWorld, alert_world
from .cli_harness import Cli


@pytest.fixture
def made(database: Database, sandbox: Sandbox) -> Iterator[AlertWorld]:
    """c-1 on Goodera: 97 of 100 arrived, and somebody has looked; the clock is the wall's."""
    with alert_world(database.url, sandbox) as alerts:
        alerts.world.clock.now = datetime.now(UTC)
        (company,) = alerts.world.companies()
        alerts.settled(company, Platform.GOODERA, arrived=97, failed=3)
        yield alerts


@pytest.fixture
def cli(database: Database, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command line on the test's database."""
    return Cli(monkeypatch, database)


def test_the_overview_warns_of_refused_alerts(cli: Cli, made: AlertWorld) -> None:
    """On standard error, in words: whoever looks there is the first to hear of it. `doctor` counts alike."""
    made.watch()
    made.world.sandbox.client.add_fault("slack", "unauthorized")
    made.alerts.send()

    shown = cli.good("overview")
    assert "warning: 1 alert waits on slack since" in shown.err
    assert "it takes none: Slack answered HTTP 40" in shown.err
    assert cli.good("overview", "--json").json["refusedAlerts"][0]["waiting"] == 1


def listed(cli: Cli, *words: str) -> list[dict[str, Any]]:
    """The incidents that `incidents list` shows."""
    found: list[dict[str, Any]] = cli.good("incidents", "list", *words, "--json").json["incidents"]
    return found


def test_open_incidents_are_listed(cli: Cli, made: AlertWorld) -> None:
    """With level, whom, the fact and what waits to be sent."""
    made.watch()

    (incident,) = listed(cli)
    assert incident["type"] == "success_rate"
    assert (incident["company"], incident["platform"], incident["level"]) == ("c-1", "goodera", 2)
    assert incident["state"] == "open"
    shown = cli.good("incidents", "list").out
    assert "97.0" in shown
    assert "1 alert waits to be sent on slack since" in shown
    assert listed(cli, "--company", "c-1", "--platform", "goodera") == [incident]
    assert listed(cli, "--platform", "workday") == []


def test_it_fits_a_terminal_of_80_columns(
    cli: Cli, made: AlertWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is paged reads it on whatever is at hand: no word is broken, and it says where to begin."""
    monkeypatch.setenv("COLUMNS", "80")
    made.watch()

    lines = cli.good("incidents", "list").out.splitlines()
    assert "c-1 on Goodera  level 2, SLA breach" in lines[0]
    assert lines[1].strip() == "success rate: 97.00 %, threshold 98 %"
    assert lines[2].strip().endswith("UTC, open")
    first = (
        "impact-in deliveries list --company c-1 --platform goodera --status failed --status missed"
    )
    assert first in lines[3]
    shown = cli.good(*first.split()[1:]).out
    assert "3 failed. Why: impact-in deliveries show" in shown


def test_a_critical_one_that_pages_nobody_says_both(cli: Cli, made: AlertWorld) -> None:
    """The overview counts it as critical, its level is a warning's: that looked like a contradiction."""
    made.watch()
    quiet = "UPDATE incidents SET paged = false, details = details || '{\"pages\": false}'"
    made.world.execute(quiet)

    assert "Open incidents: 1 critical, 0 warning" in cli.good("overview").out
    shown = " ".join(cli.good("incidents", "list").out.split())
    assert "c-1 on Goodera level 1, warning" in shown
    assert "threshold 98 %, which is critical but pages nobody" in shown


def test_the_sla_fits_a_terminal_of_80_columns(
    cli: Cli, made: AlertWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A column for each platform, a line for each measure: numbers are never folded."""
    monkeypatch.setenv("COLUMNS", "80")

    shown = cli.good("sla", "status", "c-1", "--start", "2020-01-01").out.splitlines()
    lines = [line.split() for line in shown]
    assert ["all", "Goodera"] in lines
    assert ["Failed", "for", "good", "3", "3"] in lines
    assert ["Success", "rate", "97.00", "%", "97.00", "%"] in lines
    assert all(len(line) <= 80 for line in shown if not line.startswith("Error budget"))
    assert shown[-1].endswith("overspent")


def test_nothing_wrong_is_said_in_words(cli: Cli, made: AlertWorld) -> None:
    """An empty list must not look like a failure."""
    assert "No open incidents" in cli.good("incidents", "list").out
    assert cli.good("incidents", "list", "--json").json == {"incidents": [], "waiting": []}


def test_closed_incidents_are_there_for_whoever_asks(cli: Cli, made: AlertWorld) -> None:
    """`--all`."""
    made.watch()
    made.world.execute("UPDATE incidents SET closed_at = now()")

    assert listed(cli) == []
    (incident,) = listed(cli, "--all")
    assert incident["state"].startswith("closed ")


def test_acknowledging_by_the_first_characters(cli: Cli, made: AlertWorld) -> None:
    """Once; the second one hears who was first."""
    made.watch()
    (incident,) = listed(cli)

    ran = cli.good("incidents", "ack", incident["id"][:8], "--by", "ola")
    assert ran.out == "ola is on it: c-1 on Goodera, 97.00 %, threshold 98 %\n"
    assert listed(cli)[0]["acknowledgedBy"] == "ola"
    refused = cli.refused("incidents", "ack", incident["id"][:8], "--by", "kari")
    assert "is acknowledged by ola" in refused.err


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [("zz", 2, "can't be an id"), ("abcdef12", 1, "no incident 'abcdef12'")],
)
def test_an_incident_that_is_not_there(
    cli: Cli, made: AlertWorld, text: str, code: int, said: str
) -> None:
    """One line that says what would help."""
    ran = cli.refused("incidents", "ack", text)
    assert (ran.code, said in ran.err) == (code, True)


def test_a_window_from_now_on_mutes_and_its_end_tells(cli: Cli, made: AlertWorld) -> None:
    """Added, listed, ended; the incident says why it is quiet."""
    ran = cli.good(
        *("maintenance", "add", "--platform", "goodera", "--for", "2h"),
        *("--reason", "upgrade", "--by", "ola", "--json"),
    )
    assert (ran.json["platform"], ran.json["createdBy"]) == ("goodera", "ola")
    made.watch()
    assert "muted: maintenance until" in listed(cli)[0]["state"]
    shown = " ".join(cli.good("maintenance", "list").out.split())
    assert "Goodera" in shown
    assert "upgrade" in shown

    cli.good("maintenance", "end", ran.json["id"][:8], "--by", "kari")

    assert "No maintenance window is open" in cli.good("maintenance", "list").out
    (past,) = cli.good("maintenance", "list", "--all", "--json").json
    assert past["endedBy"] == "kari"
    made.watch()
    assert listed(cli)[0]["state"] == "open"
    assert "is over already" in cli.refused("maintenance", "end", ran.json["id"]).err


def test_a_window_of_a_company_with_instants(cli: Cli, made: AlertWorld) -> None:
    """Any offset; kept as UTC."""
    day = datetime.now(UTC).date() + timedelta(days=1)
    ran = cli.good(
        *("maintenance", "add", "--company", "c-1", "--from", f"{day}T08:00+02:00"),
        *("--to", f"{day}T10:00Z", "--reason", "moving", "--json"),
    )
    assert ran.json["startsAt"] == f"{day}T06:00:00+00:00"
    assert ran.json["endsAt"] == f"{day}T10:00:00+00:00"
    assert (ran.json["company"], ran.json["platform"]) == ("c-1", None)
    assert ran.json["createdBy"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--for", "2h"], "a maintenance window is a company's"),
        (["--platform", "goodera"], "say when it ends"),
        (["--platform", "goodera", "--for", "2h", "--to", "2099-01-01T00:00Z"], "say when it ends"),
        (["--platform", "goodera", "--for", "soon"], "--for must be a span such as 90m"),
        (["--platform", "goodera", "--for", "0h"], "--for must be a span such as 90m"),
        (["--platform", "goodera", "--to", "2099-01-01T00:00"], "--to must be an instant"),
        (["--platform", "goodera", "--to", "2020-01-01T00:00Z"], "before it starts"),
        (
            ["--platform", "goodera", "--from", "2020-01-01T00:00Z", "--for", "1h"],
            "over already",
        ),
        (["--company", "nobody", "--for", "2h"], "no company 'nobody'"),
        (["--platform", "goodera", "--for", "2h", "--reason", " "], "the reason is empty"),
    ],
)
def test_windows_that_make_no_sense(
    cli: Cli, made: AlertWorld, words: list[str], said: str
) -> None:
    """One line that names what is wrong."""
    ran = cli.refused("maintenance", "add", "--reason", "upgrade", *words)
    assert said in ran.err


def test_a_note_is_shown_with_what_happened(cli: Cli, made: AlertWorld) -> None:
    """`incidents note` keeps it, `incidents show` tells it among opening and notices."""
    made.watch()
    (one,) = listed(cli)
    cli.good("incidents", "note", one["id"][:8], "They renew the key.", "--by", "kari")
    found = cli.good("incidents", "show", one["id"][:8], "--json").json
    # The watch's clock is ahead of the command's: only what is there is held, not its order.
    assert ("note", "kari") in [(event["kind"], event["by"]) for event in found["history"]]
    said = cli.good("incidents", "show", one["id"][:8]).out
    assert "note by kari: They renew the key." in said
