"""Fires and the periods they report on, by example."""

from datetime import date, time, timedelta
from itertools import islice

import pytest

from impact_in_pipelines.scheduling import (
    Cursor,
    DeliveryWindow,
    HolidayCalendar,
    HolidayPolicy,
    ScheduleRule,
    cursor_after_change,
    initial_cursor,
    iter_fires,
    next_fire,
)

from .strategies import local, utc

OSLO = "Europe/Oslo"
OFFICE = DeliveryWindow(time(8), time(18), frozenset({1, 2, 3, 4, 5}))


def lines(rule: ScheduleRule, now: str, count: int) -> list[str]:
    """The first `count` fires of a schedule that starts at the local time `now`, each as
    `scheduled_for | period`, in local time."""
    cursor = initial_cursor(rule, local(now, rule.timezone))
    return [
        f"{fire.scheduled_for.astimezone(rule.zone):%m-%d %H:%M} | "
        f"{fire.period_start:%m-%d}..{fire.period_end:%m-%d}"
        for fire, _ in islice(iter_fires(rule, cursor), count)
    ]


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("daily", ["07-04 00:00 | 07-03..07-03", "07-05 00:00 | 07-04..07-04"]),
        ("weekly", ["07-05 00:00 | 06-28..07-04", "07-12 00:00 | 07-05..07-11"]),
        ("monthly", ["08-01 00:00 | 07-01..07-31", "09-01 00:00 | 08-01..08-31"]),
        ("0 9,17 * * *", ["07-03 17:00 | 07-03..07-03", "07-04 09:00 | 07-03..07-03"]),
        ("0 6 * * 1,4", ["07-06 06:00 | 07-02..07-05", "07-09 06:00 | 07-06..07-08"]),
    ],
)
def test_a_period_is_what_lies_between_two_fires(cron: str, expected: list[str]) -> None:
    """Daily the day before, weekly seven days, monthly the month, custom whatever lies between."""
    assert lines(ScheduleRule(cron, OSLO), "2026-07-03T10:30", 2) == expected


def test_hourly_reports_the_day_so_far_and_after_midnight_the_whole_day_before() -> None:
    """Otherwise the last hour of a day would never be reported."""
    assert lines(ScheduleRule("hourly", OSLO), "2026-07-03T21:30", 5) == [
        "07-03 22:00 | 07-03..07-03",
        "07-03 23:00 | 07-03..07-03",
        "07-04 00:00 | 07-03..07-03",
        "07-04 01:00 | 07-04..07-04",
        "07-04 02:00 | 07-04..07-04",
    ]


def test_days_are_those_of_the_schedules_zone() -> None:
    """Midnight in Auckland is noon in UTC; the period is Auckland's day."""
    rule = ScheduleRule("daily", "Pacific/Auckland")
    found = next_fire(rule, Cursor(utc("2026-07-03T00:00"), date(2026, 7, 2)))
    assert found is not None
    assert found[0].scheduled_for == utc("2026-07-03T12:00")
    assert (found[0].period_start, found[0].period_end) == (date(2026, 7, 3), date(2026, 7, 3))


def test_a_dropped_fire_leaves_its_period_to_the_next() -> None:
    """Christmas Day and the day after are reported on the 27th."""
    rule = ScheduleRule("daily", OSLO, HolidayCalendar("NO"))
    assert lines(rule, "2026-12-23T12:00", 3) == [
        "12-24 00:00 | 12-23..12-23",
        "12-27 00:00 | 12-24..12-26",
        "12-28 00:00 | 12-27..12-27",
    ]


def test_a_fire_moved_to_the_next_business_day_keeps_its_period() -> None:
    """The first of August 2026 is a Saturday: July is sent on Monday, and it is July."""
    rule = ScheduleRule("monthly", OSLO, HolidayCalendar("NO", policy=HolidayPolicy.NEXT))
    assert lines(rule, "2026-07-03T10:30", 2) == [
        "08-03 00:00 | 07-01..07-31",
        "09-01 00:00 | 08-01..08-31",
    ]


def test_a_fire_moved_to_before_its_period_ends_leaves_the_rest_to_the_next() -> None:
    """Sent on Friday 31 July, July's last day isn't over: it goes with August."""
    rule = ScheduleRule("monthly", OSLO, HolidayCalendar("NO", policy=HolidayPolicy.PREVIOUS))
    assert lines(rule, "2026-07-03T10:30", 2) == [
        "07-31 00:00 | 07-01..07-30",
        "09-01 00:00 | 07-31..08-31",
    ]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (
            HolidayPolicy.NEXT,
            [
                "07-03 23:00 | 07-03..07-03",
                "07-06 00:00 | 07-03..07-05",
                "07-06 01:00 | 07-06..07-06",
            ],
        ),
        (
            HolidayPolicy.PREVIOUS,
            [
                "07-03 23:00 | 07-03..07-03",
                "07-06 00:00 | 07-03..07-05",
                "07-06 01:00 | 07-06..07-06",
            ],
        ),
    ],
)
def test_a_weekend_of_hourly_fires_goes_out_once(
    policy: HolidayPolicy, expected: list[str]
) -> None:
    """Forty-eight moved fires don't queue up beside Monday's or Friday's own."""
    rule = ScheduleRule("hourly", OSLO, HolidayCalendar("NO", policy=policy))
    assert lines(rule, "2026-07-03T22:30", 3) == expected


def test_fires_outside_the_window_wait_for_its_opening_together() -> None:
    """Friday evening's to Monday morning's fires become one at 08:00, and it says so."""
    rule = ScheduleRule("every-6-hours", OSLO, window=OFFICE)
    assert lines(rule, "2026-07-03T10:30", 3) == [
        "07-03 12:00 | 07-03..07-03",
        "07-06 08:00 | 07-03..07-05",
        "07-06 12:00 | 07-06..07-06",
    ]
    cursor = initial_cursor(rule, local("2026-07-03T12:30", OSLO))
    found = next_fire(rule, cursor)
    assert found is not None
    assert found[0].nominal == local("2026-07-06T06:00", OSLO)
    assert found[0].note == (
        "11 fires from 03 July 2026 18:00 to 06 July 2026 06:00 go out together: moved to Monday "
        "06 July 2026 08:00: outside the window 08:00-18:00 mon-fri"
    )


def test_a_window_doesnt_open_on_a_holiday() -> None:
    """A fire of Thursday evening skips Christmas Day, a Friday with open hours."""
    rule = ScheduleRule("0 20 * * *", OSLO, HolidayCalendar("NO"), OFFICE)
    assert lines(rule, "2026-12-24T10:30", 1) == ["12-28 08:00 | 12-23..12-26"]


def test_a_spread_moves_the_fire_and_not_its_period() -> None:
    """The SLA clock starts later; over midnight, too, the days stay the same."""
    assert lines(ScheduleRule("50 23 * * *", OSLO, spread_minutes=20), "2026-07-03T10:30", 2) == [
        "07-04 00:10 | 07-02..07-02",
        "07-05 00:10 | 07-03..07-03",
    ]


def test_a_spread_stays_inside_the_window() -> None:
    """The window is promised to the company: the last minute is as late as it gets."""
    rule = ScheduleRule("0 0,12,17 * * *", OSLO, window=OFFICE, spread_minutes=90)
    assert [line[:11] for line in lines(rule, "2026-07-02T10:30", 4)] == [
        "07-02 13:30",
        "07-02 17:59",
        "07-03 09:30",
        "07-03 13:30",
    ]


def test_a_calendar_that_drops_every_fire_has_no_next_one() -> None:
    """Sent on New Year's Day only, and closed on New Year's Day."""
    rule = ScheduleRule("0 0 1 1 *", OSLO, HolidayCalendar("NO"))
    assert next_fire(rule, Cursor(utc("2026-07-03T00:00"), date(2026, 7, 2))) is None


def test_a_schedule_made_on_friday_doesnt_send_what_saturday_moves_to_this_morning() -> None:
    """It would be late the moment it exists."""
    rule = ScheduleRule("daily", OSLO, HolidayCalendar("NO", policy=HolidayPolicy.PREVIOUS))
    assert lines(rule, "2026-07-03T10:30", 1) == ["07-06 00:00 | 07-03..07-05"]


def test_a_changed_rule_never_fires_at_or_before_the_change_and_loses_no_day() -> None:
    """From daily to weekly on a Thursday: the days since the last report go with the next fire."""
    now = local("2026-07-02T10:30", OSLO)
    before = Cursor(local("2026-07-02T00:00", OSLO), date(2026, 7, 1))
    rule = ScheduleRule("weekly", OSLO)
    found = next_fire(rule, cursor_after_change(rule, before, now))
    assert found is not None
    assert found[0].scheduled_for == local("2026-07-05T00:00", OSLO)
    assert (found[0].period_start, found[0].period_end) == (date(2026, 7, 2), date(2026, 7, 4))


def test_a_resumed_schedule_covers_the_days_of_its_pause_with_the_next_fire() -> None:
    """Nothing that fell due in the pause fires afterwards."""
    rule = ScheduleRule("daily", OSLO)
    paused = Cursor(local("2026-07-02T00:00", OSLO), date(2026, 7, 1))
    now = local("2026-07-12T10:30", OSLO)
    found = next_fire(rule, cursor_after_change(rule, paused, now))
    assert found is not None
    assert found[0].scheduled_for == local("2026-07-13T00:00", OSLO)
    assert (found[0].period_start, found[0].period_end) == (date(2026, 7, 2), date(2026, 7, 12))


def test_a_move_to_a_zone_further_west_reports_the_unfinished_day_again() -> None:
    """The day that Kiritimati has finished is still going on in Honolulu."""
    now = utc("2026-07-02T11:00")
    before = Cursor(utc("2026-07-02T10:00"), date(2026, 7, 2))
    rule = ScheduleRule("daily", "Pacific/Honolulu")
    cursor = cursor_after_change(rule, before, now)
    assert cursor.covered_until == date(2026, 7, 1)
    found = next_fire(rule, cursor)
    assert found is not None
    assert found[0].scheduled_for - now < timedelta(days=1)
    assert (found[0].period_start, found[0].period_end) == (date(2026, 7, 2), date(2026, 7, 2))
