"""Analytics of a company and of all, through the service and every written form."""

import csv
import json
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from factories import copied_database
from sqlalchemy import URL

from impact_in_pipelines.analytics.model import Grain, points_of
from impact_in_pipelines.analytics.written.rendering import render_html, render_markdown
from impact_in_pipelines.analytics.written.tables import render_csv
from impact_in_pipelines.db.engine import Database, make_engine
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.services.analytics import about, analytics
from impact_in_pipelines.settings import read_settings
from impact_in_pipelines.sla.windows import midnight
from integration.cli_harness import Cli
from integration.sla.logs import NOW, TODAY, Log, Row

from .tries import attempt, write_attempts

PRICES = {"API_CALL_PRICES": "benevity=2; goodera=10", "API_CALL_CURRENCY": "NOK"}


SPAN = 14
BUSY = midnight(TODAY - timedelta(days=40))


@pytest.fixture(scope="module")
def opened(postgres_url: URL, template: str) -> Iterator[Database]:
    """Four weeks of two companies: `acme` sends hourly to Benevity, which fails a third of the calls in the
    afternoon, and in batches of ten to Goodera; `other` sends once a day to Workday. `busy` sent sixty times
    in each hour of a day long before, and `quiet` never."""
    with copied_database(postgres_url, template) as url:
        database = Database(url=url, engine=make_engine(url), embedded=True)
        _fill(Log(database.engine))
        yield database
        database.close()


@pytest.fixture
def runtime(opened: Database) -> Runtime:
    return Runtime(read_settings(PRICES), database=opened, clock=lambda: NOW)


def _fill(log: Log) -> None:
    rng = random.Random(3)
    acme, other, busy, _ = (log.company(slug) for slug in ("acme", "other", "busy", "quiet"))
    log.one("UPDATE companies SET name = 'Acme <b>' WHERE slug = 'acme'")
    log.one("UPDATE companies SET timezone = 'Asia/Kolkata' WHERE slug = 'busy'")
    rows, tries = [], []

    def call(row: Row, ms: float, *, fails: bool = False) -> None:
        rows.append(row)
        outcome, kind = ("retryable", "timeout") if fails else ("delivered", None)
        tries.append(attempt(row, 1, row.at, outcome, ms, kind))

    for n in range(2 * SPAN * 24):
        at = NOW - timedelta(hours=n + 1)
        bad = _is_bad(at, rng)
        took = timedelta(seconds=rng.random() * 90)
        row = Row(acme, at, "failed" if bad else "success", took=took)
        call(row, rng.lognormvariate(5, 0.4), fails=bad)
        if at.hour == 3:
            call(Row(other, at, platform="workday", took=timedelta(minutes=9)), 700.0)
            for _ in range(10):
                call(Row(acme, at, platform="goodera"), 300.0)
    for n in range(24 * 60):
        at = BUSY + timedelta(minutes=n)
        bad = _is_bad(at, rng)
        call(Row(busy, at, "failed" if bad else "success"), 150.0, fails=bad)
    log.write(rows)
    write_attempts(log, tries)
    log.rollup.roll_up(sorted({row.day for row in rows}), NOW)


def _is_bad(at: datetime, rng: random.Random) -> bool:
    return 12 <= at.hour < 18 and rng.random() < 0.33


def test_analytics_of_all_compare_platforms_hours_and_companies(runtime: Runtime) -> None:
    """Every figure by hand: two weeks up to noon of today."""
    found = about(runtime, None, SPAN)

    hours = (SPAN - 1) * 24 + 12
    by_platform = {one["platform"]: one for one in found["platforms"]}
    assert (found["from"], found["to"]) == ("2026-02-25", "2026-03-10")
    assert (
        by_platform["benevity"]["requests"] == by_platform["benevity"]["plannedDeliveries"] == hours
    )
    assert by_platform["goodera"]["requests"] == SPAN
    assert by_platform["goodera"]["savedRequests"] == 9 * SPAN
    assert by_platform["workday"]["onTimeRate"] == 0
    assert by_platform["workday"]["avgLatencyMs"] == 540_000
    assert by_platform["goodera"]["p50AnswerMs"] == pytest.approx(300, rel=0.05)
    failed = by_platform["benevity"]["failedDeliveries"]
    assert by_platform["benevity"]["errors"] == [{"kind": "timeout", "requests": failed}]
    assert found["total"]["plannedDeliveries"] == sum(
        p["plannedDeliveries"] for p in found["points"]
    )
    assert len(found["points"]) == SPAN
    assert found["before"]["requests"] == SPAN * 24 + 2 * SPAN
    assert [(one["company"], one["requests"]) for one in found["companies"]] == [
        ("acme", hours + SPAN),
        ("other", SPAN),
    ]
    assert found["companiesInAll"] == 2
    assert found["total"]["cost"] == pytest.approx(hours * 0.002 + SPAN * 0.01)
    assert (by_platform["workday"]["cost"], found["currency"]) == (None, "NOK")
    assert by_platform["benevity"]["bestHour"]["verdict"] == "few", (
        "14 calls in each hour are too few"
    )


def test_enough_calls_name_the_best_hours_also_in_the_companys_zone(runtime: Runtime) -> None:
    """The afternoon is found out; Kolkata's hours are half past UTC's."""
    (benevity,) = about(runtime, runtime.companies.find("busy"), 60)["platforms"]

    assert benevity["bestHour"]["verdict"] == benevity["bestLocalHour"]["verdict"] == "more_succeed"
    assert not set(benevity["bestHour"]["hours"]) & set(range(12, 18))
    # 12:00 to 18:00 UTC is 17:30 to 23:30.
    assert not set(benevity["bestLocalHour"]["hours"]) & set(range(18, 23))
    assert {one["requests"] for one in benevity["hours"]} == {60}
    assert {one["requests"] for one in benevity["localHours"]} == {60}
    everybody = about(runtime, None, 60)["platforms"][0]
    assert everybody["bestHour"]["verdict"] == "more_succeed"


def test_a_company_sees_nothing_of_another(runtime: Runtime) -> None:
    """Neither its platforms, nor its hours, nor its calls, in no form."""
    document = about(runtime, runtime.companies.find("other"), SPAN)

    assert [one["platform"] for one in document["platforms"]] == ["workday"]
    assert document["companies"] == []
    assert document["total"]["requests"] == SPAN
    texts = (
        json.dumps(document),
        render_csv(document),
        render_html(document),
        render_markdown(document),
    )
    assert not [text for text in texts if "acme" in text.lower() or "benevity" in text.lower()]


def test_a_span_without_anything_says_so(runtime: Runtime) -> None:
    """A company that has never sent: no rates, no charts, and sentences that say why."""
    document = about(runtime, runtime.companies.find("quiet"), 7)
    assert document["total"]["successRate"] is None
    assert "Nothing was due" in render_html(document)
    assert "Nothing was due" in render_markdown(document)
    assert len(list(csv.DictReader(StringIO(render_csv(document))))) == 2 + 7


def test_every_form_says_the_same(runtime: Runtime) -> None:
    """A page that loads nothing and harms nobody, Markdown, and a CSV whose points add up."""
    company = runtime.companies.find("acme")
    document = about(runtime, company, SPAN)

    page = render_html(document)
    rows = list(csv.DictReader(StringIO(render_csv(document))))

    assert "Acme &lt;b&gt;" in page
    outside = ("https://", "src=", "<script", "http://")
    assert not [word for word in outside if word in page.replace("http://www.w3.org/2000/svg", "")]
    assert page.count("<svg") == 7
    assert r"Acme \<b\>" in render_markdown(document)
    points = [row for row in rows if row["kind"] == "day"]
    total = next(row for row in rows if row["kind"] == "total")
    for name in ("planned", "requests", "saved_requests"):
        assert sum(int(row[name]) for row in points) == int(total[name])
    assert {row["kind"] for row in rows} == {
        *("total", "before", "day", "platform", "error", "hour"),
    }


def test_long_spans_have_weeks_and_months(runtime: Runtime) -> None:
    """At most 35 points; they add up to the span, cut at its ends."""
    by_week, by_month = analytics(runtime, None, 90), analytics(runtime, None, 365)
    assert (by_week.grain, by_month.grain) == (Grain.WEEK, Grain.MONTH)
    for found in (by_week, by_month):
        assert found.points[0].first == found.total.first
        assert found.points[-1].last == found.total.last
        assert sum(one.calls.requests for one in found.points) == found.total.calls.requests
        assert all(
            one.last + timedelta(days=1) == other.first
            for one, other in zip(found.points, found.points[1:], strict=False)
        )
    assert len(points_of([], TODAY, TODAY)) == 1


def test_the_command_writes_every_form(
    opened: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """For people as text, for programs as one document."""
    cli = Cli(monkeypatch, opened)
    page = tmp_path / "page.html"

    text = cli.good("analytics", "acme", "--days", "400").out
    document: Any = cli.good("analytics", "--days", "400", "--json").json
    cli.good("analytics", "--format", "html", "--output", str(page))

    assert "API calls" in text
    assert "Benevity" in text
    assert document["company"] is None
    assert page.read_text("utf-8").startswith("<!doctype html>")
    assert cli.good("analytics", "acme", "--format", "csv").out.startswith("kind,company,platform")
    assert "--days" in cli.refused("analytics", "--days", "0").err
