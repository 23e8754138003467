"""Two rules that mean the same fires, and what a holiday calendar really holds: what people should know."""

from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from importlib.resources import files
from typing import Literal

from impact_in_pipelines.scheduling.calendars import HolidayCalendar, public_holidays
from impact_in_pipelines.scheduling.crons.meaning import meaning_of
from impact_in_pipelines.scheduling.rule import ScheduleRule


def fires_alike(one: ScheduleRule, other: ScheduleRule) -> bool:
    """Whether both rules are meant to fire together, however each is written (`MON` and `1`, `Europe/Kiev`
    and `Europe/Kyiv`): the spread of minutes and what a downtime does aside."""
    if meaning_of(one.cron) != meaning_of(other.cron) or not _is_same(one.timezone, other.timezone):
        return False
    return one == replace(
        other,
        cron=one.cron,
        timezone=one.timezone,
        spread_minutes=one.spread_minutes,
        catch_up=one.catch_up,
        catch_up_limit_days=one.catch_up_limit_days,
    )


def _is_same(zone: str, other: str) -> bool:
    """Whether both are names of one zone: the time zone database has the same rules under each."""
    if zone == other:
        return True
    rules = _rules_of(zone)
    return rules is not None and rules == _rules_of(other)


@lru_cache(maxsize=1024)
def _rules_of(zone: str) -> bytes | None:
    try:
        return files("tzdata").joinpath("zoneinfo", *zone.split("/")).read_bytes()
    except OSError:  # a zone that only this machine knows
        return None


@dataclass(frozen=True, slots=True)
class CalendarNote:
    """What a calendar means that its name may hide. `region` is what was asked for, such as `NO-03`.

    `calendar.empty`: nobody has listed a public holiday of it for `year`, so that no fire is moved;
    `calendar.no_region`: the region has none of its own; `calendar.region`: it has `own` in `year` that the
    country as a whole hasn't.
    """

    code: Literal["calendar.empty", "calendar.no_region", "calendar.region"]
    country: str
    region: str
    year: int
    own: int = 0


def calendar_note(calendar: HolidayCalendar | None, today: date) -> CalendarNote | None:
    """What to say of a calendar in use from `today` on. Only a whole country whose holidays are listed goes
    without saying."""
    if calendar is None or calendar.country is None:
        return None
    country, region = calendar.country, calendar.country
    if calendar.subdivision:
        region = f"{country}-{calendar.subdivision}"
    for year in (today.year, today.year + 1):
        if not public_holidays(country, calendar.subdivision, year):
            return CalendarNote("calendar.empty", country, region, year)
    if calendar.subdivision is None:
        return None
    whole = public_holidays(country, None, today.year)
    own = len(public_holidays(country, calendar.subdivision, today.year).keys() - whole.keys())
    code: Literal["calendar.region", "calendar.no_region"] = (
        "calendar.region" if own else "calendar.no_region"
    )
    return CalendarNote(code, country, region, today.year, own)
