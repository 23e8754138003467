"""The level load, time zones and the search for fires at their edges."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from impact_in_pipelines.errors.schedules import (
    CronTooLong,
    LoadCapacityMissing,
    LoadEndsBeforeStart,
    SpreadOutOfRange,
    TimezoneUnknown,
)
from impact_in_pipelines.scheduling import (
    Cursor,
    DeliveryWindow,
    HolidayCalendar,
    HolidayPolicy,
    ScheduleRule,
    parse_cron,
    parse_timezone,
)
from impact_in_pipelines.scheduling.clock import (
    first_change,
    most_fires_a_day,
    previous_instant,
)
from impact_in_pipelines.scheduling.load.entries import LoadEntry
from impact_in_pipelines.scheduling.load.levels import (
    Load,
    load_by_minute,
    overloaded_minutes,
    queued_by_minute,
)
from impact_in_pipelines.scheduling.load.patterns import Pattern, whole_minutes
from impact_in_pipelines.scheduling.load.spread import propose_spread
from impact_in_pipelines.scheduling.zones import _BETWEEN_HOURS

from .strategies import utc

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
START = utc("2026-07-03T23:30")
END = START + DAY
CURSOR = Cursor(START, date(2026, 7, 2))


def entries(
    number: int, rule: ScheduleRule, platform: str = "goodera", cursor: Cursor = CURSOR
) -> list[LoadEntry]:
    return [(f"{platform}-{rule.cron}-{n:05}", platform, rule, cursor) for n in range(number)]


def found(load: Load, platform: str = "goodera") -> dict[str, int]:
    counts = load.by_platform[platform]
    return {f"{load.minute(int(at)):%d %H:%M}": int(counts[at]) for at in np.flatnonzero(counts)}


# What falls due -------------------------------------------------------------------------------------------


def test_the_span_begins_with_its_first_minute_and_ends_before_its_last() -> None:
    """Whole minutes: seconds of the start are cut, and a begun minute at the end counts."""
    assert whole_minutes(START + timedelta(seconds=59.5), START + MINUTE) == (START, 1)
    assert whole_minutes(START, START + timedelta(seconds=1)) == (START, 1)
    assert whole_minutes(START, START + timedelta(seconds=61)) == (START, 2)
    for end in (START, START - MINUTE):
        with pytest.raises(LoadEndsBeforeStart):
            whole_minutes(START, end)


def test_a_fire_counts_at_the_start_and_not_at_the_end() -> None:
    """Half-open, so that two spans that touch count each fire once."""
    rule, before = ScheduleRule("hourly"), Cursor(utc("2026-07-01T00:00"), date(2026, 6, 30))
    midnight = utc("2026-07-04T00:00")
    load = load_by_minute(entries(2, rule, cursor=before), midnight, midnight + timedelta(hours=1))
    assert found(load) == {"04 00:00": 2}
    load = load_by_minute(entries(2, rule, cursor=before), midnight - timedelta(hours=1), midnight)
    assert found(load) == {"03 23:00": 2}


def test_what_a_cursor_has_handled_is_not_to_come() -> None:
    """The fire at the cursor itself is handled, the next is not; each schedule by its own."""
    rule = ScheduleRule("hourly")
    at_one = Cursor(utc("2026-07-04T01:00"), date(2026, 7, 3))
    load = load_by_minute(
        [*entries(1, rule), *entries(1, rule, cursor=at_one)], START, START + timedelta(hours=3)
    )
    assert found(load) == {"04 00:00": 1, "04 01:00": 1, "04 02:00": 2}


def test_a_spread_counts_where_it_moves_a_fire_also_into_the_span() -> None:
    """The fire is before the span, its delivery in it."""
    rule = ScheduleRule("0 23 * * *", spread_minutes=90)
    load = load_by_minute(
        entries(3, rule, cursor=Cursor(utc("2026-07-03T22:00"), date(2026, 7, 2))), START, END
    )
    assert found(load) == {"04 00:30": 3}


def test_a_fire_that_a_calendar_moves_over_days_counts_on_the_day_it_goes_out() -> None:
    """From before the span into it, over the longest holidays."""
    days = tuple(date(2026, 7, 1) + DAY * n for n in range(10))
    calendar = HolidayCalendar(None, None, days, HolidayPolicy.NEXT)
    rule = ScheduleRule("0 6 1 * *", holiday_calendar=calendar)
    start = utc("2026-07-13T00:00")
    before = Cursor(utc("2026-06-20T00:00"), date(2026, 6, 1))
    load = load_by_minute(entries(2, rule, cursor=before), start, start + DAY)
    assert found(load) == {"13 06:00": 2}


def test_fires_of_one_window_are_never_counted_twice_in_its_last_minute() -> None:
    """What a spread moves to the same minute goes out once."""
    fires = np.array([0, 5, 9], np.int64)
    pattern = Pattern(fires, np.array([9, 9, 9], np.int64))
    assert list(pattern.at(0, 100)) == [0, 5, 9]
    assert list(pattern.at(5, 100)) == [5, 9]
    assert list(pattern.at(50, 100)) == [9]
    assert list(Pattern(fires, None).at(5, 10)) == [5]
    assert list(Pattern(fires, None).at(5, 11)) == [5, 10]
    assert list(Pattern(fires, None).at(100, 10)) == []


# The queue ------------------------------------------------------------------------------------------------


def test_the_queue_is_what_joined_less_what_was_served() -> None:
    """Never less than nothing before a minute, and each minute's own on top."""
    counts = np.array([5, 0, 0, 12, 0], np.int64)
    assert list(queued_by_minute(counts, 2.0)) == [5.0, 3.0, 1.0, 12.0, 10.0]


@pytest.mark.parametrize(("due", "overloaded"), [(50, False), (51, True)])
def test_a_wait_of_exactly_the_sla_holds(due: int, overloaded: bool) -> None:
    """Five minutes by default; the minute after the crowd is not to blame where nothing is due in it."""
    load = Load(START, {"goodera": np.array([due, 0, 0], np.int64)})
    minutes = overloaded_minutes(load, {"goodera": 10})
    assert [(one.minute, one.due, one.waiting) for one in minutes] == (
        [(START, 51, 0)] if overloaded else []
    )
    assert bool(overloaded_minutes(load, {"goodera": 10}, 5.1)) is False


def test_a_platform_needs_a_positive_capacity() -> None:
    """Nought serves nobody."""
    load = Load(START, {"goodera": np.array([1], np.int64)})
    for capacity in ({}, {"goodera": 0.0}, {"goodera": -1.0}):
        with pytest.raises(LoadCapacityMissing):
            overloaded_minutes(load, capacity)
    assert overloaded_minutes(load, {"goodera": 0.5}) == []


# The proposal ---------------------------------------------------------------------------------------------


def test_an_offset_limit_is_from_nought_to_a_minute_less_than_a_day() -> None:
    """To its last value."""
    for limit in (-1, 1_440):
        with pytest.raises(SpreadOutOfRange):
            propose_spread(
                entries(1, ScheduleRule("daily")), {"goodera": 1}, limit, start=START, end=END
            )
    for limit in (0, 1_439):
        assert propose_spread(
            entries(1, ScheduleRule("daily")), {"goodera": 1}, limit, start=START, end=END
        ).holds


@pytest.mark.parametrize(
    ("number", "limit", "holds"),
    [
        # Ten a minute, five minutes of queue: 50 in one minute, and ten more with each further one.
        (50, 0, True),
        (51, 0, False),
        (60, 1, True),
        (61, 1, False),
        (100, 5, True),
        (101, 5, False),
    ],
)
def test_a_spread_holds_as_many_as_the_queue_and_its_minutes_take(
    number: int, limit: int, holds: bool
) -> None:
    """And no offset is longer than allowed."""
    schedules = entries(number, ScheduleRule("daily"))
    proposal = propose_spread(schedules, {"goodera": 10}, limit, start=START, end=END)
    assert proposal.holds is holds
    assert all(0 < offset <= limit for offset in proposal.offsets.values())
    moved = [
        (name, platform, replace(rule, spread_minutes=proposal.offsets.get(name, 0)), cursor)
        for name, platform, rule, cursor in schedules
    ]
    after = overloaded_minutes(load_by_minute(moved, START, END), {"goodera": 10})
    assert tuple(after) == proposal.remaining


def test_what_is_set_already_is_moved_only_where_that_helps() -> None:
    """Only changed offsets are proposed; a schedule may also go back to none."""
    rule = ScheduleRule("daily", spread_minutes=3)
    schedules = entries(60, rule)
    proposal = propose_spread(schedules, {"goodera": 10}, 5, start=START, end=END)
    assert proposal.holds
    assert 0 in proposal.offsets.values()
    assert 3 not in proposal.offsets.values()


def test_the_sentence_says_how_many_minutes_move_how_far() -> None:
    """Where it holds, where it doesn't, and where nothing can be done."""
    daily = ScheduleRule("daily")
    held = propose_spread(entries(60, daily), {"goodera": 10}, 5, start=START, end=END).sentence
    assert held.startswith("1 minute can't meet the SLA; it holds if ")
    assert held.endswith(" schedules get a new offset of at most 5 minutes.")
    lost = propose_spread(entries(300, daily), {"goodera": 10}, 5, start=START, end=END).sentence
    assert "still can't if" in lost
    assert "on goodera at 2026-07-04 00:05 UTC the last delivery waits 25 minutes" in lost
    none = propose_spread(entries(51, daily), {"goodera": 10}, 0, start=START, end=END)
    assert none.offsets == {}
    assert none.sentence == (
        "no offset of at most 0 minutes helps on goodera: the SLA needs 10 deliveries a minute, 10 are "
        "possible; raise its limit, allow a larger offset, or move schedules to other hours."
    )
    small = propose_spread(entries(51, daily), {"goodera": 9.5}, 0, start=START, end=END).sentence
    assert "9.5 are possible" in small


def test_a_shortfall_says_what_the_sla_needs() -> None:
    """To a thousandth: a hundred at once in five minutes are twenty a minute."""
    proposal = propose_spread(
        entries(100, ScheduleRule("daily")), {"goodera": 2}, 0, start=START, end=END
    )
    (shortfall,) = proposal.shortfalls
    assert shortfall.needed_per_minute == pytest.approx(20.0, rel=0.002)
    assert shortfall.needed_per_minute >= 20.0
    assert (shortfall.platform, shortfall.possible_per_minute) == ("goodera", 2)


def test_offsets_must_take_a_tenth_off_to_be_worth_it() -> None:
    """Of the longest wait or of the late ones: less isn't worth moving schedules for."""
    daily = ScheduleRule("daily")
    gains = {}
    for limit in (1, 30):
        proposal = propose_spread(
            entries(1_000, daily), {"goodera": 10}, limit, start=START, end=END
        )
        gains[limit] = bool(proposal.offsets)
    assert gains == {1: False, 30: True}


def test_a_window_bounds_every_offset() -> None:
    """Nothing is moved past its last minute, whatever the limit."""
    rule = ScheduleRule("daily", window=DeliveryWindow(time(8), time(8, 3)))
    proposal = propose_spread(entries(70, rule), {"goodera": 10}, 60, start=START, end=END)
    assert proposal.holds
    assert max(proposal.offsets.values()) <= 60
    tight = propose_spread(entries(71, rule), {"goodera": 10}, 60, start=START, end=END)
    assert not tight.holds


# Zones and the search -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("hours", "minutes"), sorted(_BETWEEN_HOURS))
def test_an_offset_between_hours_names_a_zone_that_has_it(hours: int, minutes: int) -> None:
    """However it is written: all year, or where no zone has it so, by the clock of its winter."""
    sign = "+" if hours > 0 else "-"
    for written in (f"UTC{sign}{abs(hours)}:{minutes:02}", f"{sign}{abs(hours):02}{minutes:02}"):
        with pytest.raises(TimezoneUnknown) as refusal:
            parse_timezone(written)
        zone = parse_timezone(refusal.value.example)
        offset = timedelta(hours=abs(hours), minutes=minutes) * (1 if hours > 0 else -1)
        months = [datetime(2026, month, 1, tzinfo=zone) for month in (1, 7)]
        winters = [month for month in months if not month.dst()]
        assert winters
        assert {month.utcoffset() for month in winters} == {offset}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("UTC+0", "UTC"),
        ("GMT-00:00", "UTC"),
        ("+14", "Etc/GMT-14"),
        ("-12", "Etc/GMT+12"),
        ("-13", "Europe/Oslo"),
        ("+15", "Europe/Oslo"),
        ("+5:31", "Europe/Oslo"),
        ("UTC+3:30", "Asia/Tehran"),
        ("UTC-3:30", "America/St_Johns"),
        ("UTC-4:30", "Europe/Oslo"),
    ],
)
def test_a_written_offset_names_the_zone_that_has_it_or_an_example(
    written: str, meant: str
) -> None:
    """POSIX counts to the west: three hours ahead of UTC is Etc/GMT-3."""
    with pytest.raises(TimezoneUnknown) as refusal:
        parse_timezone(written)
    assert refusal.value.example == meant


@pytest.mark.parametrize(("length", "shown"), [(60, "x" * 60), (61, "x" * 57 + "...")])
def test_a_refusal_quotes_sixty_signs_of_what_was_written(length: int, shown: str) -> None:
    """Of a zone and of a cron."""
    with pytest.raises(TimezoneUnknown) as refusal:
        parse_timezone("x" * length)
    assert refusal.value.timezone == shown


def test_a_cron_is_as_long_as_its_column() -> None:
    """A hundred signs, blanks included; one more is refused."""
    hundred = "1" + ",1" * 44 + " * * * *"
    hundred = hundred + " " * (100 - len(hundred))
    assert parse_cron(hundred).endswith("* * * *")
    with pytest.raises(CronTooLong):
        parse_cron(hundred + " ")


def test_the_first_year_of_the_calendar_has_no_change_and_no_end() -> None:
    """There is no second before it to compare with."""
    first = datetime(1, 1, 1, tzinfo=UTC)
    assert first_change(ZoneInfo("Europe/Oslo"), first + DAY, first + 300 * DAY) is None


@pytest.mark.parametrize(
    ("cron", "at", "fired"),
    [
        ("0 0 * * *", "2026-07-03T00:00", "2026-07-03T00:00"),
        ("0 0 * * *", "2026-07-02T23:59:59", "2026-07-02T00:00"),
        ("0 0 1 1 *", "2026-07-03T00:00", "2026-01-01T00:00"),
        ("0 0 29 2 *", "2026-07-03T00:00", "2024-02-29T00:00"),
        ("0 0 29 2 *", "2028-02-28T23:59", "2024-02-29T00:00"),
        ("0 0 29 2 */7", "2120-01-01T00:00", "2104-02-29T00:00"),
        ("*/20 * * * *", "2026-07-03T10:19:59", "2026-07-03T10:00"),
        ("* * * * *", "2026-07-03T10:19:59.5", "2026-07-03T10:19"),
    ],
)
def test_the_last_fire_is_the_one_at_or_before(cron: str, at: str, fired: str) -> None:
    """However long ago."""
    found_at = previous_instant(cron, ZoneInfo("UTC"), utc(at))
    if cron.endswith("*/7"):
        assert found_at is not None
        assert found_at.weekday() == 6
    else:
        assert found_at == utc(fired)
    oslo = previous_instant(cron, ZoneInfo("Europe/Oslo"), utc(at))
    assert oslo is not None
    assert oslo <= utc(at)


@pytest.mark.parametrize(
    ("cron", "fires"), [("0 0 * * *", 1), ("*/5 * * * *", 288), ("0,30 9-17 * * 1", 18)]
)
def test_a_day_has_at_most_its_hours_times_its_minutes(cron: str, fires: int) -> None:
    """On a day on which it fires at all."""
    assert most_fires_a_day(cron) == fires
