"""Previews, by example; that they come true is in test_properties."""

from datetime import date, time

from impact_in_pipelines.scheduling import (
    Cursor,
    DeliveryWindow,
    HolidayCalendar,
    ScheduleRule,
    preview,
)

from .strategies import local, utc

OSLO = "Europe/Oslo"


def test_a_cron_that_isnt_saved_yet_is_previewed_from_now() -> None:
    """Five fires by default, local time and UTC."""
    shown = preview(ScheduleRule("daily", OSLO), after=utc("2026-07-03T08:30"))
    assert len(shown) == 5
    assert shown[0].scheduled_for == utc("2026-07-03T22:00")
    assert shown[0].local.isoformat() == "2026-07-04T00:00:00+02:00"
    assert (shown[0].period_start, shown[0].period_end) == (date(2026, 7, 3), date(2026, 7, 3))
    assert shown[0].why is None


def test_dropped_fires_are_shown_a_line_a_day_with_the_reason() -> None:
    """Twenty-four dropped fires of Christmas Day would hide when the next delivery is."""
    rule = ScheduleRule("hourly", OSLO, HolidayCalendar("NO"))
    shown = preview(rule, 4, after=local("2026-12-24T22:30", OSLO))
    assert [line.dropped for line in shown] == [False, True, True, False]
    assert shown[1].why == (
        "24 fires until 23:00 dropped: 25 December 2026 is Christmas Day; "
        "the next delivery covers its period"
    )
    assert shown[1].period_start is None
    assert (shown[3].period_start, shown[3].period_end) == (date(2026, 12, 24), date(2026, 12, 26))


def test_a_moved_fire_says_why() -> None:
    """The nominal instant stays visible beside the moved one."""
    window = DeliveryWindow(time(8), time(18))
    (line,) = preview(ScheduleRule("daily", OSLO, window=window), 1, after=utc("2026-07-03T08:30"))
    assert line.nominal == local("2026-07-04T00:00", OSLO)
    assert line.scheduled_for == local("2026-07-04T08:00", OSLO)
    assert line.why == "moved to Saturday 04 July 2026 08:00: outside the window 08:00-18:00"


def test_what_is_due_already_comes_first() -> None:
    """A saved schedule that was down shows its catch-up."""
    cursor = Cursor(utc("2026-07-01T00:00"), date(2026, 6, 30))
    shown = preview(ScheduleRule("daily"), 2, after=utc("2026-07-03T08:30"), cursor=cursor)
    assert shown[0].why == "due now; catches up 1 missed fire"
    assert (shown[0].period_start, shown[0].period_end) == (date(2026, 7, 1), date(2026, 7, 2))
    assert shown[1].scheduled_for == utc("2026-07-04T00:00")
