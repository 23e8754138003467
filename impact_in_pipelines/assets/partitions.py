"""The partitions (design D1): company × day, where a green cell means that the day's impact arrived."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from dagster import (
    DailyPartitionsDefinition,
    DynamicPartitionsDefinition,
    MultiPartitionKey,
    MultiPartitionsDefinition,
)

from impact_in_pipelines.errors.deliveries import (
    DayNotBegun,
    DaysMalformed,
    DaysReversed,
    DayWithoutPartition,
)
from impact_in_pipelines.settings import get_settings

COMPANY, DAY = "company", "day"
MOST_PARTITIONS = 400_000
"""Companies × days above which Dagster's partition pages and backfills become slow (D1)."""

companies = DynamicPartitionsDefinition(name="companies")


def first_day(today: date, partition_days: int) -> date:
    """The oldest day that has a partition."""
    return today - timedelta(days=partition_days - 1)


FURTHEST_EAST = "Pacific/Kiritimati"
"""Where each day begins first, 14 hours before UTC."""

# `end_offset=1`: the day that is running has a cell too, since hourly deliveries report on it.
days = DailyPartitionsDefinition(
    start_date=first_day(datetime.now(UTC).date(), get_settings().partition_days).isoformat(),
    end_offset=1,
)
"""Days of UTC, by which service levels are rolled up."""

local_days = DailyPartitionsDefinition(
    start_date=days.start.date().isoformat(), end_offset=1, timezone=FURTHEST_EAST
)
"""Local days of companies, up to the one that is running furthest east: Auckland's Tuesday begins on UTC's
Monday, and hourly deliveries report on it from then on."""

company_days = MultiPartitionsDefinition({COMPANY: companies, DAY: local_days})


def latest_day(now: datetime | None = None, timezone: str = FURTHEST_EAST) -> date:
    """The local day that is running in the zone at `now` (aware; the present by default)."""
    return (now or datetime.now(UTC)).astimezone(ZoneInfo(timezone)).date()


def cell(company_slug: str, day: date) -> MultiPartitionKey:
    """The partition of one company's local day."""
    return MultiPartitionKey({COMPANY: company_slug, DAY: day.isoformat()})


def inside_window(some: Iterable[date]) -> list[date]:
    """Those of `some` that have a partition now."""
    first = date.fromisoformat(str(local_days.start.date()))
    latest = latest_day()
    return [day for day in some if first <= day <= latest]


def days_between(start: str | None, end: str | None, timezone: str = FURTHEST_EAST) -> list[date]:
    """The days from `start` to `end` (ISO dates, both inclusive), each of which has a partition and has begun
    in the zone. Raises `DaysMalformed`, `DaysReversed`, `DayNotBegun` or `DayWithoutPartition`.
    """
    try:
        first, last = date.fromisoformat(start or ""), date.fromisoformat(end or "")
    except ValueError:
        raise DaysMalformed(start or "", end or "") from None
    if last < first:
        raise DaysReversed(first, last)
    latest = latest_day(timezone=timezone)
    for day in (first, last):
        if day > latest:
            raise DayNotBegun(day, timezone, latest)
        if not inside_window([day]):
            raise DayWithoutPartition(day, local_days.start.date())
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def selected(keys: Iterable[str]) -> list[tuple[str, date]]:
    """(company slug, day) of each partition key."""
    pairs = []
    for key in keys:
        multi = company_days.get_partition_key_from_str(key)
        by_dimension = multi.keys_by_dimension
        pairs.append((by_dimension[COMPANY], date.fromisoformat(by_dimension[DAY])))
    return pairs
