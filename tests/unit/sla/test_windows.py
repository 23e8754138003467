"""Weeks, months and other windows, all in UTC."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impact_in_pipelines.errors.sla import WindowReversed
from impact_in_pipelines.sla.windows import (
    ReportPeriod,
    before,
    current_week,
    last_complete,
    period_of,
    window,
)

DAYS = st.dates(date(2000, 1, 1), date(2100, 1, 1))
PERIODS = st.sampled_from(ReportPeriod)


def test_the_week_begins_on_monday_in_utc() -> None:
    """Whatever the zone of the clock: Monday 00:30 in Oslo is still Sunday."""
    oslo = timezone(timedelta(hours=1))

    assert current_week(datetime(2026, 3, 9, 0, 30, tzinfo=oslo)).start == datetime(
        2026, 3, 2, tzinfo=UTC
    )
    assert current_week(datetime(2026, 3, 9, 0, 0, tzinfo=UTC)).start.date() == date(2026, 3, 9)


@given(DAYS, PERIODS)
def test_every_day_lies_in_exactly_one_period(day: date, period: ReportPeriod) -> None:
    """And the one before ends where it begins."""
    found = period_of(period, day)

    assert found.start.date() <= day < found.end.date()
    assert before(period, found).end == found.start
    assert period_of(period, found.end.date()).start == found.end


def test_a_month_is_the_calendars() -> None:
    """February of a leap year included."""
    february = period_of(ReportPeriod.MONTHLY, date(2028, 2, 11))

    assert (february.start.date(), february.end.date()) == (date(2028, 2, 1), date(2028, 3, 1))


def test_the_last_complete_period_is_the_one_that_has_ended() -> None:
    """At Monday 00:00 it is the week that has just ended."""
    monday = datetime(2026, 3, 9, tzinfo=UTC)

    assert last_complete(ReportPeriod.WEEKLY, monday).end == monday
    assert last_complete(ReportPeriod.WEEKLY, monday - timedelta(seconds=1)).end == (
        monday - timedelta(days=7)
    )


def test_a_window_that_is_only_given_an_end_begins_with_its_week() -> None:
    """And one that ends before it begins is refused."""
    now = datetime(2026, 3, 11, tzinfo=UTC)
    end = datetime(2026, 3, 5, 12, tzinfo=UTC)

    assert window(now, end=end).start == datetime(2026, 3, 2, tzinfo=UTC)
    with pytest.raises(WindowReversed):
        window(now, start=now, end=end)
