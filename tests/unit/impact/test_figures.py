"""Periods in a zone, as instants."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfoNotFoundError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impact_in_pipelines.impact.figures import HistoryFigures, ImpactFigures, local_day, utc_bounds

# Clock changes at midnight and at night, a half hour of them (Lord Howe), a skipped day (Apia, 2011).
ZONES = st.sampled_from(
    [
        "UTC",
        "Europe/Berlin",
        "America/Havana",
        "America/Sao_Paulo",
        "Asia/Beirut",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "Pacific/Kiritimati",
    ]
)
DAYS = st.dates(date(2005, 1, 1), date(2035, 12, 31))


@given(zone=ZONES, first=DAYS, length=st.integers(0, 40), cut=st.integers(0, 40))
def test_days_follow_each_other_without_gap_or_overlap(
    zone: str, first: date, length: int, cut: int
) -> None:
    """A period's bounds are those of its parts put together: no event is counted twice or never."""
    last = first + timedelta(days=length + cut + 1)
    middle = first + timedelta(days=length)
    starts, ends = utc_bounds(first, last, zone)
    assert utc_bounds(first, middle, zone)[0] == starts
    assert (
        utc_bounds(first, middle, zone)[1] == utc_bounds(middle + timedelta(days=1), last, zone)[0]
    )
    assert utc_bounds(middle + timedelta(days=1), last, zone)[1] == ends
    assert starts.tzinfo is UTC


@given(zone=ZONES, moment=st.datetimes(datetime(2005, 1, 1), datetime(2035, 1, 1)))  # noqa: DTZ001
def test_an_instant_lies_within_the_bounds_of_its_local_day(zone: str, moment: datetime) -> None:
    """Which day an event belongs to is what a calendar on the wall there says."""
    instant = moment.replace(tzinfo=UTC)
    day = local_day(instant, zone)
    starts, ends = utc_bounds(day, day, zone)
    assert starts <= instant < ends


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        (date(2026, 3, 29), "Europe/Berlin", 23),
        (date(2026, 10, 25), "Europe/Berlin", 25),
        (date(2026, 3, 8), "America/Havana", 23),
        (date(2026, 11, 1), "America/Havana", 25),
        (date(2011, 12, 30), "Pacific/Apia", 0),
    ],
)
def test_a_day_is_as_long_as_its_clock_changes_make_it(day: date, zone: str, hours: int) -> None:
    """23, 25 or, where the date line moved, no hours."""
    starts, ends = utc_bounds(day, day, zone)
    assert ends - starts == timedelta(hours=hours)


def test_an_unknown_zone_is_an_error() -> None:
    """No silent UTC."""
    with pytest.raises(ZoneInfoNotFoundError):
        utc_bounds(date(2026, 1, 1), date(2026, 1, 1), "Europe/Atlantis")


def test_without_history_nothing_is_usual() -> None:
    """No comparable day, no division."""
    assert HistoryFigures().events_a_day == 0.0
    assert HistoryFigures(days=4, events=10).events_a_day == 2.5


def test_a_period_has_both_its_ends() -> None:
    """`period_start` and `period_end` are inclusive."""
    import uuid

    figures = ImpactFigures(uuid.uuid4(), date(2026, 1, 1), date(2026, 1, 7), "UTC")
    assert figures.days == 7
