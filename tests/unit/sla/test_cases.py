"""A table of what is and what isn't a breach: the specification's own cases and the edges around them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from impact_in_pipelines.sla.metrics import COUNTERS, metrics_of
from impact_in_pipelines.sla.model import Breach, BreachType, Metrics, Severity, SlaState, state_of
from impact_in_pipelines.sla.rules import Subject, evaluate
from impact_in_pipelines.sla.thresholds import Thresholds

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
MINUTE = 60_000
CRITICAL, WARNING = Severity.CRITICAL, Severity.WARNING
RATE, LATENCY = BreachType.SUCCESS_RATE, BreachType.LATENCY
RETRY, STREAK, OVERDUE = (
    BreachType.RETRY_SUCCESS_RATE,
    BreachType.CONSECUTIVE_FAILURES,
    BreachType.OVERDUE,
)
Found = dict[BreachType, Severity]


def metrics(
    ok: int = 0,
    *,
    latency_ms: int | None = None,
    streak: int = 0,
    overdue_since: timedelta | None = None,
    **counts: int,
) -> Metrics:
    """Metrics of a scope with these counts, all deliveries taking `latency_ms`."""
    counters: dict[str, Any] = dict.fromkeys(COUNTERS, 0) | {"successful": ok} | counts
    if latency_ms is not None:
        counters |= {
            "latency_ms_n": ok,
            "latency_ms_sum": latency_ms * ok,
            "latency_ms_max": latency_ms,
            "on_time": ok if latency_ms <= 5 * MINUTE else 0,
        }
    return metrics_of(
        counters,
        consecutive_failures=streak,
        oldest_overdue=NOW - overdue_since if overdue_since else None,
    )


@dataclass(frozen=True)
class Case:
    """What was measured, what must be found, and how the scope then stands."""

    law: str
    metrics: Metrics
    found: Found
    thresholds: Thresholds = field(default_factory=Thresholds)

    @property
    def state(self) -> SlaState:
        if CRITICAL in self.found.values():
            return SlaState.BREACH
        return SlaState.WARNING if self.found else SlaState.HEALTHY


def retries(ok: int, failed: int) -> Metrics:
    """Enough healthy deliveries, `ok` of them after a retry, and `failed` that no retry saved."""
    return metrics(
        2000, failed=failed, retried=ok + failed, retried_successful=ok, retried_failed=failed
    )


def late(minutes: float, overdue: int = 1) -> Metrics:
    return metrics(overdue=overdue, ok=1000, overdue_since=timedelta(minutes=minutes))


WARN_FIRST = Thresholds(success_rate_warning_percent=99.0, retry_success_rate_warning_percent=95.0)

CASES = [
    # The specification's own
    Case("142 deliveries, 3 failed: 97.89 %", metrics(139, failed=3), {RATE: CRITICAL}),
    Case("97 of 100 is a breach", metrics(97, failed=3), {RATE: CRITICAL}),
    Case("5 min 1 s is critical", metrics(100, latency_ms=5 * MINUTE + 1000), {LATENCY: CRITICAL}),
    Case("4 min 1 s is a warning", metrics(100, latency_ms=4 * MINUTE + 1000), {LATENCY: WARNING}),
    Case("3 failures in a row are critical", metrics(200, streak=3), {STREAK: CRITICAL}),
    Case("retry success 9 of 10 holds", retries(9, 1), {}),
    Case("retry success 8 of 10 does not", retries(8, 2), {RETRY: CRITICAL}),
    # Success rate
    Case("nothing at all is healthy", metrics(), {}),
    Case("one that arrived", metrics(1), {}),
    Case("all of 100", metrics(100), {}),
    Case("98 of 100 is the target, not below it", metrics(98, failed=2), {}),
    Case("49 of 50 is the target too", metrics(49, failed=1), {}),
    Case("979 of 1000", metrics(979, failed=21), {RATE: CRITICAL}),
    Case("980 of 1000", metrics(980, failed=20), {}),
    Case(
        "94 of 100 matches both levels: the target counts", metrics(94, failed=6), {RATE: CRITICAL}
    ),
    Case("none of 3", metrics(0, failed=3), {RATE: CRITICAL}),
    Case("a missed fire counts against us", metrics(97, missed=3), {RATE: CRITICAL}),
    Case("failed and missed add up", metrics(97, failed=1, missed=2), {RATE: CRITICAL}),
    Case("one failed and one missed of 100", metrics(98, failed=1, missed=1), {}),
    Case("a recovered one stays a failure", metrics(97, failed=3, recovered=3), {RATE: CRITICAL}),
    Case("skipped ones are left out", metrics(98, failed=2, skipped=50), {}),
    Case("skipped ones don't help either", metrics(97, failed=3, skipped=900), {RATE: CRITICAL}),
    Case("pending ones are left out", metrics(98, failed=2, pending=40), {}),
    Case("only skipped: no rate, healthy", metrics(0, skipped=5), {}),
    Case("only pending: no rate, healthy", metrics(0, pending=5), {}),
    Case("cancelled ones were called off", metrics(98, failed=2, cancelled=10), {}),
    Case("98.5 % warns below 99", metrics(985, failed=15), {RATE: WARNING}, WARN_FIRST),
    Case("97.5 % is critical all the same", metrics(975, failed=25), {RATE: CRITICAL}, WARN_FIRST),
    Case("99 % isn't below 99", metrics(99, failed=1), {}, WARN_FIRST),
    Case(
        "a company with a target of 90 %",
        metrics(91, failed=9),
        {RATE: WARNING},
        Thresholds(success_rate_target_percent=90.0),
    ),
    # Retry success
    Case("no retries: no rate, healthy", metrics(100), {}),
    Case("89 of 100", retries(89, 11), {RETRY: CRITICAL}),
    Case("90 of 100 is the target", retries(90, 10), {}),
    Case("84 of 100 matches both levels", retries(84, 16), {RETRY: CRITICAL}),
    Case("92 % warns below 95", retries(92, 8), {RETRY: WARNING}, WARN_FIRST),
    # Latency
    Case("an instant", metrics(100, latency_ms=0), {}),
    Case("4 minutes is not above 4", metrics(100, latency_ms=4 * MINUTE), {}),
    Case("a millisecond more is", metrics(100, latency_ms=4 * MINUTE + 1), {LATENCY: WARNING}),
    Case("5 minutes is not above 5", metrics(100, latency_ms=5 * MINUTE), {LATENCY: WARNING}),
    Case("a millisecond more", metrics(100, latency_ms=5 * MINUTE + 1), {LATENCY: CRITICAL}),
    Case(
        "a platform that may take ten minutes",
        metrics(100, latency_ms=9 * MINUTE),
        {},
        Thresholds(latency_target_ms=10 * MINUTE, latency_warning_ms=9.5 * MINUTE),
    ),
    # Consecutive failures
    Case("2 in a row", metrics(200, streak=2), {}),
    Case("4 in a row", metrics(200, streak=4), {STREAK: CRITICAL}),
    Case("5 allowed", metrics(200, streak=4), {}, Thresholds(consecutive_failures_critical=5)),
    Case("in a row, and nothing due in the window", metrics(streak=3), {STREAK: CRITICAL}),
    # Overdue fires
    Case("overdue for 6 minutes", late(6), {OVERDUE: WARNING}),
    Case("overdue for just under 15", late(14.9), {OVERDUE: WARNING}),
    Case("overdue for 15 minutes", late(15), {OVERDUE: CRITICAL}),
    Case(
        "overdue ones count against the rate",
        late(6, overdue=21),
        {RATE: CRITICAL, OVERDUE: WARNING},
    ),
    Case(
        "nothing delivered and one overdue: not healthy",
        metrics(overdue=1, overdue_since=timedelta(hours=1)),
        {RATE: CRITICAL, OVERDUE: CRITICAL},
    ),
    # Several at once
    Case(
        "everything at once",
        metrics(
            *(50,),
            failed=30,
            streak=5,
            latency_ms=6 * MINUTE,
            retried=40,
            retried_successful=10,
            retried_failed=30,
            overdue=2,
            overdue_since=timedelta(hours=2),
        ),
        dict.fromkeys((RATE, LATENCY, RETRY, STREAK, OVERDUE), CRITICAL),
    ),
]


def judged(case: Case) -> list[Breach]:
    return evaluate(case.metrics, case.thresholds, Subject(), NOW)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.law)
def test_each_case_is_judged_as_the_table_says(case: Case) -> None:
    """Exactly the breaches of the table, with their severity, and the state that follows (D8)."""
    breaches = judged(case)

    assert {breach.type: breach.severity for breach in breaches} == case.found
    assert len(breaches) == len(case.found)
    assert state_of(breaches) is case.state


def test_there_are_as_many_cases_as_the_issue_asks_for() -> None:
    """At least 40."""
    assert len({case.law for case in CASES}) == len(CASES) >= 40


@pytest.mark.parametrize(
    ("measured", "uncertain"),
    [
        (metrics(8, failed=1), {RATE: True}),
        (metrics(9, failed=1), {RATE: False}),
        (metrics(2, latency_ms=6 * MINUTE), {LATENCY: False}),
        (metrics(2, latency_ms=4 * MINUTE + 1), {LATENCY: True}),
        (metrics(0, failed=3, streak=3), {RATE: True, STREAK: False}),
        (retries(5, 4), {RETRY: True}),
    ],
)
def test_a_breach_that_rests_on_few_deliveries_says_so(
    measured: Metrics, uncertain: dict[BreachType, bool]
) -> None:
    """Below ten deliveries it is of low confidence, except for facts: three failures in a row are three, and
    a late median is late."""
    breaches = evaluate(measured, Thresholds(), Subject(), NOW)

    assert {b.type: b.low_confidence for b in breaches} == uncertain


def test_a_breach_names_the_rule_that_is_reported() -> None:
    """Both levels match at 94 %: the threshold is the critical one, and both are in the details."""
    (breach,) = evaluate(metrics(94, failed=6), Thresholds(), Subject(), NOW)

    assert (breach.threshold, breach.actual, breach.sample_size) == (98.0, 94.0, 100)
    assert breach.details["rules"] == ["critical < 98", "warning < 95"]


def test_an_overdue_breach_began_when_the_grace_was_over() -> None:
    """Since the oldest fire's time and the minutes after which it counts as overdue."""
    (breach,) = evaluate(late(20), Thresholds(), Subject(), NOW)

    assert breach.since == NOW - timedelta(minutes=15)
    assert breach.details["oldest_late_minutes"] == 20.0
