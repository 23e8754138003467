"""Who is paged, and on which rule that rests (design D18, docs/sla.md, "Who is paged")."""

from dataclasses import replace
from datetime import UTC, datetime
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impact_in_pipelines.sla.model import Breach, BreachType, Durations, Metrics, Rule
from impact_in_pipelines.sla.rates import chance_of_failures, rate
from impact_in_pipelines.sla.rules import Subject, evaluate
from impact_in_pipelines.sla.thresholds import Thresholds

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SIGNIFICANT = Thresholds(page_policy="significant")


def only(metrics: Metrics, type_: BreachType, thresholds: Thresholds = Thresholds()) -> Breach:  # noqa: B008
    [found] = [b for b in evaluate(metrics, thresholds, Subject(), NOW) if b.type is type_]
    return found


def failing(failed: int, due: int) -> Metrics:
    return Metrics(due=due, success_rate=rate(due - failed, due))


@pytest.mark.parametrize(
    ("failed", "due", "thresholds", "rule", "pages"),
    [
        (1, 9, Thresholds(), Rule.FEW_DELIVERIES, False),
        (1, 10, Thresholds(), Rule.TARGET_MISSED, True),
        (3, 100, Thresholds(), Rule.TARGET_MISSED, True),
        (3, 100, SIGNIFICANT, Rule.NOT_SIGNIFICANT, False),
        (5, 100, SIGNIFICANT, Rule.NOT_SIGNIFICANT, False),
        (6, 100, SIGNIFICANT, Rule.SIGNIFICANT, True),
        (1, 10, SIGNIFICANT, Rule.NOT_SIGNIFICANT, False),
        (2, 10, SIGNIFICANT, Rule.SIGNIFICANT, True),
        (3, 3, SIGNIFICANT, Rule.SIGNIFICANT, True),
    ],
)
def test_a_rate_pages_by_the_table_or_where_chance_does_not_explain_it(
    failed: int, due: int, thresholds: Thresholds, rule: Rule, pages: bool
) -> None:
    """`literal`: below the target on ten deliveries; `significant`: less than 5 % probability."""
    found = only(failing(failed, due), BreachType.SUCCESS_RATE, thresholds)

    assert (found.rule, found.pages) == (rule, pages)
    assert found.low_confidence is not pages


@given(st.integers(1, 60), st.sampled_from([0.02, 0.1, 0.5]), st.data())
def test_the_probability_is_the_exact_binomial_tail(n: int, p: float, data: st.DataObject) -> None:
    """Against the sum of the terms as they stand in the textbook."""
    k = data.draw(st.integers(0, n))
    expected = sum(comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k, n + 1))

    assert chance_of_failures(k, n, p) == pytest.approx(expected, rel=1e-9)


def test_millions_are_no_trouble() -> None:
    """Half of the time a large sample has at least as many failures as its mean."""
    assert chance_of_failures(20_000, 1_000_000, 0.02) == pytest.approx(0.5, abs=0.01)
    assert chance_of_failures(21_000, 1_000_000, 0.02) < 1e-10


@pytest.mark.parametrize(
    ("on_time", "rule", "pages"), [(1, Rule.AVERAGE_LATE, False), (0, Rule.MEDIAN_LATE, True)]
)
def test_late_deliveries_page_if_half_of_them_are_late_at_any_number(
    on_time: int, rule: Rule, pages: bool
) -> None:
    """One of two that took a day makes the average late; two of two are late."""
    latency = Durations(average=600_000.0, maximum=1_000_000.0, n=2)
    found = only(Metrics(on_time=on_time, latency=latency), BreachType.LATENCY)

    assert (found.rule, found.pages) == (rule, pages)


@pytest.mark.parametrize(("minutes", "pages"), [(16, True), (6, False)])
def test_one_overdue_fire_is_a_fact(minutes: int, pages: bool) -> None:
    """No minimum of deliveries: fifteen minutes are fifteen minutes."""
    found = only(
        Metrics(overdue=1, due=1, oldest_overdue=NOW.replace(hour=11, minute=60 - minutes)),
        BreachType.OVERDUE,
    )

    assert (found.pages, found.low_confidence) == (pages, False)


def test_the_on_time_rate_warns_and_pages_nobody() -> None:
    """97.999 % is below 98 %, and nobody gets up for it."""
    metrics = Metrics(timed=100_000, on_time=97_999, on_time_rate=rate(97_999, 100_000))
    found = only(metrics, BreachType.ON_TIME_RATE)

    assert (found.rule, found.pages) == (Rule.LATE_DELIVERIES, False)
    assert (
        evaluate(replace(metrics, on_time_rate=rate(98_000, 100_000)), Thresholds(), Subject(), NOW)
        == []
    )
