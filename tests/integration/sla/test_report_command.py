"""`impact-in sla` on a test's own database."""

import csv
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from impact_in_pipelines.db.engine import Database
from impact_in_pipelines.sla.reports.rendering import render_html
from impact_in_pipelines.sla.windows import ReportPeriod
from integration.cli_harness import Cli

from .logs import NOW, Log
from .weeks import MONDAY, WEEK, company, reports


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, database: Database) -> Cli:
    return Cli(monkeypatch, database)


def test_the_command_shows_a_status(log: Log, cli: Cli) -> None:
    """For people as tables, for programs as one document with the API's names."""
    words = ("sla", "status", "acme", "--start", MONDAY.isoformat(), "--end", str(WEEK.end.date()))

    text = cli.good(*words).out
    document = cli.good(*words, "--json").json

    assert "breach" in text
    assert "91.83 %" in text
    assert document["overall"]["slaStatus"] == "breach"
    assert document["overall"]["dueDeliveries"] == 98
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
    assert document["overall"]["dueDeliveries"] == 148
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

    html = render_html(reports(log).make(company(log, "acme"), ReportPeriod.WEEKLY, WEEK, now=NOW))

    assert "<b>Acme" not in html
    assert "<img" not in html
    assert "&lt;b&gt;Acme&lt;/b&gt;" in html
