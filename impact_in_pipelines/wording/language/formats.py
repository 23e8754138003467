"""Numbers, instants and durations as people of a language write them."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from babel.dates import (
    format_date,
    format_datetime,
    format_interval,
    format_skeleton,
    format_time,
    format_timedelta,
)
from babel.numbers import format_decimal, format_percent
from babel.units import format_unit

from impact_in_pipelines.sla.wording import NOTHING, cut, in_percent, raised
from impact_in_pipelines.wording.language.languages import Language

_UNITS = (("day", 86_400_000), ("hour", 3_600_000), ("minute", 60_000), ("second", 1_000))
_KIB = 1024


@dataclass(frozen=True)
class Formats:
    """Formats in one language and time zone; None becomes a dash. `year` is the present one, which goes
    without saying; `exact_times`: the reader wants instants instead of how long ago."""

    language: Language
    zone: ZoneInfo
    year: int
    exact_times: bool = False

    @property
    def _length(self) -> Literal["short", "narrow"]:
        # English's short form is "37 secs"; the others' narrow forms look like other words.
        return "narrow" if self.language.code == "en" else "short"

    def number(self, value: float | None, digits: int = 0) -> str:
        """A number with the language's separators."""
        if value is None:
            return NOTHING
        pattern = "#,##0" + ("." + "#" * digits if digits else "")
        return str(format_decimal(value, format=pattern, locale=self.language.locale))

    def allowance(self, failures: float) -> str:
        """How many may fail, cut: 0.98 of a failure is not the one that has overspent it."""
        return self.number(float(cut(failures, 1)), 1)

    def percent(self, value: float | None, digits: int = 1) -> str:
        """A percentage (0 to 100). It is cut, not rounded: 97.96 must not read as the 98 it has missed."""
        if value is None:
            return NOTHING
        locale = self.language.locale
        pattern = locale.percent_formats[None].pattern.replace("#,##0", "#,##0." + "#" * digits)
        shown, smallest = cut(value, digits), Decimal(1).scaleb(-digits)
        if not shown and value > 0:
            return f"< {format_percent(smallest / 100, format=pattern, locale=locale)}"
        return str(format_percent(shown / 100, format=pattern, locale=locale))

    def share(self, fraction: float | None, digits: int = 1) -> str:
        """A fraction (0 to 1) as a percentage."""
        return self.percent(None if fraction is None else in_percent(fraction), digits)

    def duration(self, milliseconds: float | None) -> str:
        """A duration by its two largest units: 1 min, 12 sec."""
        if milliseconds is None:
            return NOTHING
        locale = self.language.locale
        # Up, not to the nearest: 5 min 0.4 s must not read as the five minutes it took too long for.
        if raised(milliseconds) < 1_000:
            unit = "duration-millisecond"
            return str(format_unit(raised(milliseconds), unit, self._length, locale=locale))
        rest, parts = _shown_ms(milliseconds), []
        for name, size in _UNITS:
            count, rest = divmod(rest, size)
            if count:
                parts.append(
                    str(format_unit(count, f"duration-{name}", self._length, locale=locale))
                )
            if len(parts) == 2 or (parts and not count):
                break
        return " ".join(parts)

    def size(self, count: float | None) -> str:
        """Bytes as B or kB."""
        if count is None:
            return NOTHING
        locale = self.language.locale
        if count < _KIB:
            return str(format_unit(round(count), "digital-byte", self._length, locale=locale))
        kilo = round(count / _KIB, 1)
        return str(format_unit(kilo, "digital-kilobyte", self._length, locale=locale))

    def when(self, at: datetime | None) -> str:
        """Day and time in the zone, short: 9 Mar, 00:00; the year where it isn't the present one."""
        if at is None:
            return NOTHING
        local, locale = at.astimezone(self.zone), self.language.locale
        skeleton = "MMMd" if local.year == self.year else "yMMMd"
        day = format_skeleton(skeleton, local, locale=locale)
        return f"{day}, {format_time(local, 'HH:mm', locale=locale)}"

    def exact(self, at: datetime | None) -> str:
        """Weekday, date, time with seconds and zone."""
        if at is None:
            return NOTHING
        local, locale = at.astimezone(self.zone), self.language.locale
        day = format_date(local.date(), "full", locale=locale)
        return (
            f"{day}, {format_time(local, 'HH:mm:ss', locale=locale)} {local.tzname() or ''}".strip()
        )

    def fire(self, at: datetime) -> str:
        """A fire in its own zone: Tue, 10 Mar, 00:00."""
        locale = self.language.locale
        skeleton = "MMMEd" if at.year == self.year else "yMMMEd"
        day = format_skeleton(skeleton, at, tzinfo=at.tzinfo, locale=locale)
        return f"{day}, {format_datetime(at, 'HH:mm', tzinfo=at.tzinfo, locale=locale)}"

    def clock(self, at: datetime) -> str:
        """The time of day with seconds."""
        return str(format_time(at.astimezone(self.zone), "HH:mm:ss", locale=self.language.locale))

    def month(self, day: date) -> str:
        """The month that `day` is in: March 2026."""
        return str(format_skeleton("yMMMM", day, locale=self.language.locale))

    def short_month(self, day: date) -> str:
        """The month that `day` is in, for an axis: Mar; January has its year."""
        skeleton = "yMMM" if day.month == 1 else "MMM"
        return str(format_skeleton(skeleton, day, locale=self.language.locale))

    def short_day(self, day: date) -> str:
        """A day for an axis: 09/03."""
        return str(format_skeleton("Md", day, locale=self.language.locale))

    def days(self, first: date, last: date, *, with_year: bool = False) -> str:
        """A span of days, both inclusive: 2–8 Mar; the year where it isn't the present one."""
        locale = self.language.locale
        bare = not with_year and first.year == last.year == self.year
        skeleton = "MMMd" if bare else "yMMMd"
        if first == last:
            return str(format_skeleton(skeleton, first, locale=locale))
        return str(format_interval(first, last, skeleton, locale=locale))

    def weekday(self, day: date) -> str:
        """A day with its weekday: Tue 10 Mar; the year where it isn't the present one."""
        skeleton = "MMMEd" if day.year == self.year else "yMMMEd"
        return str(format_skeleton(skeleton, day, locale=self.language.locale))

    def moment(self, at: datetime | None, now: datetime) -> str:
        """As the reader wants it: how long ago, or day and time."""
        return self.when(at) if self.exact_times else self.ago(at, now)

    def ago(self, at: datetime | None, now: datetime) -> str:
        """How long ago, or in how long: 3 hours ago."""
        if at is None:
            return NOTHING
        delta: timedelta = at - now
        text = format_timedelta(delta, add_direction=True, locale=self.language.locale)
        return str(text)


def _shown_ms(milliseconds: float) -> int:
    """`milliseconds` up to the smaller of the two units that are shown."""
    sizes = [size for _, size in _UNITS]
    for size, smaller in zip(sizes, [*sizes[1:], sizes[-1]], strict=True):
        if milliseconds >= size:
            return raised(milliseconds, smaller)
    return raised(milliseconds, sizes[-1])
