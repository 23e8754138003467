"""Figures as people say them: never rounded across a threshold, always to the worse side."""

import pytest

from impact_in_pipelines.sla.wording import (
    allowance,
    as_set,
    budget_left,
    duration,
    in_unit,
    percent,
    share,
)


@pytest.mark.parametrize(
    ("ms", "said"),
    [
        (None, "–"),
        (0, "0 ms"),
        (999, "999 ms"),
        (999.1, "1.0 s"),
        (1_000, "1.0 s"),
        (12_301, "12.4 s"),
        (59_900, "59.9 s"),
        (59_901, "1 min"),
        (300_000, "5 min"),
        (300_400, "5 min 1 s"),
        (3_599_000, "59 min 59 s"),
        (3_600_000, "1 h"),
        (3_601_000, "1 h 1 min"),
        (12_000_000, "3 h 20 min"),
        (47 * 3_600_000 + 1, "47 h 1 min"),
        (48 * 3_600_000, "2 days"),
        (52 * 3_600_000, "2 days 4 h"),
        (14 * 86_400_000, "14 days"),
        (14 * 86_400_000 + 1, "15 days"),
        (-1_500, "-1.5 s"),
    ],
)
def test_a_duration_goes_up_to_its_unit(ms: float | None, said: str) -> None:
    """What took 0.4 s too long doesn't read as the five minutes it was allowed."""
    assert duration(ms) == said


def test_a_capped_duration_says_so() -> None:
    """It is more than that."""
    assert duration(3_600_000, capped=True) == "over 1 h"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "–"),
        (97.999, "97.99 %"),
        (98.2, "98.20 %"),
        (0.0, "0.00 %"),
        (0.009, "< 0.01 %"),
        (0.01, "0.01 %"),
        (100, "100.00 %"),
    ],
)
def test_a_percentage_is_cut(value: float | None, said: str) -> None:
    """97.999 % has missed 98 %, and what is more than nothing isn't 0."""
    assert percent(value) == said


def test_a_fraction_is_said_in_percent_without_the_noise_of_binary() -> None:
    """0.29 * 100 is 28.999…"""
    assert (share(0.29), share(None), share(0.5, 0)) == ("29.00 %", "–", "50 %")


def test_what_is_left_of_a_budget() -> None:
    """Spent is 0; only below it is overspent."""
    assert [budget_left(value) for value in (None, 0.62, 0.0, -0.01)] == [
        *("–", "62 %", "0 %", "overspent"),
    ]


@pytest.mark.parametrize(
    ("type_", "value", "said"),
    [
        ("success_rate", 97.5, "97.50 %"),
        ("latency", 301_000, "5 min 1 s"),
        ("burn_rate", 14.49, "14.4 ×"),
        ("consecutive_failures", 3, "3"),
    ],
)
def test_each_breach_is_said_in_its_unit(type_: str, value: float, said: str) -> None:
    """Percent, a time, a multiple, a count."""
    assert in_unit(type_, value) == said


def test_a_limit_keeps_every_digit_that_was_set() -> None:
    """A target of 99.99995 % read as 100 %, and a limit of 1234567 as 1.23457e+06."""
    said = [as_set(one) for one in (99.99995, 98.0, 1_234_567, 0.0, 0.00001, 100 * 0.98)]
    assert said == ["99.99995", "98", "1234567", "0", "0.00001", "98"]


def test_what_may_fail_is_cut() -> None:
    """One failure of 49 due has overspent the 0.98 that 98 % allows; "1 failed, 1.0 allowed" hid that."""
    assert [allowance(n) for n in (0.98, 1.0, 1.99, 20.0, 0.0)] == [
        "0.9",
        "1.0",
        "1.9",
        "20.0",
        "0.0",
    ]
