"""Instants, closures, windows and plans at their edges."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from impact_in_pipelines.errors.schedules import (
    CatchUpLimitTooShort,
    SpreadOutOfRange,
    WindowEndsBeforeStart,
    WindowNotWholeMinutes,
    WindowOnWeekendsOnly,
)
from impact_in_pipelines.scheduling import (
    CatchUp,
    Cursor,
    DeliveryWindow,
    HolidayCalendar,
    HolidayPolicy,
    ScheduleRule,
    calendar_note,
    cursor_after_change,
    initial_cursor,
    iter_fires,
    next_fire,
    plan_due,
    preview,
)
from impact_in_pipelines.scheduling.clock import first_change, to_instant
from impact_in_pipelines.scheduling.fires import next_group

from .strategies import local, utc

OSLO = "Europe/Oslo"
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def closed(start: date, days: int, policy: HolidayPolicy = HolidayPolicy.SKIP) -> HolidayCalendar:
    """A calendar that closes for so many days from `start` on."""
    return HolidayCalendar(None, None, tuple(start + DAY * n for n in range(days)), policy)


# Instants -------------------------------------------------------------------------------------------------


def test_the_end_of_a_gap_that_is_no_whole_minute_is_the_next_whole_one() -> None:
    """Liberia left 0:44:30 west in 1972: its midnight jumped to 00:44:30, in the middle of a minute."""
    monrovia = ZoneInfo("Africa/Monrovia")
    for wall, instant in (
        ("1972-01-06T23:30", "1972-01-07T00:14:30"),
        ("1972-01-07T00:10", "1972-01-07T00:45"),
        ("1972-01-07T00:45", "1972-01-07T00:45"),
    ):
        assert to_instant(datetime.fromisoformat(wall), monrovia) == utc(instant)


def test_a_change_lies_after_the_first_instant_and_at_the_second_at_the_latest() -> None:
    """Half-open, so that stretches that touch find each change once; across the year's end as well."""
    oslo, change = ZoneInfo(OSLO), utc("2026-03-29T01:00")
    assert first_change(oslo, change - SECOND, change) == change
    assert first_change(oslo, change, change + DAY) is None
    assert first_change(oslo, change - DAY, change - SECOND) is None
    assert first_change(oslo, utc("2025-11-01T00:00"), utc("2027-01-01T00:00")) == change
    # Samoa left out a day between two years' ends.
    apia = ZoneInfo("Pacific/Apia")
    assert first_change(apia, utc("2011-12-01T00:00"), utc("2012-01-02T00:00")) == utc(
        "2011-12-30T10:00"
    )


# Rules ----------------------------------------------------------------------------------------------------


def test_a_rule_takes_a_limit_of_a_day_and_a_spread_below_one() -> None:
    """To the last value of each."""
    ScheduleRule("daily", catch_up_limit_days=1, spread_minutes=1_439)
    ScheduleRule("daily", spread_minutes=0)
    with pytest.raises(CatchUpLimitTooShort):
        ScheduleRule("daily", catch_up_limit_days=0)
    for minutes in (-1, 1_440):
        with pytest.raises(SpreadOutOfRange):
            ScheduleRule("daily", spread_minutes=minutes)


@pytest.mark.parametrize("policy", [HolidayPolicy.NEXT, HolidayPolicy.PREVIOUS])
def test_a_window_that_opens_on_days_off_alone_is_refused_where_fires_leave_them(
    policy: HolidayPolicy,
) -> None:
    """Each fire would be moved off them, and wait for them, for ever. One working day is enough, and a
    calendar that moves nothing may open on Sundays."""
    calendar = HolidayCalendar("NO", policy=policy)
    weekend = DeliveryWindow(time(8), time(18), frozenset({6, 7}))
    for days in ({6}, {7}, {6, 7}):
        with pytest.raises(WindowOnWeekendsOnly):
            ScheduleRule(
                "daily",
                holiday_calendar=calendar,
                window=DeliveryWindow(time(8), time(18), frozenset(days)),
            )
    for days in ({1}, {5, 6}, {7, 1}):
        ScheduleRule(
            "daily",
            holiday_calendar=calendar,
            window=DeliveryWindow(time(8), time(18), frozenset(days)),
        )
    ScheduleRule("daily", holiday_calendar=HolidayCalendar("NO"), window=weekend)
    ScheduleRule("daily", window=weekend)


def test_a_fire_that_nothing_moves_goes_out_alone() -> None:
    """At its own instant, as a group of one."""
    at = utc("2026-07-04T00:00")
    group = next_group(ScheduleRule("daily"), at - SECOND)
    assert group is not None
    assert (group.scheduled_for, group.first, group.nominal, group.size) == (at, at, at, 1)
    assert (group.note, group.dropped) == (None, ())


# Windows --------------------------------------------------------------------------------------------------


def test_a_window_is_of_whole_minutes_and_at_least_one_long() -> None:
    """Neither seconds nor their fractions; from 23:59 to midnight is a minute."""
    for odd in (time(8, 0, 1), time(8, 0, 0, 1)):
        for window in ((odd, time(9)), (time(7), odd)):
            with pytest.raises(WindowNotWholeMinutes):
                DeliveryWindow(*window)
    DeliveryWindow(time(8), time(8, 1))
    DeliveryWindow(time(23, 59), time(0))
    with pytest.raises(WindowEndsBeforeStart):
        DeliveryWindow(time(8, 1), time(8, 1))


@pytest.mark.parametrize(
    ("end", "last"), [(time(18), "2026-07-03T17:59"), (time(0), "2026-07-03T23:59")]
)
def test_the_last_minute_of_a_window_is_the_one_before_it_closes(end: time, last: str) -> None:
    """Midnight is that of the same day's end."""
    window = DeliveryWindow(time(8), end)
    assert window.last_minute(date(2026, 7, 3), ZoneInfo(OSLO)) == local(last, OSLO)


def test_a_window_opens_again_where_the_clock_goes_back_over_its_opening() -> None:
    """On 25 October 2026 it is half past two twice; asked at the second's very instant, that one counts."""
    window, oslo, day = DeliveryWindow(time(2, 30), time(18)), ZoneInfo(OSLO), date(2026, 10, 25)
    first = local("2026-10-25T02:30", OSLO)
    second = first + timedelta(hours=1)
    assert window.opening(day, oslo, first) == first
    assert window.opening(day, oslo, first + SECOND) == second
    assert window.opening(day, oslo, second) == second
    assert window.opening(day, oslo, second + SECOND) is None


def test_a_spread_ends_a_minute_before_the_window_and_never_moves_a_fire_forward() -> None:
    """A fire in the last minute stays where it is."""
    window = DeliveryWindow(time(8), time(18))
    for cron, minutes, at in (
        ("30 17 * * *", 29, "17:59"),
        ("30 17 * * *", 30, "17:59"),
        ("30 17 * * *", 28, "17:58"),
        ("59 17 * * *", 7, "17:59"),
    ):
        rule = ScheduleRule(cron, OSLO, window=window, spread_minutes=minutes)
        (fire, _) = next(iter(iter_fires(rule, initial_cursor(rule, utc("2026-07-03T10:00")))))
        assert f"{fire.scheduled_for.astimezone(rule.zone):%H:%M}" == at


# Closures -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "days", "distance"),
    [
        (HolidayPolicy.NEXT, 400, 400),
        (HolidayPolicy.NEXT, 401, None),
        (HolidayPolicy.PREVIOUS, 398, 400),  # the weekend before it is closed as well
        (HolidayPolicy.PREVIOUS, 399, None),
    ],
)
def test_a_closure_of_more_than_thirteen_months_has_no_business_day(
    policy: HolidayPolicy, days: int, distance: int | None
) -> None:
    """Somebody who closes for a year comes back: 400 days are looked through, no endless calendar."""
    monday = date(2026, 1, 5)
    calendar = closed(monday, days, policy)
    day = monday if policy is HolidayPolicy.NEXT else monday + DAY * (days - 1)
    found = calendar.business_day(day)
    assert (found and abs((found - day).days)) == distance


def test_what_no_opening_takes_within_four_hundred_days_is_dropped() -> None:
    """With the reason, and the days go to the next fire."""
    window = DeliveryWindow(time(8), time(18))
    start = date(2026, 7, 4)
    rule = ScheduleRule("0 20 * * *", OSLO, closed(start, 398), window)
    found = next_fire(rule, Cursor(local("2026-07-03T12:00", OSLO), date(2026, 7, 2)))
    assert found is not None
    assert found[0].scheduled_for == local("2027-08-06T08:00", OSLO)
    rule = ScheduleRule("0 20 * * *", OSLO, closed(start, 399), window)
    shown = preview(rule, 1, after=local("2026-07-03T12:00", OSLO))
    assert shown[0].dropped
    assert "doesn't open within 400 days" in (shown[0].why or "")


def test_a_calendar_that_drops_every_fire_for_thirty_years_drops_them_for_good() -> None:
    """One that opens again within them has a next fire."""
    firsts = [date(2001 + n // 12, n % 12 + 1, 1) for n in range(362)]
    for closed_months, opens in ((361, True), (362, False)):
        rule = ScheduleRule(
            "monthly", holiday_calendar=HolidayCalendar(None, None, tuple(firsts[:closed_months]))
        )
        found = next_group(rule, utc("2000-12-15T00:00"))
        assert (found is not None) is opens
        if found is not None:
            assert found.scheduled_for == utc("2031-02-01T00:00")
            assert sum(one.count for one in found.dropped) == 361


def test_a_note_on_a_calendar_counts_the_days_of_a_region_and_looks_a_year_ahead() -> None:
    """Bavaria has three that Germany as a whole hasn't; a calendar that says nothing has none."""
    today = date(2026, 3, 4)
    notes = {
        text: calendar_note(HolidayCalendar.parse(text), today)
        for text in ("DE-BY", "UA", "LK", "NO-03")
    }
    assert {text: note and (note.year, note.own) for text, note in notes.items()} == {
        "DE-BY": (2026, 3),
        "UA": (2026, 0),
        "LK": (2027, 0),
        "NO-03": (2026, 0),
    }
    assert calendar_note(HolidayCalendar("LK"), date(2025, 3, 4)) is None


# Plans ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("late", "disposition"), [(0, "deliver"), (1, "missed")])
def test_a_fire_is_left_to_a_person_when_it_is_older_than_the_limit(
    late: int, disposition: str
) -> None:
    """Exactly as old as the limit it still goes out, a second later no more."""
    rule = ScheduleRule("0 0 1 1 *", catch_up_limit_days=7)
    cursor = initial_cursor(rule, utc("2025-06-01T00:00"))
    plan = plan_due(rule, cursor, utc("2026-01-08T00:00") + SECOND * late)
    assert [fire.disposition for fire in plan.fires] == [disposition]
    assert (plan.needs_person is None) is (disposition == "deliver")


def test_the_second_fire_makes_a_downtime_at_its_very_instant() -> None:
    """A second before it there is one fire, which is simply delivered."""
    cursor = Cursor(utc("2026-07-03T00:00"), date(2026, 7, 2))
    for now, dispositions in (
        ("2026-07-04T23:59:59", ["deliver"]),
        ("2026-07-05T00:00:00", ["missed", "deliver"]),
    ):
        plan = plan_due(ScheduleRule("daily"), cursor, utc(now))
        assert [fire.disposition for fire in plan.fires] == dispositions


@pytest.mark.parametrize("policy", list(CatchUp))
def test_of_a_downtime_the_fires_beyond_the_limit_are_a_persons_and_the_others_ours(
    policy: CatchUp,
) -> None:
    """The one that is just as old as the limit is ours; the sentence names the days that are not sent."""
    rule = ScheduleRule("daily", catch_up=policy, catch_up_limit_days=2)
    cursor = Cursor(utc("2026-07-03T00:00"), date(2026, 7, 2))
    plan = plan_due(rule, cursor, utc("2026-07-07T00:00"))
    earlier = "catch_up" if policy is CatchUp.ALL else "missed"
    assert [fire.disposition for fire in plan.fires] == ["missed", earlier, earlier, "deliver"]
    assert plan.needs_person is not None
    assert plan.needs_person.startswith("2026-07-03 was missed")
    first = plan.fires[0]
    assert first.note == "missed more than 2 days ago, left to a person"
    assert plan.fires[1].note == "missed in a downtime"
    latest = plan.fires[-1]
    coalesced = policy is CatchUp.COALESCE
    assert latest.period_start == (date(2026, 7, 4) if coalesced else date(2026, 7, 6))
    assert latest.period_end == date(2026, 7, 6)
    assert latest.note == ("catches up 2 missed fires" if coalesced else None)


def test_a_changed_schedule_fires_after_the_change_and_not_at_it() -> None:
    """What is due at the moment itself is planned by the old rule."""
    rule, now = ScheduleRule("daily"), utc("2026-07-05T00:00")
    before = Cursor(utc("2026-07-03T00:00"), date(2026, 7, 2))
    cursor = cursor_after_change(rule, before, now)
    assert cursor == Cursor(now, date(2026, 7, 2))
    found = next_fire(rule, cursor)
    assert found is not None
    assert found[0].scheduled_for == now + DAY
    ahead = Cursor(now + DAY, date(2026, 7, 2))
    assert cursor_after_change(rule, ahead, now).after == now + DAY


def test_a_fire_that_is_moved_back_to_now_does_not_go_out_again() -> None:
    """Saturday's and Sunday's fires of a schedule made at Friday's very midnight are moved onto it."""
    rule = ScheduleRule("daily", OSLO, HolidayCalendar("NO", policy=HolidayPolicy.PREVIOUS))
    now = local("2026-07-03T00:00", OSLO)
    cursor = initial_cursor(rule, now)
    assert cursor.after == local("2026-07-05T00:00", OSLO)
    found = next_fire(rule, cursor)
    assert found is not None
    assert found[0].scheduled_for == local("2026-07-06T00:00", OSLO)


# Previews -------------------------------------------------------------------------------------------------


def test_a_preview_shows_dropped_fires_that_are_still_to_come_and_no_others() -> None:
    """One alone has no *until*; those that were dropped before are history."""
    rule = ScheduleRule("0 9,17 * * *", OSLO, HolidayCalendar("NO"))
    day = "2026-12-25"
    shown = preview(rule, 1, after=local(f"{day}T08:00", OSLO))
    assert (shown[0].why or "").startswith("2 fires until 17:00 dropped: 25 December 2026 is")
    assert shown[0].nominal == local(f"{day}T09:00", OSLO)
    shown = preview(rule, 1, after=local(f"{day}T17:00", OSLO))
    assert shown[0].nominal == local("2026-12-26T09:00", OSLO)
    single = ScheduleRule("0 9 * * *", OSLO, HolidayCalendar("NO"))
    shown = preview(single, 1, after=local(f"{day}T08:00", OSLO))
    assert (shown[0].why or "").startswith("dropped: 25 December 2026 is Christmas Day; the next")


def test_what_is_due_now_says_so_and_what_is_only_written_down_is_not_shown() -> None:
    """A single fire has no other reason."""
    cursor = Cursor(utc("2026-07-02T00:00"), date(2026, 7, 1))
    shown = preview(ScheduleRule("daily"), 1, after=utc("2026-07-03T00:00"), cursor=cursor)
    assert [line.why for line in shown] == ["due now"]
    both = preview(
        ScheduleRule("daily", catch_up=CatchUp.NONE),
        2,
        after=utc("2026-07-04T00:00"),
        cursor=cursor,
    )
    assert [line.scheduled_for for line in both] == [utc("2026-07-04T00:00"), utc("2026-07-05")]


# Long downtimes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("most", [1, 5, 40])
@pytest.mark.parametrize(
    "rule",
    [
        ScheduleRule("*/5 * * * *"),
        ScheduleRule("0 9,17 * * *", OSLO),
        ScheduleRule("*/7 * * * *", OSLO, window=DeliveryWindow(time(8), time(10), frozenset({1}))),
        ScheduleRule("hourly", OSLO, HolidayCalendar("NO", policy=HolidayPolicy.PREVIOUS)),
    ],
    ids=lambda rule: rule.cron,
)
def test_a_short_list_is_the_end_of_the_whole_one_and_as_long_as_it_may_be(
    monkeypatch: pytest.MonkeyPatch, rule: ScheduleRule, most: int
) -> None:
    """However few are listed: the latest, none left out between them, and the same days before them are a
    person's."""
    now = utc("2026-07-07T12:00")
    cursor = initial_cursor(rule, now - 45 * DAY)
    monkeypatch.setattr("impact_in_pipelines.scheduling.due.MOST_PLANNED", most)
    monkeypatch.setattr("impact_in_pipelines.scheduling.due._MOST_READ", most * 5)
    short = plan_due(rule, cursor, now)
    monkeypatch.setattr("impact_in_pipelines.scheduling.due.MOST_PLANNED", 10**6)
    monkeypatch.setattr("impact_in_pipelines.scheduling.due._MOST_READ", 10**7)
    whole = plan_due(rule, cursor, now)
    listed = [fire.scheduled_for for fire in short.fires]
    assert listed == [fire.scheduled_for for fire in whole.fires][-len(listed) :]
    assert 1 <= len(listed) <= most
    assert (short.cursor, short.next_run) == (whole.cursor, whole.next_run)
    assert short.needs_person is not None
    assert f"Only the latest {len(listed)} missed fires are listed" in short.needs_person
