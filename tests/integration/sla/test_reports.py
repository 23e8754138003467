"""Reports from the log, and `impact-in sla` on a test's own database."""

import json
import re
from datetime import date, timedelta

import pytest
from hearing import Heard

from impact_in_pipelines.cli.next_steps import told
from impact_in_pipelines.errors.sla import ReportMissing
from impact_in_pipelines.sla.model import Window
from impact_in_pipelines.sla.reports.rendering import render_html
from impact_in_pipelines.sla.reports.summary import report_markdown
from impact_in_pipelines.sla.reports.tables import render_csv
from impact_in_pipelines.sla.windows import ReportPeriod, midnight, period_of

from .logs import NOW, Log, Row
from .weeks import MONDAY, WEEK, WEEKLY, company, reports


def test_a_weekly_report_says_what_happened(log: Log) -> None:
    """Rates, causes with their companies, what a replay recovered, trend, days, budget."""
    made = reports(log).make(company(log, "acme"), ReportPeriod.WEEKLY, WEEK, now=NOW)

    overall = made["overall"]
    counts = [overall[f"{name}Deliveries"] for name in ("due", "failed", "recovered")]
    assert counts == [98, 8, 1]
    assert overall["slaStatus"] == "breach"
    assert overall["successRate"] == pytest.approx(90 / 98, abs=1e-10)
    assert [
        (c["platform"], c["errorKind"], c["deliveries"], c["recovered"]) for c in made["causes"]
    ] == [
        ("goodera", "authentication", 4, 0),
        ("benevity", "server_error", 3, 0),
        ("benevity", "unknown", 1, 1),
    ]
    assert made["causes"][0]["example"] == "the platform answered 401"
    trend = {point["start"][:10]: point["due"] for point in made["trend"]}
    assert len(trend) == 9
    assert trend[MONDAY.isoformat()] == 98
    assert trend[(MONDAY - timedelta(days=7)).isoformat()] == 1
    assert sum(day["successful"] for day in made["days"]) == 90
    assert sum(made["latencyBuckets"]) == 90
    assert made["errorBudget"]["errors"] == 8
    rules = [one["rule"] for one in made["recommendationDetails"]]
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

    made = reports(log).make(company(log, "acme"), ReportPeriod.WEEKLY, WEEK, now=NOW)

    [cause] = [c for c in made["causes"] if c["recovered"]]
    assert (cause["errorKind"], cause["httpStatus"]) == ("rejected", 422)
    assert cause["example"] == "unknown dimension"


def test_reports_on_all_and_on_each_are_made_in_one_go(log: Log) -> None:
    """The one on all names the worst company; each company's own says nothing of the others."""
    heard = Heard()
    overall = reports(log).make_all(WEEKLY, WEEK, now=NOW, tell=heard)

    assert heard.total == log.one("SELECT count(*) FROM companies") + 1
    assert overall["overall"]["dueDeliveries"] == 148
    assert [line["company"] for line in overall["companies"]] == ["acme"]
    good = reports(log).stored(company(log, "good"), WEEKLY, MONDAY)
    assert good["overall"]["dueDeliveries"] == 50
    assert [one["rule"] for one in good["recommendationDetails"]] == ["nothing_to_do"]
    assert "acme" not in str(good)


def test_a_report_made_again_replaces_the_one_there_was(log: Log) -> None:
    """After a late retry the same week says more."""
    maker, acme = reports(log), company(log, "acme")
    maker.make(acme, ReportPeriod.WEEKLY, WEEK, now=NOW)
    log.write([Row(acme.id, WEEK.start + timedelta(hours=20))], updated_at=NOW)

    maker.make(acme, ReportPeriod.WEEKLY, WEEK, now=NOW + timedelta(minutes=1))

    assert maker.stored(acme, WEEKLY, MONDAY)["overall"]["dueDeliveries"] == 99
    assert [(r.period, r.starts_on) for r in maker.listed(acme)] == [(WEEKLY, MONDAY)]


def test_a_monthly_report_covers_the_calendar_month(log: Log) -> None:
    """Of the first of March to the last, in UTC; the trend goes by months."""
    month = period_of(ReportPeriod.MONTHLY, date(2026, 3, 1))

    made = reports(log).make(company(log, "acme"), ReportPeriod.MONTHLY, month, now=NOW)

    assert made["period"]["start"][:10] == "2026-03-01"
    assert len(made["days"]) == 31
    assert [p["start"][:10] for p in made["trend"]][-2:] == ["2026-02-01", "2026-03-01"]


def test_a_report_that_isnt_there_says_how_to_make_it(log: Log) -> None:
    """The terminal's line has the command."""
    with pytest.raises(ReportMissing) as missing:
        reports(log).stored(None, WEEKLY, date(2026, 1, 5))
    assert "impact-in sla report --period weekly --start 2026-01-05" in told(missing.value)


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

    facts = reports(log).make(acme, ReportPeriod.WEEKLY, WEEK, now=NOW)

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

    made = reports(log).make(acme, ReportPeriod.WEEKLY, WEEK, now=NOW)

    [spread] = [one for one in made["recommendationDetails"] if one["rule"] == "spread_minute"]
    assert spread["where"] == "Workday, 00:00 UTC"
    assert "4 min late on average, the last one 5 min" in spread["seen"]


def test_a_week_of_nothing_is_a_report_too(log: Log) -> None:
    """Healthy, without rates, and it can be rendered."""
    window = period_of(WEEKLY, date(2025, 6, 2))

    made = reports(log).make(company(log, "acme"), ReportPeriod.WEEKLY, window, now=NOW)

    assert made["overall"]["slaStatus"] == "healthy"
    assert "Nothing was due" in render_html(made)
    assert midnight(date(2025, 6, 2)).isoformat() == made["period"]["start"]


def test_a_rolling_report_covers_exactly_its_window(log: Log) -> None:
    """From noon to noon: its days, buckets and trend add up to its figures, and the periods before end where
    the next one begins."""
    acme = company(log, "acme")
    window = Window(NOW - timedelta(days=7), NOW)
    for late, n in ((timedelta(minutes=-1), 1), (timedelta(0), 2), (timedelta(minutes=1), 4)):
        log.write(Row(acme.id, window.start + late, platform="workday") for _ in range(n))
    log.write([Row(acme.id, NOW - timedelta(minutes=1)), Row(acme.id, NOW)])
    log.schedule(acme.id, "workday", next_run=midnight(NOW.date()))

    made = reports(log).report_on(acme, window, now=NOW)

    overall, trend = made["overall"], made["trend"]
    assert made["kind"] == "rolling"
    assert overall["overdueDeliveries"] == 1
    days = made["days"]
    assert [days[0]["day"], days[-1]["day"], len(days)] == ["2026-03-03", "2026-03-10", 8]
    assert sum(day["successful"] for day in days) == overall["successfulDeliveries"]
    assert sum(day["notArrived"] for day in days) == (
        overall["dueDeliveries"] - overall["successfulDeliveries"]
    )
    assert sum(made["latencyBuckets"]) == overall["latencyMs"]["n"]
    assert (trend[-1]["due"], trend[-1]["start"]) == (
        overall["dueDeliveries"],
        window.start.isoformat(),
    )
    assert [point["end"] for point in trend[:-1]] == [point["start"] for point in trend[1:]]
    # One of the three minutes, and of the log of the week before what lies after its noon.
    assert trend[-2]["due"] == 1 + log.one(
        "SELECT count(*) FROM impact_deliveries WHERE company_id = :id AND platform <> 'workday' "
        "AND scheduled_for >= :start AND scheduled_for < :end",
        id=acme.id,
        start=window.start - timedelta(days=7),
        end=window.start,
    )


def test_no_number_carries_the_noise_of_binary_fractions(log: Log) -> None:
    """No 8.88e-14 and no 0.020000000000000018 anywhere in a report."""
    made = reports(log).make_all(WEEKLY, WEEK, now=NOW)

    text = re.sub(r'"[^"]*"', "", json.dumps(made))  # an id may hold `0e-40`
    assert not re.findall(r"\d[eE]-\d\d|\.\d{11,}|-0\.0\b", text)


def test_a_report_of_an_earlier_form_can_still_be_read(log: Log) -> None:
    """What it said in percent it says in fractions; page, CSV and Markdown can be made of it."""
    log.one(
        """INSERT INTO sla_reports (company_id, period, starts_on, ends_on, report)
           VALUES (:id, 'weekly', :day, :day, CAST(:report AS jsonb))""",
        id=company(log, "acme").id,
        day=MONDAY,
        report=json.dumps(EARLIER),
    )

    found = reports(log).stored(company(log, "acme"), WEEKLY, MONDAY)

    assert found["overall"]["successRate"] == 0.9789
    assert found["overall"]["breaches"][0]["threshold"] == 0.98
    assert found["errorBudget"]["left"] == -0.05
    assert found["recommendations"] == ["Goodera, acme: 3 failed. Replay: …."]
    assert set(found) == set(reports(log).make_all(WEEKLY, WEEK, now=NOW))
    assert "97.89 %" in render_html(found)
    assert "97.89 %" in report_markdown(found).replace("\u00a0", " ")
    assert "0.9789" in render_csv([found])


_METRICS = {
    **dict.fromkeys(("total", "due"), 142),
    **dict.fromkeys(("failed", "recovered", "missed", "overdue", "skipped", "pending"), 0),
    **dict.fromkeys(("cancelled", "retried", "retriedSuccessful", "retriedFailed"), 0),
    "successful": 139,
    "successRate": {"percent": 97.89, "n": 142, "lowPercent": 94.0, "highPercent": 99.3},
    "retrySuccessRate": None,
    "retryDistribution": {"first": 0, "second": 0, "third": 0, "later": 0},
    "latency": {"average": 20_000.0, "maximum": 30_000.0, "n": 139, "p50": 2e4, "p95": 2.9e4},
    "lateness": None,
    "avgPayloadBytes": 900.0,
    "maxPayloadBytes": 900,
    "avgAttempts": 1.1,
    "maxAttempts": 4,
    "consecutiveFailures": 0,
    "oldestOverdue": None,
}
_SCOPE = {
    "metrics": _METRICS,
    "state": "breach",
    "breaches": [
        {
            "type": "success_rate",
            "severity": "critical",
            "threshold": 98.0,
            "actual": 97.89,
            "since": None,
            "sampleSize": 142,
            "lowConfidence": False,
            "details": {},
        }
    ],
}
_BUDGET = {
    "days": 28,
    "due": 142,
    "errors": 3,
    "allowed": 2.84,
    "leftPercent": -5.0,
    "burnRate": 1.05,
    "runsOutAt": None,
}
EARLIER = {
    "period": "weekly",
    "window": {"start": WEEK.start.isoformat(), "end": WEEK.end.isoformat()},
    "company": "acme",
    "companyName": "ACME",
    "generatedAt": WEEK.end.isoformat(),
    "provisional": 0,
    "thresholds": {
        "successRateTargetPercent": 98.0,
        "retrySuccessRateTargetPercent": 90.0,
        "latencyTargetMs": 300_000.0,
        "consecutiveFailuresCritical": 3,
    },
    "facts": {
        "overall": _SCOPE,
        "byPlatform": {"goodera": _SCOPE},
        "budget": _BUDGET,
        "budgetByPlatform": {"goodera": _BUDGET},
        "trend": [
            {
                "startsOn": "2026-03-02",
                "due": 142,
                "successful": 139,
                "successRate": 97.89,
                "retrySuccessRate": None,
                "averageLatencyMs": 2e4,
                "latencyP95Ms": 2.9e4,
            }
        ],
        "days": [{"day": "2026-03-02", "successful": 139, "notArrived": 3}],
        "latencyBuckets": [139, *[0] * 9],
        **{key: [] for key in ("causes", "crowded", "incidents", "maintenance", "companies")},
    },
    "recommendations": [
        {
            "rule": "replay_failed",
            "urgent": False,
            "seen": "3 failed.",
            "where": "Goodera, acme",
            "action": "Replay: `impact-in deliveries replay --all-failed`.",
        }
    ],
}
