"""What is usual on such days, and from when on little is too little (checks of completeness)."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from impact_in_pipelines.impact.checks import events_where_some_are_due, is_over, share_of_usual
from impact_in_pipelines.impact.figures import HistoryFigures, ImpactFigures

DAY = date(2026, 4, 14)
ENDS = datetime(2026, 4, 14, 22, tzinfo=UTC)
FIGURES = ImpactFigures(UUID(int=1), DAY, DAY, "Europe/Berlin", events=10)


def known(days: int, events: int) -> ImpactFigures:
    """Figures whose company has had so many events on so many such days."""
    return replace(FIGURES, history=HistoryFigures(days=days, events=events))


def test_a_period_is_over_at_its_local_midnight() -> None:
    """Not a moment before; without a zone nobody knows."""
    assert is_over(FIGURES, ENDS)
    assert not is_over(FIGURES, ENDS - timedelta(microseconds=1))
    assert not is_over(replace(FIGURES, timezone=""), ENDS)


@pytest.mark.parametrize(
    ("days", "events", "share"),
    [(4, 80, 0.5), (3, 60, None), (4, 20, 2.0), (4, 19, None), (0, 0, None)],
)
def test_enough_must_be_known_before_anything_is_usual(
    days: int, events: int, share: float | None
) -> None:
    """Four days, and five events a day: below, chance alone makes a drop."""
    assert share_of_usual(known(days, events), ENDS) == share


def test_the_share_is_that_of_a_day() -> None:
    """A period of two days has twice a day's events; one that runs says nothing."""
    two = replace(known(4, 80), period_start=DAY - timedelta(days=1))
    assert share_of_usual(two, ENDS) == 0.25
    assert share_of_usual(two, ENDS - timedelta(seconds=1)) is None


@pytest.mark.parametrize(
    ("days", "events", "due"), [(4, 0, None), (3, 0, 10), (4, 1, 10), (0, 0, 10)]
)
def test_days_that_have_always_been_empty_are_no_surprise(
    days: int, events: int, due: int | None
) -> None:
    """After four of them; before that, none is one."""
    assert events_where_some_are_due(known(days, events), ENDS) == due
    assert events_where_some_are_due(known(days, events), ENDS - timedelta(seconds=1)) is None
