"""The holiday calendars there are, to choose from: countries, regions, and the names of their holidays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache

from impact_in_pipelines.scheduling.calendars import HolidayCalendar

_ENGLISH = "en_US"
_ALSO = {"nb": ("nb", "no"), "en": (_ENGLISH, "en_GB")}
"""What the list of holidays calls a language."""


@dataclass(frozen=True, slots=True)
class HolidayRegion:
    """A part of a country with holidays of its own: its code, such as `BY`, and its name (the code, where the
    list has none)."""

    code: str
    name: str


@cache
def holiday_countries() -> Mapping[str, Sequence[HolidayRegion]]:
    """Every country (ISO 3166-1 alpha-2) whose holidays are listed, with its regions by name."""
    import holidays  # 0.2 s: only who chooses a calendar pays for it

    known = holidays.list_supported_countries(include_aliases=False)
    return {code: _regions(code, known[code]) for code in sorted(known)}


def _regions(country: str, codes: Sequence[str]) -> list[HolidayRegion]:
    import holidays

    names: dict[str, list[str]] = {}
    if codes:
        for name, code in holidays.country_holidays(country).subdivisions_aliases.items():
            names.setdefault(code, []).append(name)
    # A place with several names is named in each of its languages: Troms / Romssa / Tromssan.
    told = (HolidayRegion(code, " / ".join(names.get(code, [code]))) for code in codes)
    return sorted(told, key=lambda one: one.name)


def holiday_in_words(calendar: HolidayCalendar, day: date, language: str) -> str | None:
    """The name of the public holiday on `day` in a language (a code such as `nb`), else in English; None if
    it isn't one, or one of the company's own."""
    if calendar.country is None or day in calendar.extra_dates:
        return None
    return _names(calendar.country, calendar.subdivision, day.year, language).get(day)


@lru_cache(maxsize=512)
def _names(country: str, subdivision: str | None, year: int, language: str) -> dict[date, str]:
    import holidays

    known = holidays.country_holidays(country).supported_languages
    wanted = next((one for one in _ALSO.get(language, (language,)) if one in known), _ENGLISH)
    found = holidays.country_holidays(country, subdiv=subdivision, years=year, language=wanted)
    return dict(found)
