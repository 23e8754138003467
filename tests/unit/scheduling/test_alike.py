"""What people should know of a rule: a calendar that holds less than its name says, a twin, a zone meant."""

from datetime import date

import pytest

from impact_in_pipelines.errors.schedules import CalendarRegionUnknown, TimezoneUnknown
from impact_in_pipelines.scheduling import (
    CalendarNote,
    CatchUp,
    HolidayCalendar,
    ScheduleRule,
    calendar_note,
    fires_alike,
    parse_timezone,
)

TODAY = date(2026, 3, 4)


def test_a_whole_country_whose_holidays_are_listed_goes_without_saying() -> None:
    """And so do dates of the company's own."""
    assert calendar_note(HolidayCalendar("NO"), TODAY) is None
    assert calendar_note(HolidayCalendar(None, None, (TODAY,)), TODAY) is None
    assert calendar_note(None, TODAY) is None


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("UA", CalendarNote("calendar.empty", "UA", "UA", 2026)),  # none under martial law
        ("LK", CalendarNote("calendar.empty", "LK", "LK", 2027)),  # listed until 2026
        ("NO-03", CalendarNote("calendar.no_region", "NO", "NO-03", 2026)),
        ("DE-BY", CalendarNote("calendar.region", "DE", "DE-BY", 2026, 4)),
    ],
)
def test_any_other_calendar_says_what_it_holds(text: str, note: CalendarNote) -> None:
    """A calendar without holidays moved nothing, and nobody was told."""
    found = calendar_note(HolidayCalendar.parse(text), TODAY)
    assert found is not None
    assert (found.code, found.region, found.year) == (note.code, note.region, note.year)
    assert (found.own > 0) == (note.own > 0)


def test_a_region_is_read_as_people_write_it_and_refused_where_there_is_none() -> None:
    """Small letters and names are codes; the United Kingdom's code is GB."""
    for text in ("DE-by", "de-Bayern", "DE-BY"):
        assert HolidayCalendar.parse(text) == HolidayCalendar("DE", "BY")
    assert HolidayCalendar.parse("UK") == HolidayCalendar("GB")
    with pytest.raises(CalendarRegionUnknown):
        HolidayCalendar.parse("DE-XX")


def test_rules_fire_alike_whatever_their_spread_and_catch_up() -> None:
    """Those are ours; another zone or calendar is another schedule."""
    one = ScheduleRule("daily", "Europe/Oslo")
    assert fires_alike(one, ScheduleRule("0 0 * * *", "Europe/Oslo", spread_minutes=7))
    assert fires_alike(one, ScheduleRule("daily", "Europe/Oslo", catch_up=CatchUp.ALL))
    assert not fires_alike(one, ScheduleRule("daily", "Europe/Paris"))
    assert not fires_alike(one, ScheduleRule("daily", "Europe/Oslo", HolidayCalendar("NO")))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("weekly", "UTC"), ("0 0 * * SUN", "UTC")),
        (("weekly", "UTC"), ("00 0 * * 7", "UTC")),
        (("0 9 * * 1-5", "UTC"), ("0 9 * * MON,TUE,WED,THU,FRI", "UTC")),
        (("daily", "UTC"), ("0 */24 1/1 * 3", "UTC")),
        (("0 9 * * *", "UTC"), ("0-0/5 9-9 1-31 1-12 0-6", "UTC")),
        (("daily", "UTC"), ("daily", "Etc/UTC")),
        (("daily", "Europe/Kyiv"), ("daily", "Europe/Kiev")),
        (("daily", "Asia/Kolkata"), ("0 0 * * *", "Asia/Calcutta")),
    ],
)
def test_what_is_written_otherwise_and_means_the_same_fires_alike(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    """Texts were compared: a weekly schedule and one of `0 0 * * SUN` were made twins without a word."""
    assert fires_alike(ScheduleRule(*one), ScheduleRule(*other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("0 9 1 * 1", "UTC"), ("0 9 */31 * 1", "UTC")),  # either day, and both
        (("daily", "UTC"), ("0 1 * * *", "UTC")),
        (("daily", "Etc/GMT-3"), ("daily", "Etc/GMT+3")),
        (("daily", "Africa/Abidjan"), ("daily", "Europe/London")),
    ],
)
def test_what_fires_otherwise_is_no_twin(one: tuple[str, str], other: tuple[str, str]) -> None:
    """However like it is written."""
    assert not fires_alike(ScheduleRule(*one), ScheduleRule(*other))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("GMT+3", "Etc/GMT-3"),  # whose signs are the other way round
        ("UTC+03:00", "Etc/GMT-3"),
        ("UTC-5", "Etc/GMT+5"),
        ("+5:30", "Asia/Kolkata"),
        ("UTC\u221203:00", "Etc/GMT+3"),  # a minus sign, as it is printed
        ("GMT\u20133", "Etc/GMT+3"),
        ("UTC+12:45", "Pacific/Chatham"),
        ("-3:30", "America/St_Johns"),
        ("z", "UTC"),
        ("KST", "Asia/Seoul"),
        ("São Paulo", "America/Sao_Paulo"),
        ("GMT+99", "Europe/Oslo"),
        ("CEST", "Europe/Oslo"),
        ("pst", "America/Los_Angeles"),
        ("Oslo", "Europe/Oslo"),
        ("buenos aires", "America/Argentina/Buenos_Aires"),
        ("europe/kyiv", "Europe/Kyiv"),
        ("Europe/Olso", "Europe/Oslo"),
    ],
)
def test_an_unknown_zone_names_a_real_one_that_may_be_meant(written: str, meant: str) -> None:
    """`GMT+3` was answered with `Etc/GMT+3`, which is three hours behind."""
    with pytest.raises(TimezoneUnknown) as refusal:
        parse_timezone(written)
    assert refusal.value.example == meant
    assert parse_timezone(meant).key == meant
