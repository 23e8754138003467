"""What can't be a rule or a window is refused."""

from collections.abc import Callable
from datetime import UTC, datetime, time

import pytest

from impact_in_pipelines.scheduling import (
    DeliveryWindow,
    HolidayCalendar,
    HolidayPolicy,
    InvalidSchedule,
    ScheduleRule,
)
from impact_in_pipelines.wording import sentence

OFFICE = DeliveryWindow(time(8), time(18), frozenset({1, 2, 3, 4, 5}))


def test_a_window_includes_its_start_and_excludes_its_end() -> None:
    """08:00 is in, 18:00 is out, and so is Saturday."""
    inside = [
        OFFICE.contains(datetime(2026, 7, day, hour, minute, tzinfo=UTC))
        for day, hour, minute in [(3, 7, 59), (3, 8, 0), (3, 17, 59), (3, 18, 0), (4, 12, 0)]
    ]
    assert inside == [False, True, True, False, False]


def test_a_window_may_end_at_midnight() -> None:
    """00:00 as the end is the end of the day, so "weekdays, all day" can be said."""
    weekdays = DeliveryWindow(time(0), time(0), frozenset({1, 2, 3, 4, 5}))
    assert weekdays.contains(datetime(2026, 7, 3, 23, 59, tzinfo=UTC))
    assert not weekdays.contains(datetime(2026, 7, 4, 0, 0, tzinfo=UTC))
    assert str(weekdays) == "00:00-00:00 mon-fri"


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: DeliveryWindow(time(18), time(8)), "the end must be later than the start"),
        (lambda: DeliveryWindow(time(8), time(8)), "the end must be later than the start"),
        (lambda: DeliveryWindow(time(8), time(9), frozenset()), "must be of 1 (Monday)"),
        (lambda: DeliveryWindow(time(8), time(9), frozenset({0})), "days 0 must be of 1"),
        (lambda: DeliveryWindow(time(8, 0, 1), time(9)), "08:00:01 must be a local time"),
        (lambda: DeliveryWindow(time(8, tzinfo=UTC), time(9)), "must be a local time"),
        (lambda: ScheduleRule("never"), "doesn't have five fields"),
        (lambda: ScheduleRule("daily", "Oslo"), "time zone 'Oslo' isn't known"),
        (lambda: ScheduleRule("daily", catch_up_limit_days=0), "at least 1 day"),
        (lambda: ScheduleRule("daily", spread_minutes=-1), "must be 0 to 1439 minutes"),
        (lambda: ScheduleRule("daily", catch_up="later"), "isn't one of coalesce, all, none"),  # type: ignore[arg-type]
        (
            lambda: ScheduleRule(
                "daily",
                holiday_calendar=HolidayCalendar("NO", policy=HolidayPolicy.NEXT),
                window=DeliveryWindow(time(8), time(18), frozenset({6, 7})),
            ),
            "opens on weekends only",
        ),
    ],
)
def test_what_cannot_be_a_rule_is_refused_in_one_line(
    build: Callable[[], object], says: str
) -> None:
    """Each refusal names the value and what it must be."""
    with pytest.raises(InvalidSchedule) as refusal:
        build()
    assert says in sentence(refusal.value)
    assert "\n" not in sentence(refusal.value)


def test_a_rule_stores_the_cron_of_a_preset() -> None:
    """Equal rules are equal whichever way they were written."""
    assert ScheduleRule("daily") == ScheduleRule("0  0 * * *")


@pytest.mark.parametrize(
    ("days", "words"),
    [
        ({1, 2, 3, 4, 5}, "mon-fri"),
        ({6, 7}, "sat,sun"),
        ({3}, "wed"),
        ({1, 3, 5}, "mon,wed,fri"),
        ({1, 3, 4, 5}, "mon,wed-fri"),
        ({6, 7, 1}, "sat-mon"),
        ({5, 6, 7, 1, 3}, "fri-mon,wed"),
    ],
)
def test_days_of_a_window_are_written_as_they_are_typed(days: set[int], words: str) -> None:
    """Neighbours are a range, over Sunday too."""
    assert str(DeliveryWindow(time(8), time(18), frozenset(days))) == f"08:00-18:00 {words}"
