"""Laws that hold for every rule, zone and instant."""

import random
from datetime import datetime, timedelta
from itertools import islice, pairwise, takewhile

from hypothesis import given, settings
from hypothesis import strategies as st

from impact_in_pipelines.scheduling import (
    CatchUp,
    Cursor,
    PlannedFire,
    ScheduleRule,
    initial_cursor,
    iter_fires,
    next_fire,
    plan_due,
    preview,
)
from impact_in_pipelines.scheduling.clock import most_fires_a_day

from .strategies import instants, rules

DAY = timedelta(days=1)


@given(rules, instants)
@settings(derandomize=True, deadline=None, max_examples=120)
def test_fires_strictly_increase_and_come_after_the_start(
    rule: ScheduleRule, now: datetime
) -> None:
    """Whatever calendar, window and spread do; a schedule never starts with a late fire."""
    fires = [fire for fire, _ in islice(iter_fires(rule, initial_cursor(rule, now)), 25)]
    at = [fire.scheduled_for for fire in fires]
    assert all(earlier < later for earlier, later in pairwise(at))
    assert at[0] > now
    nominals = [fire.nominal for fire in fires]
    assert nominals == sorted(set(nominals))


@given(rules, instants)
@settings(derandomize=True, deadline=None, max_examples=120)
def test_periods_tile_time(rule: ScheduleRule, now: datetime) -> None:
    """A period begins the day after the last day that was reported whole. Either its own last day is
    over when it goes out, and the next begins behind it; or it is one day, so far, that a later
    fire reports again. So no day is left out, and none is reported whole twice."""
    cursor = initial_cursor(rule, now)
    for fire, following in islice(iter_fires(rule, cursor), 25):
        today = fire.scheduled_for.astimezone(rule.zone).date()
        assert fire.period_start == cursor.covered_until + DAY
        assert fire.period_start <= fire.period_end <= today
        if following.covered_until == cursor.covered_until:
            assert fire.period_start == fire.period_end
        else:
            assert fire.period_end == following.covered_until < today
        cursor = following


@given(rules, instants)
@settings(derandomize=True, deadline=None, max_examples=100)
def test_every_fire_respects_window_and_calendar(rule: ScheduleRule, now: datetime) -> None:
    """The promise to the company: inside the hours, on an open day."""
    calendar, window = rule.holiday_calendar, rule.window
    for fire, _ in islice(iter_fires(rule, initial_cursor(rule, now)), 15):
        at = fire.scheduled_for.astimezone(rule.zone)
        if window:
            assert window.contains(at)
        elif rule.spread_minutes == 0 and calendar:
            assert calendar.closed(at.date()) is None


@given(rules, instants)
@settings(derandomize=True, deadline=None, max_examples=60)
def test_reading_on_from_a_cursor_is_reading_through(rule: ScheduleRule, now: datetime) -> None:
    """Nothing but the cursor is remembered between two ticks."""
    cursor = initial_cursor(rule, now)
    for expected in islice(iter_fires(rule, cursor), 12):
        found = next_fire(rule, cursor)
        assert found == expected
        cursor = expected[1]


@given(rules, instants)
@settings(derandomize=True, deadline=None, max_examples=60)
def test_a_preview_shows_the_fires_with_their_periods(rule: ScheduleRule, now: datetime) -> None:
    """What is shown, dropped lines aside, is what the rule does."""
    shown = [line for line in preview(rule, 12, after=now) if not line.dropped]
    fires = iter_fires(rule, initial_cursor(rule, now))
    for line, (fire, _) in zip(shown, fires, strict=False):
        assert line.scheduled_for == fire.scheduled_for
        assert (line.period_start, line.period_end) == (fire.period_start, fire.period_end)


def run_ticks(
    rule: ScheduleRule, cursor: Cursor, start: datetime, end: datetime, chance: random.Random
) -> list[tuple[datetime, PlannedFire]]:
    """Ticks with a frozen clock: each a little late, now and then after a downtime of days."""
    planned = []
    # Short of the thousand fires that are listed one by one.
    longest = 24 * min(20, 900 // most_fires_a_day(rule.cron))
    now, next_run = start, start
    while now < end:
        now = max(now, next_run) + timedelta(seconds=chance.randrange(60))
        if chance.random() < 0.03:
            now += timedelta(hours=chance.randrange(1, longest))
        plan = plan_due(rule, cursor, now)
        assert plan.needs_person is None
        planned += [(now, fire) for fire in plan.fires]
        assert plan.next_run > now
        cursor, next_run = plan.cursor, plan.next_run
    return planned


@given(rules, instants, st.integers(0, 10**6))
@settings(derandomize=True, deadline=None, max_examples=15)
def test_a_year_of_ticks_does_what_the_preview_said(
    rule: ScheduleRule, start: datetime, seed: int
) -> None:
    """Outages included: every fire that was shown is planned once, in order, never before its time,
    and what is delivered covers every day that is over."""
    end = start + timedelta(days=min(370, 1500 // most_fires_a_day(rule.cron)))
    cursor = initial_cursor(rule, start)
    planned = run_ticks(rule, cursor, start, end, random.Random(seed))
    assert all(fire.scheduled_for <= now for now, fire in planned)
    shown = list(
        takewhile(
            lambda line: bool(planned) and line.scheduled_for <= planned[-1][1].scheduled_for,
            (
                line
                for line in preview(rule, len(planned) + 400, after=start, cursor=cursor)
                if not line.dropped
            ),
        )
    )
    assert [fire.scheduled_for for _, fire in planned] == [line.scheduled_for for line in shown]
    for line, (_, fire) in zip(shown, planned, strict=True):
        assert fire.period_end == line.period_end
        caught_up = fire.note is not None and fire.note.startswith("catches up")
        assert caught_up or fire.period_start == line.period_start
    if rule.catch_up is CatchUp.NONE or not planned:
        return
    covered = cursor.covered_until
    for _, fire in planned:
        if fire.sent:
            assert fire.period_start <= covered + DAY
            covered = max(covered, fire.period_end)
    assert covered >= max(fire.period_end for _, fire in planned)
