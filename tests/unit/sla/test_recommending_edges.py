"""Recommendations at the edges of their rules: one and several, just enough and just not."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sla.budget import ErrorBudget
from impact_in_pipelines.sla.model import Breach, BreachType, Metrics, Scope, Severity, SlaState
from impact_in_pipelines.sla.reports.earlier import in_todays_form
from impact_in_pipelines.sla.reports.recommending import LATE_MS, recommend
from impact_in_pipelines.sla.reports.report import (
    TREND_PERIODS,
    WORST_COMPANIES,
    CompanyLine,
    CrowdedMinute,
    DayPoint,
    Facts,
    day_points,
    worst_first,
)
from impact_in_pipelines.sla.reports.summary import _cell, _title, days_markdown, worst_markdown
from impact_in_pipelines.sla.thresholds import Thresholds

from .test_recommending import AT, WELL, cause, one

GOODERA, WORKDAY = Platform.GOODERA, Platform.WORKDAY


def rules(facts: Facts, company: str | None = None) -> list[str]:
    return [found.rule for found in recommend(facts, Thresholds(), company)]


def breach(type_: BreachType, **changes: Any) -> Breach:
    values: dict[str, Any] = {
        "type": type_,
        "severity": Severity.CRITICAL,
        "threshold": 1.0,
        "actual": 5.0,
        "since": AT,
        "company_id": None,
        "company": None,
        "platform": GOODERA,
        "sample_size": 20,
        "low_confidence": False,
    }
    return Breach(**(values | changes))


def on_goodera(metrics: Metrics, *breaches: Breach) -> Facts:
    return replace(WELL, by_platform={GOODERA: Scope(metrics, SlaState.BREACH, list(breaches))})


@pytest.mark.parametrize(
    ("missed", "overdue", "seen", "urgent"),
    [
        (0, 1, "1 send is overdue, the oldest since 2026-03-09 08:30 UTC.", True),
        (0, 2, "2 sends are overdue, the oldest since 2026-03-09 08:30 UTC.", True),
        (1, 0, "1 send passed while nothing ran to make it.", False),
        (
            2,
            1,
            "2 sends passed while nothing ran to make them, 1 send still overdue, the oldest since "
            "2026-03-09 08:30 UTC.",
            True,
        ),
    ],
)
def test_fires_that_did_not_start_are_told_by_how_many(
    missed: int, overdue: int, seen: str, urgent: bool
) -> None:
    """Urgent while any is still overdue, and since when."""
    scope = Scope(Metrics(missed=missed, overdue=overdue, oldest_overdue=AT))
    found = one(replace(WELL, overall=scope), "keep_scheduler_running", None)
    assert (found.seen, found.urgent, found.where) == (seen, urgent, "all companies")


def test_several_platforms_are_named_with_their_numbers() -> None:
    """One alone needs none, and one without missing fires is not named."""
    by_platform = {
        GOODERA: Scope(Metrics(missed=1_200)),
        WORKDAY: Scope(Metrics(overdue=1)),
        Platform.BENEVITY: Scope(Metrics(due=5)),
    }
    facts = replace(WELL, overall=Scope(Metrics(missed=1_200, overdue=1)), by_platform=by_platform)
    assert one(facts, "keep_scheduler_running", None).where == "Goodera (1,200), Workday (1)"


@pytest.mark.parametrize(
    ("left", "urgent"), [(0.001, False), (0.0, True), (-0.2, True), (None, None)]
)
def test_a_budget_is_spent_at_nought(left: float | None, urgent: bool | None) -> None:
    """Where there is none nothing is said of it."""
    budget = ErrorBudget(28, 1000, 20, 20.0, left, 1.5, AT)
    found = recommend(replace(WELL, budget=budget), Thresholds(), None)
    assert [r.urgent for r in found if r.rule == "protect_budget"] == (
        [] if urgent is None else [urgent]
    )


@pytest.mark.parametrize("companies", [2, 3, 4])
def test_a_platforms_own_trouble_is_urgent_from_three_companies_on(companies: int) -> None:
    """Two may be unlucky; however large the number is written."""
    facts = replace(WELL, causes=[cause("timeout", companies=companies)])
    assert one(facts, "call_platform", None).urgent is (companies >= 3)
    many = replace(WELL, causes=[cause("timeout", companies=1_000)])
    assert one(many, "call_platform", None).urgent


def test_a_cause_is_found_by_its_name_whoever_wrote_it() -> None:
    """The log's text is another object each time; causes of a kind are added up, the largest is quoted."""
    kind = "".join(["time", "out"])
    rejected = "".join(["reje", "cted"])
    facts = replace(
        WELL,
        causes=[
            cause(kind, deliveries=1),
            cause(rejected, deliveries=2),
            replace(cause(rejected, deliveries=3), http_status=422, example="the worst"),
        ],
    )
    assert one(facts, "call_platform", None).seen.startswith("1 delivery failed")
    found = one(facts, "correct_data", None)
    assert found.seen.startswith("5 deliveries failed")
    assert "the worst" in found.seen


@pytest.mark.parametrize(
    ("late_ms", "told"), [(LATE_MS - 0.5, False), (LATE_MS, True), (LATE_MS + 1, True)]
)
def test_a_minute_is_crowded_when_it_starts_a_minute_late_on_average(
    late_ms: float, told: bool
) -> None:
    """One delivery alone is told as one; a late platform is then told to spread it."""
    crowded = replace(WELL, crowded=[CrowdedMinute(GOODERA, "00:00", 1, late_ms, 99_000)])
    assert ("spread_minute" in rules(crowded)) is told
    late = breach(BreachType.LATENCY, threshold=300_000.0, actual=400_000.0)
    facts = replace(on_goodera(Metrics(due=20, timed=20, on_time=5), late), crowded=crowded.crowded)
    action = one(facts, "shorten_latency", None).action
    assert ("spread their schedules, as said here" in action) is told
    if told:
        assert one(crowded, "spread_minute", None).seen.startswith("1 delivery due at 00:00 UTC")


@pytest.mark.parametrize(
    ("size", "told"), [(None, False), (0, False), (102_400, False), (102_401, True)]
)
def test_a_payload_is_large_above_a_hundred_kilobytes(size: int | None, told: bool) -> None:
    """Exactly so many are not."""
    facts = on_goodera(Metrics(max_payload_bytes=size))
    assert ("shrink_payload" in rules(facts)) is told
    if told:
        assert one(facts, "shrink_payload", None).seen == (
            "The largest payload had 100 KB, over 100 KB."
        )


@pytest.mark.parametrize(
    ("details", "seen"),
    [
        ({}, "1 schedule in an unbroken series of failures, the longest of 5."),
        ({"schedules": 1}, "1 schedule in an unbroken series of failures, the longest of 5."),
        ({"schedules": 2}, "2 schedules in an unbroken series of failures, the longest of 5."),
    ],
)
def test_a_series_of_failures_is_of_one_schedule_or_several(
    details: dict[str, Any], seen: str
) -> None:
    """Without one to name none is named."""
    facts = on_goodera(Metrics(), breach(BreachType.CONSECUTIVE_FAILURES, details=details))
    found = one(facts, "mend_failing_schedule", None)
    assert (found.seen, found.where, found.schedule_id, found.urgent) == (
        seen,
        "Goodera",
        None,
        True,
    )


@pytest.mark.parametrize(
    ("failed", "recovered", "seen"),
    [
        (1, 0, "1 delivery failed and has not been replayed."),
        (2, 0, "2 deliveries failed and have not been replayed."),
        (2, 1, "1 delivery failed and has not been replayed; one of 2 was recovered."),
        (2, 2, None),
    ],
)
def test_what_waits_for_a_replay_is_counted(failed: int, recovered: int, seen: str | None) -> None:
    """What has been recovered waits no longer."""
    facts = replace(WELL, overall=Scope(Metrics(failed=failed, recovered=recovered)))
    assert ("replay_failed" in rules(facts)) is (seen is not None)
    if seen:
        assert one(facts, "replay_failed", None).seen == seen


def test_burning_says_what_was_lost_where_that_is_known() -> None:
    """And is urgent where it pages."""
    known = breach(
        BreachType.BURN_RATE, actual=14.45, details={"errors": 1_300}, sample_size=2_000, pages=True
    )
    found = one(on_goodera(Metrics(), known), "stop_burning", None)
    assert found.seen.startswith(
        "1,300 of 2,000 deliveries did not arrive: the error budget is spent 14.4 ×"
    )
    assert found.urgent
    alone = breach(BreachType.BURN_RATE, actual=50.0, details={"errors": 1}, sample_size=1)
    assert one(on_goodera(Metrics(), alone), "stop_burning", None).seen.startswith(
        "The only delivery did not arrive: the error budget is spent 50.0 ×"
    )
    unknown = one(on_goodera(Metrics(), breach(BreachType.BURN_RATE)), "stop_burning", None)
    assert unknown.seen.startswith("The error budget is spent 5.0 ×")
    assert not unknown.urgent


def test_nothing_to_do_is_said_of_what_was_due() -> None:
    """Or that nothing was."""
    assert recommend(WELL, Thresholds(), None)[0].seen.startswith("All 10 deliveries")
    empty = recommend(replace(WELL, overall=Scope()), Thresholds(), None)[0]
    assert (empty.seen, empty.urgent) == ("Nothing was due.", False)


# Reports --------------------------------------------------------------------------------------------------


def line(number: int, due: int = 10) -> CompanyLine:
    return CompanyLine(f"c{number:02}", SlaState.BREACH, due, 0, None, None, None, 0)


def test_a_report_on_all_names_the_twenty_worst() -> None:
    """Those of which equally much is missing by name."""
    found = worst_first([line(n) for n in reversed(range(30))])
    assert [one_.company for one_ in found] == [f"c{n:02}" for n in range(WORST_COMPANIES)]
    assert len(found) == 20
    assert worst_markdown(found).count("| c") == 20
    assert worst_markdown([]) == "No company is in trouble."


def test_a_trend_shows_two_months_of_weeks() -> None:
    """Eight before the reported one."""
    assert TREND_PERIODS * timedelta(days=7) == timedelta(days=56)


def test_every_day_of_a_period_has_its_point() -> None:
    """Those without a delivery are nought; both ends included."""
    rows = [{"day": date(2026, 3, 2), "successful": 3, "not_arrived": 1, "timed": 4, "on_time": 2}]
    points = day_points(date(2026, 3, 1), date(2026, 3, 3), rows)
    assert points == [
        DayPoint(date(2026, 3, 1)),
        DayPoint(date(2026, 3, 2), 3, 1, 4, 2),
        DayPoint(date(2026, 3, 3)),
    ]
    assert (points[0].successful, points[0].not_arrived, points[0].timed, points[0].on_time) == (
        0, 0, 0, 0,
    )  # fmt: skip
    rate = points[1].success_rate
    assert rate is not None
    assert (rate.count, rate.n) == (3, 4)
    timely = points[1].on_time_rate
    assert timely is not None
    assert (timely.count, timely.n) == (2, 4)
    assert points[0].success_rate is None
    assert "### The last 3 days" in days_markdown(points)


def test_a_figure_is_not_torn_from_its_unit_and_a_sentence_may_break() -> None:
    """Fourteen signs hold `< 0.01 %` and `47 h 59 min`, and no sentence."""
    assert _cell("47 h 59 min") == "47\u00a0h\u00a059\u00a0min"
    assert _cell("a" * 12 + " b") == "a" * 12 + "\u00a0b"
    assert _cell("a" * 13 + " b") == "a" * 13 + " b"
    assert (_title("all"), _title("benevity")) == ("All platforms", "Benevity")


@pytest.mark.parametrize(
    ("severity", "low_confidence", "pages"),
    [
        ("critical", False, True),
        ("critical", True, False),
        ("warning", False, False),
        ("breach", False, False),  # a word of before
    ],
)
def test_an_earlier_reports_breach_paged_if_it_was_critical_and_sure(
    severity: str, low_confidence: bool, pages: bool
) -> None:
    """It did not say so itself."""
    names = (
        "total due successful failed recovered missed overdue skipped pending cancelled retried "
        "retriedSuccessful retriedFailed maxPayloadBytes avgPayloadBytes maxAttempts "
        "consecutiveFailures oldestOverdue retryDistribution"
    )
    counts = dict.fromkeys(names.split(), 0)
    old = {
        "type": "success_rate",
        "severity": severity,
        "threshold": 98.0,
        "actual": 97.5,
        "since": None,
        "sampleSize": 4,
        "lowConfidence": low_confidence,
    }
    scope = {
        "metrics": {
            **counts,
            "successRate": None,
            "retrySuccessRate": None,
            "latency": None,
            "lateness": None,
            "avgAttempts": 1.25,
        },
        "state": "breach",
        "breaches": [old],
    }
    facts: dict[str, Any] = {
        "overall": scope,
        "byPlatform": {},
        "budgetByPlatform": {},
        "budget": None,
        "trend": [],
        "days": [],
        "latencyBuckets": [],
        "causes": [],
        "crowded": [],
        "incidents": [],
        "maintenance": [],
        "companies": [],
    }
    report: dict[str, Any] = {
        "facts": facts,
        "thresholds": {"successRateTargetPercent": 98.2, "minDeliveries": 10},
        "period": "weekly",
        "window": {"start": "s", "end": "e"},
        "recommendations": [],
        **dict.fromkeys(("company", "companyName", "generatedAt", "provisional")),
    }
    today = in_todays_form(report)
    [found] = today["overall"]["breaches"]
    assert (found["pages"], found["threshold"], found["actual"]) == (pages, 0.98, 0.975)
    assert today["overall"]["avgRetries"] == 0.25
    assert today["thresholds"] == {"successRateTarget": 0.982, "minDeliveries": 10}
    assert in_todays_form(today) is today
