"""Crons in every way to write them, and what they do in a year: for the tests of words about them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from impact_in_pipelines.scheduling import parse_cron
from impact_in_pipelines.scheduling.clock import iter_instants

YEAR = 2028  # a leap year that begins on a Saturday
_DAY = timedelta(days=1)
OnDay = Callable[[date], bool]


def _odd(first: int, last: int, *others: str) -> st.SearchStrategy[str]:
    """A field as it may be written: numbers, ranges, lists, steps on each of them, steps too long."""
    number = st.integers(first, last)
    span = st.tuples(number, number).map(lambda ends: f"{min(ends)}-{max(ends)}")
    base = st.one_of(st.just("*"), number.map(str), span)
    stepped = st.builds("{}/{}".format, base, st.integers(1, last + 2))
    part = st.one_of(base, stepped, *([st.sampled_from(others)] if others else []))
    lists = st.lists(st.one_of(number.map(str), span), min_size=2, max_size=3).map(",".join)
    return st.one_of(st.just("*"), part, lists)


strange_crons = st.builds(
    lambda *fields: " ".join(fields),
    _odd(0, 59),
    _odd(0, 23),
    _odd(1, 31, "L", "LW", "15,L"),
    _odd(1, 12, "JAN", "FEB-APR"),
    _odd(0, 7, "MON", "MON-FRI", "MON#5", "5L", "1,3#2", "SUN"),
)
"""Every way to write a cron, the ways nobody should use included; some never fire."""


@dataclass(frozen=True)
class Claim:
    """The times of day, and the days of `YEAR`, at which something fires."""

    times: frozenset[time]
    days: frozenset[date]


def days_of_the_year() -> list[date]:
    return [date(YEAR, 1, 1) + _DAY * n for n in range(366)]


def done(cron: str) -> Claim:
    """What `cron` does in `YEAR`: from its fires alone; the times of day also if it pauses that year."""
    cron, zone = parse_cron(cron), ZoneInfo("UTC")
    at = datetime(YEAR, 1, 1, tzinfo=UTC) - timedelta(seconds=1)
    days, times = set[date](), frozenset[time]()
    while (first := next(iter_instants(cron, zone, at), None)) is not None:
        at = datetime(first.year, first.month, first.day, 23, 59, 59, tzinfo=UTC)
        if not times or first.day == 28:  # all days of a cron have the same times
            found = iter_instants(cron, zone, first - timedelta(seconds=1))
            of_day = frozenset(one.time() for one in takewhile(at.__ge__, found))
            assert of_day == (times or of_day)
            times = of_day
        if first.year > YEAR:
            break
        days.add(first.date())
    return Claim(times, frozenset(days))
