"""Holiday calendars: on which days a company wants no deliveries, and where their fires go."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache

from impact_in_pipelines.errors.schedules import (
    CalendarCountryMissing,
    CalendarCountryUnknown,
    CalendarDateMalformed,
    CalendarOptionUnknown,
    CalendarPolicyUnknown,
    CalendarRegionUnknown,
)

_DAY = timedelta(days=1)
_LONGEST_CLOSURE = 400
"""Days searched for a business day before a calendar counts as closed for good."""

_NO_COUNTRY = "none"
_ALSO_CALLED = {"UK": "GB"}
"""What people write for a country, though ISO 3166 has another code."""


class HolidayPolicy(StrEnum):
    """What happens to a fire on a closed day.

    `skip` drops the fires on holidays. The other two move the fires of holidays and of the
    country's weekend, at their local time of day, to the next or the previous business day.
    """

    SKIP = "skip"
    NEXT = "next_business_day"
    PREVIOUS = "previous_business_day"


@dataclass(frozen=True, slots=True)
class HolidayCalendar:
    """Public holidays of a country (ISO 3166-1 alpha-2, or None for none) and subdivision, plus
    dates of the company's own.

    The weekend is the country's (Friday and Saturday in some), Saturday and Sunday without one.

    Raises:
        InvalidCalendar: an unknown country, subdivision or policy.
    """

    country: str | None
    subdivision: str | None = None
    extra_dates: tuple[date, ...] = ()
    policy: HolidayPolicy = HolidayPolicy.SKIP

    def __post_init__(self) -> None:
        country = self.country.strip().upper() if self.country else None
        country = _ALSO_CALLED.get(country, country) if country else None
        object.__setattr__(self, "country", country)
        object.__setattr__(self, "extra_dates", tuple(sorted(set(self.extra_dates))))
        object.__setattr__(self, "policy", _policy(self.policy))
        if country is None:
            if self.subdivision is not None or not self.extra_dates:
                raise CalendarCountryMissing()
        else:
            object.__setattr__(self, "subdivision", _region(country, self.subdivision))

    def holiday(self, day: date) -> str | None:
        """The name of the holiday on `day`, None if it isn't one."""
        if day in self.extra_dates:
            return "a closed day of the company's own"
        if self.country is None:
            return None
        return public_holidays(self.country, self.subdivision, day.year).get(day)

    def closed(self, day: date) -> str | None:
        """Why no fire stays on `day` (a holiday's name, or the weekday for the moving policies),
        None if it stays."""
        if name := self.holiday(day):
            return name
        if self.policy is not HolidayPolicy.SKIP and self.weekend(day):
            return f"{day:%A}"
        return None

    def weekend(self, day: date) -> bool:
        """Whether the country doesn't work on the weekday of `day`."""
        return day.weekday() in _weekend(self.country)

    def business_day(self, day: date) -> date | None:
        """The open day that a fire on the closed `day` moves to, None if none is near."""
        step = -_DAY if self.policy is HolidayPolicy.PREVIOUS else _DAY
        for _ in range(_LONGEST_CLOSURE):
            day += step
            if self.closed(day) is None:
                return day
        return None

    def to_text(self) -> str:
        """The text of the column `holiday_calendar`; `parse` reads it back.

        `COUNTRY[-SUBDIVISION];policy=POLICY[;extra=DATE,DATE]`, the country `none` for own dates
        only: `DE-BY;policy=next_business_day;extra=2026-12-24`.
        """
        region = self.country or _NO_COUNTRY
        if self.subdivision:
            region = f"{region}-{self.subdivision}"
        parts = [region, f"policy={self.policy.value}"]
        if self.extra_dates:
            parts.append("extra=" + ",".join(day.isoformat() for day in self.extra_dates))
        return ";".join(parts)

    @classmethod
    def parse(cls, text: str) -> "HolidayCalendar":
        """The calendar that `to_text` wrote, or a person typed.

        Raises:
            InvalidCalendar: for what can't be read.
        """
        region, *options = [part.strip() for part in text.split(";")]
        country, _, subdivision = region.partition("-")
        if not country:
            raise CalendarCountryMissing()
        policy = HolidayPolicy.SKIP
        extra: tuple[date, ...] = ()
        for option in options:
            name, _, value = option.partition("=")
            if name == "policy":
                policy = _policy(value)
            elif name == "extra":
                extra = _dates(value)
            else:
                raise CalendarOptionUnknown(option)
        known = None if country.lower() == _NO_COUNTRY else country
        return cls(known, subdivision or None, extra, policy)


def _policy(value: str) -> HolidayPolicy:
    try:
        return HolidayPolicy(value)
    except ValueError:
        raise CalendarPolicyUnknown(value, [policy.value for policy in HolidayPolicy]) from None


def _dates(text: str) -> tuple[date, ...]:
    days = []
    for item in filter(None, (part.strip() for part in text.split(","))):
        try:
            days.append(date.fromisoformat(item))
        except ValueError:
            raise CalendarDateMalformed(item) from None
    return tuple(days)


def _region(country: str, subdivision: str | None) -> str | None:
    """The subdivision's code, as the list of holidays has it (`by` and `Bayern` are `BY`)."""
    # 0.2 s and a third of the process's start-up: only schedules with a calendar pay for it.
    import holidays

    known = holidays.list_supported_countries()
    if len(country) != 2 or country not in known:
        raise CalendarCountryUnknown(country)
    if subdivision is None:
        return None
    codes = {code.casefold(): code for code in known[country]}
    names = holidays.country_holidays(country).subdivisions_aliases
    codes |= {name.casefold(): code for name, code in names.items()}
    found = codes.get(subdivision.strip().casefold())
    if found is None:
        raise CalendarRegionUnknown(country, subdivision, known[country][:8])
    return found


@lru_cache(maxsize=4096)
def public_holidays(country: str, subdivision: str | None, year: int) -> dict[date, str]:
    """The names of the public holidays that are listed for the year; empty where nobody has listed any."""
    import holidays

    found = holidays.country_holidays(country, subdiv=subdivision, years=year, language="en_US")
    return dict(found)


@lru_cache(maxsize=512)
def _weekend(country: str | None) -> frozenset[int]:
    """Weekdays (Monday is 0) on which the country doesn't work."""
    if country is None:
        return frozenset({5, 6})
    import holidays

    return frozenset(holidays.country_holidays(country).weekend)
