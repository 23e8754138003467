"""Rates, metrics, budgets and rules of the SLA at their edges."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sla.assessing import Assessment, Measured, Overdue, assess
from impact_in_pipelines.sla.budget import (
    BURN_RULES,
    BURN_WINDOWS,
    LONGEST_DAYS,
    PRESENT_DAYS,
    Errors,
    burn_breach,
    burn_rate,
    error_budget,
)
from impact_in_pipelines.sla.metrics import (
    COUNTERS,
    LATENCY_BUCKETS_MS,
    histogram_percentile,
    metrics_of,
)
from impact_in_pipelines.sla.model import (
    Breach,
    BreachType,
    Metrics,
    Rule,
    Severity,
    Window,
)
from impact_in_pipelines.sla.rates import chance_of_failures, rate
from impact_in_pipelines.sla.reports.report import TrendPoint
from impact_in_pipelines.sla.rules import Streak, Subject, evaluate
from impact_in_pipelines.sla.thresholds import ThresholdBook, Thresholds, checked
from impact_in_pipelines.sla.wording import duration

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ACME, BOLT = UUID(int=1), UUID(int=2)
BENEVITY, GOODERA = Platform.BENEVITY, Platform.GOODERA
T = Thresholds()


# Rates ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("failures", "n", "allowed", "chance"),
    [
        (0, 10, 0.02, 1.0),
        (-1, 10, 0.02, 1.0),
        (1, 10, 0.0, 0.0),
        (1, 10, -0.5, 0.0),
        (11, 10, 0.02, 0.0),
        (3, 10, 1.0, 1.0),
        (3, 10, 1.5, 1.0),
        (10, 10, 0.5, 0.5**10),
        (1, 1, 0.02, 0.02),
        (1, 2, 0.5, 0.75),
        (2, 2, 0.5, 0.25),
    ],
)
def test_the_chance_of_failures_is_a_probability_at_its_ends_too(
    failures: int, n: int, allowed: float, chance: float
) -> None:
    """No failure is certain to be reached, a target that allows none explains none."""
    assert chance_of_failures(failures, n, allowed) == pytest.approx(chance, rel=1e-12)


def test_the_whole_tail_is_summed_from_below_the_mean_as_well() -> None:
    """Terms grow up to the mean: a sum that stopped at the first small one would be nearly nothing."""
    assert chance_of_failures(1, 10_000, 0.5) == pytest.approx(1.0)
    assert chance_of_failures(4_000, 10_000, 0.5) == pytest.approx(1.0)
    assert chance_of_failures(5_000, 10_000, 0.5) == pytest.approx(0.5039893563, rel=1e-6)


def test_all_and_nothing_have_whole_ends() -> None:
    """The formula leaves 1e-18 there."""
    nothing, everything = rate(0, 7), rate(7, 7)
    assert nothing is not None
    assert everything is not None
    assert (nothing.low, nothing.fraction) == (0.0, 0.0)
    assert (everything.high, everything.fraction) == (1.0, 1.0)
    assert 0.0 < nothing.high < 1.0
    assert 0.0 < everything.low < 1.0


# Metrics --------------------------------------------------------------------------------------------------


def test_each_bucket_of_the_histogram_ends_at_a_duration_that_people_say() -> None:
    """The latency's target and warning are among them, so that what is shown of them is exact."""
    said = "10.0 s,30.0 s,1 min,2 min,4 min,5 min,10 min,20 min,1 h"
    assert ",".join(duration(bound) for bound in LATENCY_BUCKETS_MS) == said
    assert {T.latency_target_ms, T.latency_warning_ms} <= set(LATENCY_BUCKETS_MS)


@pytest.mark.parametrize(
    ("buckets", "share_", "ms", "capped"),
    [
        ([4], 1.0, 10_000.0, False),
        ([4], 0.5, 5_000.0, False),
        ([4], 0.0, 0.0, False),
        ([0, 2], 0.5, 20_000.0, False),
        ([1, 1], 0.5, 10_000.0, False),
        ([1, 1], 0.75, 20_000.0, False),
        ([0] * 8 + [1, 0], 1.0, 3_600_000.0, False),
        ([0] * 9 + [5], 0.95, 3_600_000.0, True),
        ([1] + [0] * 8 + [1], 0.5, 10_000.0, False),
        ([1] + [0] * 8 + [1], 0.51, 3_600_000.0, True),
    ],
)
def test_a_percentile_is_interpolated_in_its_bucket_from_nought_on(
    buckets: list[int], share_: float, ms: float, capped: bool
) -> None:
    """Exact at the bounds; above the last it is more than that."""
    buckets = buckets + [0] * (len(LATENCY_BUCKETS_MS) + 1 - len(buckets))
    found = histogram_percentile(buckets, share_)
    assert found is not None
    assert found.ms == pytest.approx(ms)
    assert found.capped is capped


def test_counters_of_nothing_are_metrics_of_nothing() -> None:
    """None failed in a row either."""
    found = metrics_of(dict.fromkeys(COUNTERS))
    assert (found.total, found.due, found.consecutive_failures) == (0, 0, 0)
    assert (found.success_rate, found.latency, found.avg_attempts) == (None, None, None)
    point = TrendPoint(NOW, NOW, 0, 0, None, None, None, None, None)
    assert not point.latency_p95_capped


# Budgets and burning --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("whole", "present", "left", "runs_out_in"),
    [
        (Errors(1_000, 20), Errors(250, 0), 0.0, timedelta(0)),
        (Errors(1_000, 21), Errors(250, 0), -0.05, timedelta(0)),
        (Errors(1_000, 10), Errors(250, 5), 0.5, None),  # just what it bears
        (Errors(1_000, 10), Errors(250, 12), 0.5, timedelta(days=10)),
        (Errors(1_000, 0), Errors(350, 7), 1.0, None),
        (Errors(0, 0), Errors(0, 0), None, None),
        (Errors(25, 0), Errors(25, 0), 1.0, None),  # half a failure is allowed
        (Errors(25, 1), Errors(25, 1), -1.0, timedelta(0)),
    ],
)
def test_a_budget_runs_out_when_it_is_spent_or_will_be(
    whole: Errors, present: Errors, left: float | None, runs_out_in: timedelta | None
) -> None:
    """One failure of the last one allowed leaves nothing, without the noise of binary."""
    found = error_budget(whole, present, T, NOW)
    assert found.left == (None if left is None else pytest.approx(left, abs=1e-12))
    assert found.runs_out_at == (None if runs_out_in is None else NOW + runs_out_in)
    assert (found.allowed, found.days) == (whole.due * 0.02, 28)


def test_a_budget_that_lasts_a_year_does_not_run_out() -> None:
    """A leap year and not a day more."""
    thresholds = Thresholds(success_rate_target_percent=50)
    for errors, ends in ((LONGEST_DAYS, True), (LONGEST_DAYS + 1, False)):
        whole = Errors(2 * errors, 0)
        found = error_budget(whole, Errors(0, PRESENT_DAYS), thresholds, NOW)
        assert found.runs_out_at == (NOW + timedelta(days=366) if ends else None)


def burning(thresholds: Thresholds = T, **windows: Errors) -> Breach | None:
    names = dict(zip(("m5", "m30", "h1", "h6", "d3"), BURN_WINDOWS, strict=True))
    clean = Errors(1_000, 0)
    return burn_breach(
        {span: windows.get(n, clean) for n, span in names.items()}, thresholds, Subject()
    )


def test_a_rule_matches_at_its_very_rate_with_enough_ends_and_two_errors() -> None:
    """In both windows; one failure of one delivery would otherwise be a burn rate of 50."""
    thresholds = Thresholds(success_rate_target_percent=50)  # at most twice as fast as it bears
    slow = {"d3": Errors(10, 5), "h6": Errors(2, 1)}
    breach = burning(thresholds, **slow)
    assert breach is not None
    assert (breach.threshold, breach.actual, breach.sample_size) == (1.0, 1.0, 10)
    assert burning(thresholds, **slow | {"d3": Errors(9, 5)}) is None
    assert burning(thresholds, **slow | {"h6": Errors(3, 1)}) is None
    two = Thresholds(success_rate_target_percent=80)
    assert burning(two, d3=Errors(10, 2), h6=Errors(5, 1)) is not None
    assert burning(two, d3=Errors(10, 1), h6=Errors(5, 1)) is None


def test_a_burn_breach_says_its_windows_in_minutes_and_pages_if_it_is_fast() -> None:
    """A fast one is critical, the slow one warns; it rests on enough deliveries."""
    told = {}
    for rule, names in zip(BURN_RULES, (("h1", "m5"), ("h6", "m30"), ("d3", "h6")), strict=True):
        errors = Errors(1_000, 300 if rule.rate > 6 else 125 if rule.rate > 1 else 25)
        breach = burning(T, **dict.fromkeys(names, errors))
        assert breach is not None
        assert not breach.low_confidence
        told[rule.rate] = (
            breach.details["long_window_minutes"],
            breach.details["short_window_minutes"],
            breach.details["short_window_burn_rate"],
            breach.details["errors"],
            breach.severity is Severity.CRITICAL,
            breach.pages,
            breach.rule,
        )
    assert told == {
        14.4: (60, 5, 15.0, 300, True, True, Rule.FAST_BURN),
        6.0: (360, 30, 6.25, 125, True, True, Rule.FAST_BURN),
        1.0: (4_320, 360, 1.25, 25, False, False, Rule.SLOW_BURN),
    }
    assert burn_rate(Errors(10, 1), Thresholds(success_rate_target_percent=100)) is None


# Rules ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "low"), [(9, True), (10, False), (11, False)])
def test_a_warning_that_rests_on_few_deliveries_says_so(n: int, low: bool) -> None:
    """From ten on it does not."""
    warn_first = Thresholds(success_rate_target_percent=50, success_rate_warning_percent=99)
    metrics = Metrics(due=n, successful=n - 1, success_rate=rate(n - 1, n))
    [breach] = evaluate(metrics, warn_first, Subject(), NOW)
    assert (breach.rule, breach.severity) == (Rule.WARNING_LEVEL, Severity.WARNING)
    assert (breach.low_confidence, breach.pages) == (low, False)


@pytest.mark.parametrize(
    ("late", "critical"), [(timedelta(minutes=15), True), (timedelta(minutes=14.999), False)]
)
def test_an_overdue_fire_is_critical_from_its_limit_on(late: timedelta, critical: bool) -> None:
    """Its details name the oldest and how late it is, in tenths of a minute, cut: 14.999 don't page yet."""
    metrics = Metrics(overdue_before=2, oldest_overdue=NOW - late)
    [breach] = evaluate(metrics, T, Subject(), NOW)
    assert (breach.severity is Severity.CRITICAL, breach.pages) == (critical, critical)
    assert breach.details["oldest_scheduled_for"] == (NOW - late).isoformat()
    assert breach.details["oldest_late_minutes"] == (15.0 if critical else 14.9)
    assert breach.since == NOW - late + timedelta(minutes=5)
    unknown = Metrics(overdue_before=2)
    [breach] = evaluate(unknown, T, Subject(), NOW)
    assert breach.details == {"oldest_scheduled_for": None, "oldest_late_minutes": None}
    assert breach.severity is Severity.WARNING


@pytest.mark.parametrize(("value", "kept"), [("7", 7), (7.9, 7), (1, 1), (1_000, 1_000)])
def test_a_whole_threshold_is_whole_and_a_share_is_not(value: Any, kept: int) -> None:
    """As its setting is."""
    found = checked({"min_deliveries": value, "success_rate_target_percent": "97.5"})
    assert found == {"min_deliveries": kept, "success_rate_target_percent": 97.5}
    assert isinstance(found["min_deliveries"], int)


# Assessing ------------------------------------------------------------------------------------------------


def streak(company: UUID, platform: Platform, failures: int = 3) -> Streak:
    return Streak(UUID(int=9), company, platform, failures, NOW - DAY, "timeout", "no answer")


def assessed(measured: Measured) -> Assessment:
    return assess(measured, ThresholdBook(T), {ACME: "acme", BOLT: "bolt"}, NOW)


def measured(**parts: Any) -> Measured:
    empty: dict[str, Any] = {"metrics": {}, "streaks": (), "overdue_before": {}, "burns": {}}
    return Measured(window=Window(NOW - 7 * DAY, NOW), **(empty | parts))


def test_a_series_of_failures_is_an_incident_of_its_company_alone() -> None:
    """A platform's other breaches are incidents of its own; those of all platforms together are none."""
    bad = Metrics(due=100, successful=50, success_rate=rate(50, 100))
    scopes: dict[Any, Metrics] = {
        (ACME, BENEVITY): bad,
        (None, BENEVITY): bad,
        (ACME, None): bad,
        (None, None): bad,
    }
    found = assessed(measured(metrics=scopes, streaks=(streak(ACME, BENEVITY),)))
    worth = [(one.company, one.platform, one.type) for one in found.incidents_worth()]
    assert sorted(worth, key=str) == sorted(
        [
            ("acme", BENEVITY, BreachType.SUCCESS_RATE),
            ("acme", BENEVITY, BreachType.CONSECUTIVE_FAILURES),
            (None, BENEVITY, BreachType.SUCCESS_RATE),
        ],
        key=str,
    )


def test_a_schedules_failures_count_in_all_its_four_scopes() -> None:
    """The worst of several; everybody's status has no company's name."""
    found = assessed(measured(streaks=(streak(ACME, BENEVITY, 4), streak(BOLT, GOODERA, 7))))
    counts = {key: scope.metrics.consecutive_failures for key, scope in found.scopes.items()}
    assert counts == {
        (ACME, BENEVITY): 4,
        (ACME, None): 4,
        (None, BENEVITY): 4,
        (BOLT, GOODERA): 7,
        (BOLT, None): 7,
        (None, GOODERA): 7,
        (None, None): 7,
    }
    companies = {breach.company for breach in found.scopes[None, None].breaches}
    assert companies == {None}
    assert {one.company for one in found.scopes[ACME, None].breaches} == {"acme"}
    assert found.company_ids() == [ACME, BOLT]
    assert (found.status().company, found.status(ACME).company) == (None, "acme")


def test_what_was_overdue_before_the_window_counts_in_it() -> None:
    """Until it goes out; the oldest of all is named."""
    oldest = NOW - 10 * DAY
    found = assessed(measured(overdue_before={(ACME, BENEVITY): Overdue(2, oldest)}))
    metrics = found.scopes[ACME, BENEVITY].metrics
    assert metrics.consecutive_failures == 0
    assert (metrics.overdue_before, metrics.oldest_overdue) == (2, oldest)
