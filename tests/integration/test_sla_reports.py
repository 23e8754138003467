"""Reports from the log, and `impact-in sla` on a test's own database."""

import csv
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from impact_in_pipelines.db.accounts.companies import Company, CompanyStore
from impact_in_pipelines.db.engine import Database
from impact_in_pipelines.db.sla.reports import SlaReports
from impact_in_pipelines.errors import NotFound
from impact_in_pipelines.settings import read_settings
from impact_in_pipelines.sla.reports.rendering import render_html
from impact_in_pipelines.sla.windows import ReportPeriod, last_complete, midnight, period_of

from .cli_harness import Cli
from .sla_logs import NOW, Log, Row

WEEK = last_complete(ReportPeriod.WEEKLY, NOW)
MONDAY = WEEK.start.date()
WEEKLY = ReportPeriod.WEEKLY


@pytest.fixture
def log(database: Database) -> Log:
    """Two companies: acme with trouble of several kinds in the week before, good without any."""
    made = Log(database.engine)
    acme, good = made.company("acme"), made.company("good")
    hour = timedelta(hours=1)
    at = WEEK.start + 9 * hour
    minute = timedelta(minutes=1)
    made.write(Row(good, at + n * minute, late=timedelta(seconds=2)) for n in range(50))
    made.write(Row(acme, at + n * minute) for n in range(90))
    made.write(
        Row(
            acme,
            at + n * minute,
            "failed",
            "goodera",
            attempts=1,
            failed_after=minute,
            error_kind="authentication",
            http_status=401,
            last_error="the platform answered 401",
        )
        for n in range(4)
    )
    made.write(
        Row(acme, at + n * hour, "failed", attempts=4, error_kind="server_error") for n in range(3)
    )
    made.write(
        # Failed and brought through by a replay: it stays a failure, and its error has gone from the row.
        [Row(acme, at + 30 * hour, failed_after=hour, took=5 * hour, attempts=2, late=minute)]
    )
    made.write(Row(acme, at - n * timedelta(days=7)) for n in (1, 2, 3))
    return made


def reports(log: Log) -> SlaReports:
    return SlaReports(log.engine, read_settings({}))


def company(log: Log, slug: str) -> Company:
    return CompanyStore(log.engine).find(slug)


def test_a_weekly_report_says_what_happened(log: Log) -> None:
    """Rates, causes with their companies, what a replay recovered, trend, days, budget."""
    made = reports(log).generate_weekly_sla_report(company(log, "acme"), WEEK, now=NOW)

    facts = made["facts"]
    metrics = facts["overall"]["metrics"]
    assert (metrics["due"], metrics["failed"], metrics["recovered"]) == (98, 8, 1)
    assert facts["overall"]["state"] == "breach"
    assert [
        (c["platform"], c["errorKind"], c["deliveries"], c["recovered"]) for c in facts["causes"]
    ] == [
        ("goodera", "authentication", 4, 0),
        ("benevity", "server_error", 3, 0),
        ("benevity", "unknown", 1, 1),
    ]
    assert facts["causes"][0]["example"] == "the platform answered 401"
    trend = {point["startsOn"]: point["due"] for point in facts["trend"]}
    assert len(trend) == 9
    assert trend[MONDAY.isoformat()] == 98
    assert trend[(MONDAY - timedelta(days=7)).isoformat()] == 1
    assert sum(day["successful"] for day in facts["days"]) == 90
    assert sum(facts["latencyBuckets"]) == 90
    assert facts["budget"]["errors"] == 8
    rules = [one["rule"] for one in made["recommendations"]]
    assert rules[0] == "renew_credential"
    assert {"call_platform", "protect_budget", "replay_failed"} <= set(rules)


def test_a_recovered_failures_cause_is_its_last_failed_attempts(log: Log) -> None:
    """The row says nothing of it any more, the attempts do."""
    log.one(
        """UPDATE delivery_attempts SET error_kind = 'rejected', error = 'unknown dimension',
               http_status = 422
           WHERE number = 1 AND delivery_id IN (SELECT id FROM impact_deliveries
                                                WHERE failed_at IS NOT NULL AND status = 'success')"""
    )

    made = reports(log).generate_weekly_sla_report(company(log, "acme"), WEEK, now=NOW)

    [cause] = [c for c in made["facts"]["causes"] if c["recovered"]]
    assert (cause["errorKind"], cause["httpStatus"]) == ("rejected", 422)
    assert cause["example"] == "unknown dimension"


def test_reports_on_all_and_on_each_are_made_in_one_go(log: Log) -> None:
    """The one on all names the worst company; each company's own says nothing of the others."""
    overall = reports(log).generate_all(WEEKLY, WEEK, now=NOW)

    assert overall["facts"]["overall"]["metrics"]["due"] == 148
    assert [line["company"] for line in overall["facts"]["companies"]] == ["acme"]
    good = reports(log).stored(company(log, "good"), WEEKLY, MONDAY)
    assert good["facts"]["overall"]["metrics"]["due"] == 50
    assert [one["rule"] for one in good["recommendations"]] == ["nothing_to_do"]
    assert "acme" not in str(good)


def test_a_report_made_again_replaces_the_one_there_was(log: Log) -> None:
    """After a late retry the same week says more."""
    maker, acme = reports(log), company(log, "acme")
    maker.generate_weekly_sla_report(acme, WEEK, now=NOW)
    log.write([Row(acme.id, WEEK.start + timedelta(hours=20))], updated_at=NOW)

    maker.generate_weekly_sla_report(acme, WEEK, now=NOW + timedelta(minutes=1))

    assert maker.stored(acme, WEEKLY, MONDAY)["facts"]["overall"]["metrics"]["due"] == 99
    assert [(r.period, r.starts_on) for r in maker.listed(acme)] == [(WEEKLY, MONDAY)]


def test_a_monthly_report_covers_the_calendar_month(log: Log) -> None:
    """Of the first of March to the last, in UTC; the trend goes by months."""
    month = period_of(ReportPeriod.MONTHLY, date(2026, 3, 1))

    made = reports(log).generate_monthly_sla_report(company(log, "acme"), month, now=NOW)

    assert made["window"]["start"][:10] == "2026-03-01"
    assert len(made["facts"]["days"]) == 31
    assert [p["startsOn"] for p in made["facts"]["trend"]][-2:] == ["2026-02-01", "2026-03-01"]


def test_a_report_that_isnt_there_says_how_to_make_it(log: Log) -> None:
    """One line with the command."""
    with pytest.raises(NotFound, match="impact-in sla report --period weekly --start 2026-01-05"):
        reports(log).stored(None, WEEKLY, date(2026, 1, 5))


def test_incidents_and_maintenance_of_the_period_are_in_it(log: Log) -> None:
    """With their durations; those of other companies, or before the period, are not."""
    acme, good = company(log, "acme"), company(log, "good")
    insert = """INSERT INTO incidents (company_id, platform, type, severity, opened_at, closed_at)
                VALUES (:company, 'goodera', :type, 'critical', :opened, :closed)"""
    hour = timedelta(hours=1)
    log.one(
        insert,
        company=acme.id,
        type="success_rate",
        opened=WEEK.start + hour,
        closed=WEEK.start + 3 * hour,
    )
    log.one(insert, company=acme.id, type="latency", opened=WEEK.end - hour, closed=None)
    log.one(insert, company=good.id, type="latency", opened=WEEK.start, closed=WEEK.end)
    log.one(
        insert,
        company=acme.id,
        type="overdue",
        opened=WEEK.start - 5 * hour,
        closed=WEEK.start - hour,
    )
    log.one(
        """INSERT INTO maintenance_windows (platform, starts_at, ends_at, reason, created_by)
           VALUES ('workday', :start, :end, 'yearly upgrade', 'kari')""",
        start=WEEK.start,
        end=WEEK.start + hour,
    )

    facts = reports(log).generate_weekly_sla_report(acme, WEEK, now=NOW)["facts"]

    assert [(i["type"], i["durationMs"]) for i in facts["incidents"]] == [
        ("success_rate", 2 * 3_600_000),
        ("latency", (NOW - WEEK.end + hour) / timedelta(milliseconds=1)),
    ]
    assert [m["reason"] for m in facts["maintenance"]] == ["yearly upgrade"]


def test_a_minute_at_which_first_attempts_start_late_is_to_be_spread(log: Log) -> None:
    """Three days at midnight, four minutes late on average."""
    acme = company(log, "acme")
    log.write(
        Row(
            acme.id,
            WEEK.start + timedelta(days=n),
            platform="workday",
            late=timedelta(minutes=n + 3),
        )
        for n in range(3)
    )

    made = reports(log).generate_weekly_sla_report(acme, WEEK, now=NOW)

    [spread] = [one for one in made["recommendations"] if one["rule"] == "spread_minute"]
    assert spread["where"] == "Workday, 00:00 UTC"
    assert "4 min late on average, the last one 5 min" in spread["seen"]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, database: Database) -> Cli:
    return Cli(monkeypatch, database)


def test_the_command_shows_a_status(log: Log, cli: Cli) -> None:
    """For people as tables, for programs as one document with the API's names."""
    words = ("sla", "status", "acme", "--start", MONDAY.isoformat(), "--end", str(WEEK.end.date()))

    text = cli.good(*words).out
    document = cli.good(*words, "--json").json

    assert "breach" in text
    assert "91.84 %" in text
    assert document["overall"]["slaStatus"] == "breach"
    assert document["overall"]["metrics"]["due"] == 98
    assert [p["platform"] for p in document["byPlatform"]] == ["benevity", "goodera"]


def test_the_command_writes_a_report_in_every_form(log: Log, cli: Cli, tmp_path: Path) -> None:
    """A page that loads nothing, a CSV with a line per company and platform, JSON, and text."""
    words = ("sla", "report", "--start", MONDAY.isoformat())
    page = tmp_path / "report.html"

    cli.good(*words, "--format", "html", "--output", str(page))
    lines = list(csv.DictReader(StringIO(cli.good(*words, "--format", "csv").out)))
    document: Any = cli.good(*words, "--json").json
    text = cli.good(*words).out

    html = page.read_text("utf-8")
    assert html.startswith("<!doctype html>")
    assert not [
        word
        for word in ("http://", "https://", "src=", "<script")
        if word in html.replace("http://www.w3.org/2000/svg", "")
    ]
    assert [(line["company"], line["platform"]) for line in lines] == [
        *(("all", "all"), ("all", "benevity"), ("all", "goodera")),
        *(("acme", "all"), ("acme", "benevity"), ("acme", "goodera")),
        *(("good", "all"), ("good", "benevity")),
    ]
    assert lines[3]["successful"] == "90"
    assert document["facts"]["overall"]["metrics"]["due"] == 148
    assert "What to do" in text


def test_the_command_sets_shows_and_clears_thresholds(log: Log, cli: Cli) -> None:
    """A company's own number is in force for it, and gone when cleared."""
    words = ("sla", "thresholds", "acme")

    cli.good(*words, "--set", "latency_target_ms=600000")

    assert cli.good(*words, "--json").json["inForce"]["latencyTargetMs"] == 600_000
    cli.good(*words, "--clear")
    assert cli.good(*words, "--json").json["inForce"]["latencyTargetMs"] == 300_000


@pytest.mark.parametrize(
    "words",
    [
        ("status", "nobody"),
        ("status", "--start", "yesterday"),
        ("status", "--start", "2026-03-02", "--end", "2026-03-01"),
        ("report", "--start", "last week"),
        ("report", "--start", "2999-01-01"),
        ("thresholds", "--set", "latency_target_ms=1"),
        ("thresholds", "acme", "--set", "latency_target_ms"),
        ("thresholds", "acme", "--set", "a=1", "--clear"),
    ],
)
def test_bad_input_is_one_line(log: Log, cli: Cli, words: tuple[str, ...]) -> None:
    """That names what is wrong."""
    cli.refused("sla", *words)


def test_texts_from_outside_are_escaped_in_the_page(log: Log) -> None:
    """An error text is a platform's, a name a customer's: neither is markup."""
    log.one("UPDATE companies SET name = '<b>Acme</b>' WHERE slug = 'acme'")
    log.one("UPDATE impact_deliveries SET last_error = '<img src=x>' WHERE last_error IS NOT NULL")

    html = render_html(reports(log).generate_weekly_sla_report(company(log, "acme"), WEEK, now=NOW))

    assert "<b>Acme" not in html
    assert "<img" not in html
    assert "&lt;b&gt;Acme&lt;/b&gt;" in html


def test_a_week_of_nothing_is_a_report_too(log: Log) -> None:
    """Healthy, without rates, and it can be rendered."""
    window = period_of(WEEKLY, date(2025, 6, 2))

    made = reports(log).generate_weekly_sla_report(company(log, "acme"), window, now=NOW)

    assert made["facts"]["overall"]["state"] == "healthy"
    assert "Nothing was due" in render_html(made)
    assert midnight(date(2025, 6, 2)).isoformat() == made["window"]["start"]
