"""Level load: what falls due when, and the spread that makes the SLA hold."""

from dataclasses import replace
from datetime import date, time, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from impact_in_pipelines.errors.schedules import (
    LoadCapacityMissing,
    LoadEndsBeforeStart,
    SpreadOutOfRange,
)
from impact_in_pipelines.scheduling import Cursor, DeliveryWindow, ScheduleRule
from impact_in_pipelines.scheduling.load.entries import LoadEntry
from impact_in_pipelines.scheduling.load.levels import Load, load_by_minute, overloaded_minutes
from impact_in_pipelines.scheduling.load.spread import propose_spread

from .strategies import utc

START = utc("2026-07-03T23:30")
END = START + timedelta(days=1)
CURSOR = Cursor(START, date(2026, 7, 2))


def entries(number: int, rule: ScheduleRule, platform: str = "goodera") -> list[LoadEntry]:
    """`number` schedules with the same rule."""
    return [(f"{platform}-{rule.cron}-{n:05}", platform, rule, CURSOR) for n in range(number)]


def spread(schedules: list[LoadEntry], offsets: dict[str, int]) -> list[LoadEntry]:
    """The schedules with the proposed offsets set."""
    return [
        (
            name,
            platform,
            replace(rule, spread_minutes=offsets.get(name, rule.spread_minutes)),
            cursor,
        )
        for name, platform, rule, cursor in schedules
    ]


def test_deliveries_are_counted_in_the_minute_they_fall_due() -> None:
    """Per platform, with the spread the schedules have, the end excluded."""
    schedules = [
        *entries(3, ScheduleRule("daily")),
        *entries(2, ScheduleRule("daily", spread_minutes=10)),
        *entries(4, ScheduleRule("hourly"), "workday"),
    ]
    load = load_by_minute(schedules, START, START + timedelta(minutes=90))
    found = {
        platform: [
            (f"{load.minute(int(at)):%H:%M}", int(counts[at])) for at in np.flatnonzero(counts)
        ]
        for platform, counts in load.by_platform.items()
    }
    assert found == {"goodera": [("00:00", 3), ("00:10", 2)], "workday": [("00:00", 4)]}


def test_a_fire_that_is_handled_already_doesnt_count() -> None:
    """The cursor is past it."""
    done = (
        "a",
        "goodera",
        ScheduleRule("daily"),
        Cursor(utc("2026-07-04T00:00"), date(2026, 7, 3)),
    )
    assert load_by_minute([done], START, END).by_platform["goodera"].sum() == 0


def test_a_minute_is_overloaded_when_its_last_delivery_waits_longer_than_the_sla() -> None:
    """Ten a minute: fifty wait five minutes, which holds; ten more behind them wait longer."""
    counts = np.zeros(10, np.int64)
    counts[2], counts[3], counts[9] = 50, 20, 50
    (minute,) = overloaded_minutes(Load(START, {"goodera": counts}), {"goodera": 10})
    assert (minute.minute, minute.due, minute.waiting) == (START + timedelta(minutes=3), 20, 40)
    assert minute.wait_minutes == pytest.approx(6)


@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=40),
    st.integers(1, 15),
    st.integers(1, 5),
)
@settings(derandomize=True, deadline=None, max_examples=150)
def test_the_queue_agrees_with_one_simulated_minute_by_minute(
    due: list[int], capacity: int, sla: int
) -> None:
    """The vectorised recursion is only a faster way to write this loop."""
    waiting, expected = 0, []
    for index, number in enumerate(due):
        if number and (waiting + number) / capacity > sla:
            expected.append((START + timedelta(minutes=index), number, waiting))
        waiting = max(0, waiting + number - capacity)
    load = Load(START, {"goodera": np.array(due, np.int64)})
    found = overloaded_minutes(load, {"goodera": capacity}, sla)
    assert [(minute.minute, minute.due, minute.waiting) for minute in found] == expected


def test_a_proposed_spread_makes_the_sla_hold() -> None:
    """Set, it leaves no minute overloaded; within the limit; and then nothing more is proposed."""
    schedules = [
        *entries(900, ScheduleRule("daily")),
        *entries(200, ScheduleRule("hourly")),
        *entries(300, ScheduleRule("weekly", "Europe/Oslo")),
        *entries(100, ScheduleRule("daily"), "workday"),
    ]
    capacity = {"goodera": 60.0, "workday": 30.0}
    proposal = propose_spread(schedules, capacity, 30, start=START, end=END)
    assert proposal.before
    assert proposal.holds
    assert all(0 < offset <= 30 for offset in proposal.offsets.values())
    assert not any(name.startswith("workday") for name in proposal.offsets)
    after = spread(schedules, dict(proposal.offsets))
    assert overloaded_minutes(load_by_minute(after, START, END), capacity) == []
    again = propose_spread(after, capacity, 30, start=START, end=END)
    assert again.offsets == {}
    assert again.sentence == "The SLA holds in every minute; nothing needs to move."


def test_when_no_spread_can_help_it_says_so() -> None:
    """A thousand in ten minutes at thirty a minute: it can't, and the sentence says what would."""
    schedules = entries(1000, ScheduleRule("daily"))
    proposal = propose_spread(schedules, {"goodera": 30}, 10, start=START, end=END)
    assert not proposal.holds
    assert "allow a larger offset, or raise the capacity" in proposal.sentence
    after = spread(schedules, dict(proposal.offsets))
    found = overloaded_minutes(load_by_minute(after, START, END), {"goodera": 30})
    assert tuple(found) == proposal.remaining
    assert len(proposal.remaining) < 11


def test_a_window_limits_what_a_spread_can_do() -> None:
    """Five minutes of window are five minutes of room, whatever the limit."""
    rule = ScheduleRule("daily", window=DeliveryWindow(time(8), time(8, 5)))
    schedules = entries(90, rule)
    assert propose_spread(schedules, {"goodera": 10}, 60, start=START, end=END).holds
    assert not propose_spread(schedules, {"goodera": 9}, 60, start=START, end=END).holds


def test_a_capacity_and_an_end_are_needed() -> None:
    """One line each."""
    schedules = entries(1, ScheduleRule("daily"))
    with pytest.raises(LoadCapacityMissing):
        overloaded_minutes(load_by_minute(schedules, START, END), {"workday": 1})
    with pytest.raises(LoadEndsBeforeStart):
        load_by_minute(schedules, START, START)
    with pytest.raises(SpreadOutOfRange):
        propose_spread(schedules, {"goodera": 1}, 1440, start=START, end=END)


def test_a_proposal_that_gains_nothing_moves_nothing_and_says_what_is_lacking() -> None:
    """More falls due around the clock than is taken: fifteen minutes here or there don't matter. Offsets that
    don't help were once set, and proposed anew by each plan."""
    schedules = entries(180, ScheduleRule("hourly"))
    proposal = propose_spread(schedules, {"goodera": 1.5}, 15, start=START, end=END)
    assert proposal.offsets == {}
    assert proposal.remaining == proposal.before
    (lacking,) = proposal.shortfalls
    assert (lacking.platform, lacking.possible_per_minute) == ("goodera", 1.5)
    assert 9.0 <= lacking.needed_per_minute < 9.5
    assert proposal.sentence.startswith("no offset of at most 15 minutes helps on goodera: ")
    assert "1.5 are possible" in proposal.sentence
    assert "\n" not in proposal.sentence


def test_one_platform_is_spread_though_another_cannot_be_helped() -> None:
    """Each is judged by itself."""
    schedules = [
        *entries(180, ScheduleRule("hourly")),
        *entries(100, ScheduleRule("daily"), "workday"),
    ]
    capacity = {"goodera": 1.5, "workday": 10.0}
    proposal = propose_spread(schedules, capacity, 15, start=START, end=END)
    assert proposal.offsets
    assert all(name.startswith("workday") for name in proposal.offsets)
    assert {minute.platform for minute in proposal.remaining} == {"goodera"}
    assert "helps on goodera" in proposal.sentence


@given(
    st.integers(20, 400),
    st.sampled_from([1.0, 5.0, 30.0]),
    st.integers(0, 20),
    st.sampled_from(["daily", "hourly", "*/10 * * * *"]),
)
@settings(derandomize=True, deadline=None, max_examples=40)
def test_set_proposals_come_to_an_end(number: int, rate: float, limit: int, cron: str) -> None:
    """Whatever can or can't be done: set three times at most, a plan has nothing left to propose."""
    schedules = entries(number, ScheduleRule(cron))
    for _ in range(4):
        proposal = propose_spread(schedules, {"goodera": rate}, limit, start=START, end=END)
        if not proposal.offsets:
            break
        schedules = spread(schedules, dict(proposal.offsets))
    assert proposal.offsets == {}


def test_a_fire_that_is_moved_past_the_end_of_the_plan_still_counts() -> None:
    """Otherwise the end of the plan would swallow what doesn't fit."""
    schedules = entries(40, ScheduleRule("daily"))
    end = START + timedelta(minutes=31)
    assert not propose_spread(schedules, {"goodera": 1}, 10, start=START, end=end).holds
