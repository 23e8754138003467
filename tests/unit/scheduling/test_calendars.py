"""Holiday calendars and their text."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from impact_in_pipelines.scheduling import HolidayCalendar, HolidayPolicy, InvalidSchedule
from impact_in_pipelines.wording import sentence

CHRISTMAS_EVE = date(2026, 12, 24)


def test_public_holidays_and_own_dates_are_holidays() -> None:
    """Both count, and the first have a name."""
    calendar = HolidayCalendar("no", extra_dates=(CHRISTMAS_EVE,))
    assert calendar.holiday(date(2026, 5, 17)) == "Constitution Day"
    assert calendar.holiday(CHRISTMAS_EVE) == "a closed day of the company's own"
    assert calendar.holiday(date(2026, 12, 23)) is None


def test_a_subdivision_has_holidays_of_its_own() -> None:
    """Epiphany is a holiday in Bavaria, not in Berlin."""
    epiphany = date(2026, 1, 6)
    assert HolidayCalendar("DE", "BY").holiday(epiphany) == "Epiphany"
    assert HolidayCalendar("DE", "BE").holiday(epiphany) is None


@pytest.mark.parametrize(
    ("policy", "day", "business_day"),
    [
        (HolidayPolicy.NEXT, "2026-12-25", "2026-12-28"),
        (HolidayPolicy.PREVIOUS, "2026-12-25", "2026-12-24"),
        (HolidayPolicy.NEXT, "2026-04-02", "2026-04-07"),
        (HolidayPolicy.PREVIOUS, "2026-04-06", "2026-04-01"),
    ],
)
def test_a_business_day_is_neither_holiday_nor_weekend(
    policy: HolidayPolicy, day: str, business_day: str
) -> None:
    """Easter in Norway runs from Maundy Thursday to Easter Monday."""
    calendar = HolidayCalendar("NO", policy=policy)
    assert calendar.business_day(date.fromisoformat(day)) == date.fromisoformat(business_day)


def test_weekends_are_open_for_skip_and_the_countrys_own_for_the_others() -> None:
    """`skip` is about holidays; Saudi Arabia rests on Friday and Saturday."""
    friday, sunday = date(2026, 8, 7), date(2026, 8, 9)
    assert HolidayCalendar("NO").closed(sunday) is None
    assert HolidayCalendar("NO", policy=HolidayPolicy.NEXT).closed(sunday) == "Sunday"
    assert HolidayCalendar("SA", policy=HolidayPolicy.NEXT).closed(sunday) is None
    assert HolidayCalendar("SA", policy=HolidayPolicy.NEXT).closed(friday) == "Friday"


@given(
    st.sampled_from([("NO", None), ("DE", "BY"), ("US", "CA"), (None, None)]),
    st.lists(st.dates(date(2020, 1, 1), date(2035, 1, 1)), min_size=1, max_size=5),
    st.sampled_from(HolidayPolicy),
)
@settings(derandomize=True, deadline=None, max_examples=60)
def test_the_text_of_a_calendar_reads_back_equal(
    region: tuple[str | None, str | None], extra: list[date], policy: HolidayPolicy
) -> None:
    """The database column holds text; nothing is lost in it."""
    calendar = HolidayCalendar(*region, tuple(extra), policy)
    assert HolidayCalendar.parse(calendar.to_text()) == calendar


def test_a_person_may_write_the_short_form() -> None:
    """A country alone skips its holidays."""
    assert HolidayCalendar.parse("no") == HolidayCalendar("NO", policy=HolidayPolicy.SKIP)
    assert HolidayCalendar("NO").to_text() == "NO;policy=skip"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ZZ", "country 'ZZ' isn't known"),
        ("NOR", "country 'NOR' isn't known"),
        ("DE-XX", "DE has no subdivision 'XX'"),
        ("", "without a country"),
        ("none", "without a country"),
        ("NO;policy=sometimes", "'sometimes' isn't one of skip, next_business_day"),
        ("NO;extra=24.12.2026", "'24.12.2026' isn't a date"),
        ("NO;colour=red", "'colour=red' isn't known"),
    ],
)
def test_a_bad_calendar_is_refused_in_one_line(text: str, says: str) -> None:
    """The line names the part that can't be read."""
    with pytest.raises(InvalidSchedule) as refusal:
        HolidayCalendar.parse(text)
    assert says in sentence(refusal.value)
    assert "\n" not in sentence(refusal.value)
