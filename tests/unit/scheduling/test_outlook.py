"""An outlook says what the fires themselves do: on which days, what moves, what is dropped, and why."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given, settings

from impact_in_pipelines.scheduling import (
    HolidayCalendar,
    HolidayPolicy,
    ScheduleRule,
    initial_cursor,
    iter_fires,
)
from impact_in_pipelines.scheduling.holidays.lists import holiday_countries, holiday_in_words
from impact_in_pipelines.scheduling.outlook import Because, Shifted, outlook

from .strategies import rules

_NEW_YEAR = datetime(2025, 12, 31, 22, 59, tzinfo=UTC)
_FIRST, _LAST = date(2026, 1, 1), date(2026, 12, 31)


def test_holidays_are_dropped_with_their_reason() -> None:
    """Norway's Constitution Day is a Sunday in 2026; what falls on a weekday is told by its date."""
    rule = ScheduleRule("0 8 * * 1-5", "Europe/Oslo", HolidayCalendar("NO"))
    found = outlook(rule, after=_NEW_YEAR, first=_FIRST, last=_LAST)
    assert all(one.to is None and one.because is Because.HOLIDAY for one in found.shifted)
    assert Shifted(date(2026, 5, 1), None, 1, Because.HOLIDAY) in found.shifted
    assert date(2026, 5, 1) not in found.days
    assert len(found.days) + len(found.shifted) == 261


def test_moved_sends_say_from_which_day_and_why() -> None:
    """Saturday's and Sunday's go out with Monday's; New Year's Day moves past the weekend that follows."""
    calendar = HolidayCalendar("NO", policy=HolidayPolicy.NEXT, extra_dates=(date(2026, 3, 4),))
    rule = ScheduleRule("0 8 * * *", "Europe/Oslo", calendar)
    found = outlook(rule, after=_NEW_YEAR, first=_FIRST, last=_LAST)
    told = {one.day: one for one in found.shifted}
    assert told[date(2026, 1, 3)] == Shifted(date(2026, 1, 3), date(2026, 1, 5), 1, Because.WEEKEND)
    assert told[date(2026, 1, 1)] == Shifted(date(2026, 1, 1), date(2026, 1, 2), 1, Because.HOLIDAY)
    assert told[date(2026, 3, 4)] == Shifted(date(2026, 3, 4), date(2026, 3, 5), 1, Because.OWN_DAY)


def test_what_fires_too_often_is_told_for_its_first_weeks() -> None:
    """And says until when."""
    found = outlook(
        ScheduleRule("*/5 * * * *"), after=_NEW_YEAR, first=_FIRST, last=_LAST, most=1000
    )
    assert found.until == date(2026, 1, 4)
    assert max(found.days) == found.until


@settings(max_examples=60, deadline=None)
@given(rules)
def test_the_days_are_those_of_the_fires(rule: ScheduleRule) -> None:
    """Whatever the calendar, the window and the spread: as many a day as the schedule would send."""
    cursor = initial_cursor(rule, _NEW_YEAR)
    last = date(2026, 3, 1)
    found = outlook(rule, after=cursor.after, first=_FIRST, last=last)
    sent: dict[date, int] = {}
    for fire, _ in iter_fires(rule, cursor):
        day = fire.scheduled_for.astimezone(rule.zone).date()
        if day > found.until:
            break
        if day >= _FIRST:
            sent[day] = sent.get(day, 0) + 1
    told = {day: n for day, n in found.days.items() if day < found.until}
    assert told == {day: n for day, n in sent.items() if day < found.until}
    assert all(one.to is None or found.days.get(one.to, 1) for one in found.shifted)
    assert all(one.to != one.day for one in found.shifted)


def test_every_listed_calendar_can_be_chosen() -> None:
    """Each country is one that a calendar takes, and each of some countries' regions too."""
    known = holiday_countries()
    assert {"NO", "DE", "ES", "UA", "US"} <= set(known)
    for country in known:
        assert HolidayCalendar(country).country == country
    for country in ("NO", "DE", "ES"):
        for region in known[country]:
            assert HolidayCalendar(country, region.code).subdivision == region.code
    assert "Bayern" in {region.name for region in known["DE"]}


def test_holidays_are_named_in_the_readers_language() -> None:
    """Where the list has it; English elsewhere; a company's own day has no name."""
    calendar = HolidayCalendar("NO", extra_dates=(date(2026, 3, 4),))
    day = date(2026, 5, 17)
    assert holiday_in_words(calendar, day, "en") == "Constitution Day"
    assert holiday_in_words(calendar, day, "nb") == "Grunnlovsdag"
    assert holiday_in_words(calendar, day, "es") == "Constitution Day"
    assert holiday_in_words(calendar, day, "uk") != "Constitution Day"
    assert holiday_in_words(calendar, date(2026, 3, 4), "en") is None
    assert holiday_in_words(calendar, day + timedelta(days=1), "en") is None
