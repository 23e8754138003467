"""What analytics says of a span of days: trends, platforms compared, hours, costs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from impact_in_pipelines.analytics.hours import BestHour, HourCalls
from impact_in_pipelines.analytics.series import Calls, Deliveries, total_calls, total_deliveries
from impact_in_pipelines.platforms import Platform

_MOST_DAYS, _MOST_WEEK_DAYS = 35, 190
_DAY = timedelta(days=1)


class Grain(StrEnum):
    """How long a point of a chart is."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class SpanFigures:
    """What was due from `first` to `last` (UTC days, inclusive), and the calls for it."""

    first: date
    last: date
    deliveries: Deliveries = field(default_factory=Deliveries)
    calls: Calls = field(default_factory=Calls)


@dataclass(frozen=True, slots=True)
class DayFigures:
    """One day's figures on one platform, a company's or everybody's."""

    day: date
    platform: Platform
    deliveries: Deliveries
    calls: Calls


@dataclass(frozen=True, slots=True)
class PlatformFigures:
    """One platform over the span, also by `points`; `hours` by the UTC hour, and `local_hours` by the
    company's where one was asked for."""

    platform: Platform
    figures: SpanFigures
    points: Sequence[SpanFigures]
    hours: Sequence[HourCalls]
    best: BestHour
    local_hours: Sequence[HourCalls] = ()
    local_best: BestHour | None = None


@dataclass(frozen=True, slots=True)
class CompanyCalls:
    """What one company's deliveries cost, by platform."""

    company: str
    name: str
    by_platform: Mapping[Platform, Calls]

    @property
    def calls(self) -> Calls:
        """On all platforms."""
        return total_calls(self.by_platform.values())


@dataclass(frozen=True, slots=True)
class Prices:
    """What platforms charge for 1,000 calls, in `currency`; of those without a price it isn't known."""

    per_thousand: Mapping[Platform, float]
    currency: str

    def of(self, platform: Platform, requests: int) -> float | None:
        """What so many calls cost; None where nobody has said what one does."""
        price = self.per_thousand.get(platform)
        return None if price is None else requests * price / 1_000

    def of_all(self, requests: Mapping[Platform, int]) -> float | None:
        """What calls of several platforms cost together, as far as they have a price."""
        known = [cost for one, n in requests.items() if (cost := self.of(one, n)) is not None]
        return sum(known) if known else None


@dataclass(frozen=True, slots=True)
class Goals:
    """What is aimed at: fractions, and milliseconds."""

    success_rate: float
    on_time_rate: float
    latency_ms: float


@dataclass(frozen=True, slots=True)
class Analytics:
    """A span of days about one company, or (`company` None) about all. `before` is the span of the same
    length that ended when this one began. `zone` is what `local_hours` are in. `companies` are those with
    the most calls, of `called_by`. `counted_at` is when the newest day was counted (None: never)."""

    company: str | None
    name: str | None
    zone: str | None
    made_at: datetime
    counted_at: datetime | None
    grain: Grain
    goals: Goals
    prices: Prices
    total: SpanFigures
    before: SpanFigures
    points: Sequence[SpanFigures]
    platforms: Sequence[PlatformFigures]
    companies: Sequence[CompanyCalls] = ()
    called_by: int = 0


def grain_of(days: int) -> Grain:
    """The points of a chart of so many days: at most 35 of them."""
    if days <= _MOST_DAYS:
        return Grain.DAY
    return Grain.WEEK if days <= _MOST_WEEK_DAYS else Grain.MONTH


def points_of(rows: Iterable[DayFigures], first: date, last: date) -> list[SpanFigures]:
    """A point for each day, week (from Monday) or month from `first` to `last`, also where nothing was; the
    first and the last one are cut at the ends of the span."""
    grain = grain_of((last - first).days + 1)
    found: dict[date, list[DayFigures]] = {}
    for row in rows:
        found.setdefault(_start(row.day, grain), []).append(row)
    points, start = [], _start(first, grain)
    while start <= last:
        end = _start(start + _LENGTHS[grain], grain) - _DAY
        points.append(_together(found.get(start, []), max(start, first), min(end, last)))
        start = end + _DAY
    return points


def total_of(rows: Sequence[DayFigures], first: date, last: date) -> SpanFigures:
    """The days of `rows` from `first` to `last` as one."""
    return _together([one for one in rows if first <= one.day <= last], first, last)


_LENGTHS = {
    Grain.DAY: _DAY,
    Grain.WEEK: timedelta(days=7),
    # Some day of the next month, whichever this one is.
    Grain.MONTH: timedelta(days=31),
}


def _start(day: date, grain: Grain) -> date:
    if grain is Grain.DAY:
        return day
    return day - timedelta(days=day.weekday()) if grain is Grain.WEEK else day.replace(day=1)


def _together(rows: Sequence[DayFigures], first: date, last: date) -> SpanFigures:
    return SpanFigures(
        first,
        last,
        total_deliveries(one.deliveries for one in rows),
        total_calls(one.calls for one in rows),
    )
