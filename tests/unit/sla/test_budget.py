"""The error budget and the burn-rate rules."""

from datetime import UTC, datetime, timedelta

import pytest

from impact_in_pipelines.sla.budget import (
    BURN_RULES,
    BURN_WINDOWS,
    Errors,
    burn_breach,
    burn_rate,
    error_budget,
)
from impact_in_pipelines.sla.model import Breach
from impact_in_pipelines.sla.rules import Subject
from impact_in_pipelines.sla.thresholds import Thresholds

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
T = Thresholds()
NONE = Errors(0, 0)
CLEAN = Errors(100, 0)


def burning(**windows: Errors) -> Breach | None:
    """Judge what came to its end in the windows `m5`, `m30`, `h1`, `h6`, `d3`; clean where not given."""
    names = dict(zip(("m5", "m30", "h1", "h6", "d3"), BURN_WINDOWS, strict=True))
    return burn_breach({span: windows.get(n, CLEAN) for n, span in names.items()}, T, Subject())


def test_the_windows_are_the_workbooks() -> None:
    """14.4 over an hour and 5 minutes, 6 over six hours and 30 minutes, 1 over three days and six hours."""
    hour = timedelta(hours=1)
    assert [(r.rate, r.long / hour, r.short / hour) for r in BURN_RULES] == [
        (14.4, 1, 5 / 60),
        (6.0, 6, 0.5),
        (1.0, 72, 6),
    ]


def test_burning_at_the_targets_own_rate_is_one() -> None:
    """2 of 100 at 98 %."""
    assert burn_rate(Errors(100, 2), T) == pytest.approx(1.0)
    assert burn_rate(NONE, T) is None
    assert burn_rate(Errors(100, 2), Thresholds(success_rate_target_percent=100)) is None


@pytest.mark.parametrize(
    ("windows", "threshold"),
    [
        ({}, None),
        ({"h1": Errors(100, 30), "m5": Errors(10, 3)}, 14.4),
        ({"h1": Errors(100, 28), "m5": Errors(10, 3)}, None),
        ({"h1": Errors(100, 30)}, None),
        ({"h1": Errors(100, 30), "m5": NONE}, None),
        ({"h6": Errors(100, 13), "m30": Errors(10, 2)}, 6.0),
        ({"h6": Errors(100, 3), "d3": Errors(1000, 21)}, 1.0),
        ({"h6": Errors(100, 1), "d3": Errors(1000, 21)}, None),
        # All three match: the fastest is told.
        (
            {
                "m5": Errors(9, 9),
                "m30": Errors(50, 40),
                "h1": Errors(60, 50),
                "h6": Errors(90, 50),
                "d3": Errors(900, 50),
            },
            14.4,
        ),
        # Too little traffic, or one single error.
        ({"h1": Errors(9, 9), "m5": Errors(9, 9)}, None),
        ({"h6": Errors(10, 1), "d3": Errors(10, 1)}, None),
    ],
)
def test_a_rule_matches_in_both_windows_or_not_at_all(
    windows: dict[str, Errors], threshold: float | None
) -> None:
    """The long window says that it matters, the short one that it goes on."""
    found = burning(**windows)

    assert (found.threshold if found else None) == threshold


def test_half_a_budget_left_at_a_sustainable_rate_never_runs_out() -> None:
    """Ten of twenty spent, one failure this week where 5 are allowed."""
    budget = error_budget(Errors(1000, 10), Errors(250, 1), T, NOW)

    assert budget.left == pytest.approx(0.5)
    assert budget.runs_out_at is None


def test_an_overspent_budget_has_run_out_now() -> None:
    """30 of 20: half as much again as there was."""
    budget = error_budget(Errors(1000, 30), Errors(250, 0), T, NOW)

    assert budget.left == pytest.approx(-0.5)
    assert budget.runs_out_at == NOW


def test_the_rate_of_the_last_week_says_when_it_runs_out() -> None:
    """Ten left, and 7 a week more than allowed: one a day."""
    budget = error_budget(Errors(1000, 10), Errors(250, 12), T, NOW)

    assert budget.runs_out_at is not None
    assert budget.runs_out_at - NOW == pytest.approx(timedelta(days=10), abs=timedelta(seconds=1))


def test_nothing_due_has_no_budget_to_spend() -> None:
    """No share of nothing."""
    budget = error_budget(NONE, NONE, T, NOW)

    assert (budget.left, budget.runs_out_at, budget.burn_rate) == (None, None, None)
