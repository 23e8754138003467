"""Fires as instants: both daylight-saving edges."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from impact_in_pipelines.scheduling.clock import (
    iter_instants,
    next_instant,
    previous_instant,
    to_instant,
)

from .strategies import crons, instants, local, utc, zones

OSLO = ZoneInfo("Europe/Oslo")
GAP_DAY = ("2026-03-29T00:00", "2026-03-30T00:00")  # 02:00 becomes 03:00
FOLD_DAY = ("2026-10-25T00:00", "2026-10-26T00:00")  # 03:00 becomes 02:00


def fires_between(cron: str, zone: str, start: str, end: str) -> list[str]:
    """Local times and offsets of the fires in [start, end)."""
    first, last = local(start, zone), local(end, zone)
    found = iter_instants(cron, ZoneInfo(zone), first - timedelta(seconds=1))
    return [
        f"{at.astimezone(ZoneInfo(zone)):%H:%M%z}" for at in takewhile(lambda at: at < last, found)
    ]


@pytest.mark.parametrize(
    ("cron", "fires"),
    [
        ("30 2 * * *", ["03:00+0200"]),
        ("0 2 * * *", ["03:00+0200"]),
        ("*/30 2 * * *", ["03:00+0200"]),
        ("0 2,3 * * *", ["03:00+0200"]),
        ("30 2,3 * * *", ["03:00+0200", "03:30+0200"]),
        (
            "0 */2 * * 0",
            ["00:00+0100", "03:00+0200", *(f"{hour:02}:00+0200" for hour in range(4, 24, 2))],
        ),
        ("0 */6 * * *", ["00:00+0100", "06:00+0200", "12:00+0200", "18:00+0200"]),
        ("0 0 * * *", ["00:00+0100"]),
    ],
)
def test_a_fire_in_the_gap_happens_once_at_its_end(cron: str, fires: list[str]) -> None:
    """The clock jumps from 02:00 to 03:00: what was meant for the hour that isn't is not lost."""
    assert fires_between(cron, "Europe/Oslo", *GAP_DAY) == fires


@pytest.mark.parametrize(
    ("cron", "fires"),
    [
        ("30 2 * * *", ["02:30+0200"]),
        ("30 1 * * *", ["01:30+0200"]),
        ("*/30 2 * * *", ["02:00+0200", "02:30+0200"]),
        ("0 2,3 * * *", ["02:00+0200", "03:00+0100"]),
        ("0 */6 * * *", ["00:00+0200", "06:00+0100", "12:00+0100", "18:00+0100"]),
    ],
)
def test_a_fire_in_the_fold_happens_once_the_first_time(cron: str, fires: list[str]) -> None:
    """The hour from 02:00 happens twice: whoever asked for 02:30 gets one."""
    assert fires_between(cron, "Europe/Oslo", *FOLD_DAY) == fires


@pytest.mark.parametrize(
    ("cron", "gap", "fold"),
    [
        ("0 * * * *", 23, 25),
        ("*/30 * * * *", 46, 50),
        ("0 0-23 * * *", 23, 25),
        ("15 * * * *", 23, 25),
    ],
)
def test_a_cron_for_every_hour_follows_elapsed_time(cron: str, gap: int, fold: int) -> None:
    """However the every-hour is written, the day has 23 and 25 hours."""
    assert len(fires_between(cron, "Europe/Oslo", *GAP_DAY)) == gap
    assert len(fires_between(cron, "Europe/Oslo", *FOLD_DAY)) == fold


def test_the_second_pass_of_a_fold_brings_nothing_back() -> None:
    """Asked from inside the second 02:xx, the next 02:30 is tomorrow's."""
    second = local("2026-10-25T02:10", "Europe/Oslo", fold=1)
    assert next_instant("30 2 * * *", OSLO, second) == local("2026-10-26T02:30", "Europe/Oslo")
    assert previous_instant("30 2 * * *", OSLO, second) == local("2026-10-25T02:30", "Europe/Oslo")


@pytest.mark.parametrize(
    ("zone", "day", "fires"),
    [
        ("America/Santiago", "2026-09-06", ["01:00-0300"]),  # midnight is in the gap
        ("Africa/Cairo", "2026-04-24", ["01:00+0300"]),
        ("America/Havana", "2026-11-01", ["00:00-0400"]),  # midnight happens twice
        ("Australia/Lord_Howe", "2026-10-04", ["00:00+1030"]),
    ],
)
def test_a_midnight_that_is_missing_or_doubled_fires_once(
    zone: str, day: str, fires: list[str]
) -> None:
    """Some zones change their clocks at midnight, when most schedules fire."""
    after = local(f"{day}T12:00", zone) - timedelta(hours=14)
    found = next_instant("0 0 * * *", ZoneInfo(zone), after)
    assert found is not None
    assert [f"{found.astimezone(ZoneInfo(zone)):%H:%M%z}"] == fires
    assert found.astimezone(ZoneInfo(zone)).date().isoformat() == day


def test_a_wall_clock_time_in_the_gap_is_the_end_of_the_gap() -> None:
    """Lord Howe's gap is half an hour."""
    howe = ZoneInfo("Australia/Lord_Howe")
    for wall in ("2026-10-04T02:10", "2026-10-04T02:30"):
        assert to_instant(datetime.fromisoformat(wall), howe) == utc("2026-10-03T15:30")


CHANGES = [
    ("Europe/Oslo", "2026-03-29"),
    ("Europe/Oslo", "2026-10-25"),
    ("America/New_York", "2026-03-08"),
    ("America/New_York", "2026-11-01"),
    ("America/Santiago", "2026-04-05"),
    ("America/Santiago", "2026-09-06"),
    ("Africa/Cairo", "2026-04-24"),
    ("Africa/Cairo", "2026-10-30"),
    ("America/Havana", "2026-03-08"),
    ("America/Havana", "2026-11-01"),
    ("Asia/Beirut", "2026-10-25"),
    ("Australia/Lord_Howe", "2026-04-05"),
    ("Australia/Lord_Howe", "2026-10-04"),
    ("Pacific/Chatham", "2026-04-05"),
    ("Pacific/Chatham", "2026-09-27"),
]


def by_brute_force(
    minutes: set[int], hours: set[int], zone: ZoneInfo, start: datetime
) -> Iterator[datetime]:
    """The fires of three days, minute by minute: the law in its plainest form."""
    walls = [start + timedelta(minutes=passed) for passed in range(3 * 1440)]
    local_times = [at.astimezone(zone).replace(tzinfo=None, fold=0) for at in walls]
    if len(hours) == 24:
        yield from (
            at for at, clock in zip(walls, local_times, strict=True) if clock.minute in minutes
        )
        return
    seen = local_times[0] - timedelta(minutes=1)
    for at, clock in zip(walls, local_times, strict=True):
        passed = [
            seen + timedelta(minutes=n)
            for n in range(1, (clock - seen) // timedelta(minutes=1) + 1)
        ]
        if any(wall.hour in hours and wall.minute in minutes for wall in passed):
            yield at
        seen = max(seen, clock)


@given(
    st.sampled_from(CHANGES),
    st.sets(st.integers(0, 59), min_size=1, max_size=4),
    st.one_of(st.just(set(range(24))), st.sets(st.integers(0, 23), min_size=1, max_size=6)),
)
@settings(derandomize=True, deadline=None, max_examples=90)
def test_every_clock_change_agrees_with_a_walk_minute_by_minute(
    change: tuple[str, str], minutes: set[int], hours: set[int]
) -> None:
    """Every-hour crons fire whenever the local minute matches; the others once for each wall-clock
    time that is reached or jumped over for the first time."""
    zone = ZoneInfo(change[0])
    start = local(f"{change[1]}T00:30", change[0]) - timedelta(days=1)
    cron = f"{','.join(map(str, sorted(minutes)))} {','.join(map(str, sorted(hours)))} * * *"
    expected = list(by_brute_force(minutes, hours, zone, start))
    found = iter_instants(cron, zone, start - timedelta(seconds=1))
    assert list(islice(found, len(expected))) == expected


@given(crons, zones, instants)
@settings(derandomize=True, deadline=None, max_examples=90)
def test_asking_again_from_any_fire_or_between_gives_the_same_fires(
    cron: str, zone: str, now: datetime
) -> None:
    """A cursor is only an instant: reading on from it must agree with reading through."""
    through = list(islice(iter_instants(cron, ZoneInfo(zone), now), 12))
    assert all(earlier < later for earlier, later in pairwise(through))
    assert all(now < at and at.tzinfo is UTC for at in through)
    for earlier, later in pairwise(through):
        between = earlier + (later - earlier) / 3
        assert next_instant(cron, ZoneInfo(zone), earlier) == later
        assert next_instant(cron, ZoneInfo(zone), between) == later
        assert previous_instant(cron, ZoneInfo(zone), between) == earlier
        assert previous_instant(cron, ZoneInfo(zone), later) == later
