"""What a tick plans: one fire, a downtime's fires, and those a person must decide on."""

from datetime import date, datetime, time, timedelta

import pytest

from impact_in_pipelines.errors.schedules import NeverFiresAgain
from impact_in_pipelines.scheduling import (
    CatchUp,
    Cursor,
    DeliveryWindow,
    DuePlan,
    HolidayCalendar,
    HolidayPolicy,
    ScheduleRule,
    initial_cursor,
    plan_due,
)
from impact_in_pipelines.scheduling.due import MOST_PLANNED

from .strategies import utc

DAILY = Cursor(utc("2026-07-03T00:00"), date(2026, 7, 2))


def lines(plan: DuePlan) -> list[str]:
    """Each planned fire as `scheduled_for disposition period`."""
    return [
        f"{fire.scheduled_for:%m-%d %H} {fire.disposition} "
        f"{fire.period_start:%m-%d}..{fire.period_end:%m-%d}"
        for fire in plan.fires
    ]


def test_nothing_due_leaves_the_cursor_alone() -> None:
    """And says when something will be."""
    plan = plan_due(ScheduleRule("daily"), DAILY, utc("2026-07-03T23:59:59"))
    assert plan == DuePlan((), DAILY, utc("2026-07-04T00:00"))


def test_a_fire_is_due_at_its_instant_and_only_once() -> None:
    """The cursor that the plan returns has handled it."""
    now = utc("2026-07-04T00:00")
    plan = plan_due(ScheduleRule("daily"), DAILY, now)
    assert lines(plan) == ["07-04 00 deliver 07-03..07-03"]
    assert plan.fires[0].note is None
    assert plan.cursor == Cursor(now, date(2026, 7, 3))
    assert plan_due(ScheduleRule("daily"), plan.cursor, now).fires == ()


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (
            CatchUp.COALESCE,
            [
                "07-04 00 missed 07-03..07-03",
                "07-05 00 missed 07-04..07-04",
                "07-06 00 deliver 07-03..07-05",
            ],
        ),
        (
            CatchUp.ALL,
            [
                "07-04 00 catch_up 07-03..07-03",
                "07-05 00 catch_up 07-04..07-04",
                "07-06 00 deliver 07-05..07-05",
            ],
        ),
        (
            CatchUp.NONE,
            [
                "07-04 00 missed 07-03..07-03",
                "07-05 00 missed 07-04..07-04",
                "07-06 00 deliver 07-05..07-05",
            ],
        ),
    ],
)
def test_after_a_downtime_the_catch_up_policy_decides(policy: CatchUp, expected: list[str]) -> None:
    """Missed fires are written down whatever the policy; D6."""
    plan = plan_due(ScheduleRule("daily", catch_up=policy), DAILY, utc("2026-07-06T09:00"))
    assert lines(plan) == expected
    assert plan.needs_person is None
    assert plan.cursor == Cursor(utc("2026-07-06T00:00"), date(2026, 7, 5))


def test_an_hourly_catch_up_covers_whole_days_and_the_day_so_far() -> None:
    """And the day so far is reported again, whole, after midnight."""
    cursor = Cursor(utc("2026-07-03T22:00"), date(2026, 7, 2))
    plan = plan_due(ScheduleRule("hourly"), cursor, utc("2026-07-04T02:30"))
    assert lines(plan) == [
        "07-03 23 missed 07-03..07-03",
        "07-04 00 missed 07-03..07-03",
        "07-04 01 missed 07-04..07-04",
        "07-04 02 deliver 07-03..07-04",
    ]
    assert plan.fires[-1].note == "catches up 3 missed fires"
    assert plan.cursor.covered_until == date(2026, 7, 3)


def test_fires_older_than_the_limit_are_left_to_a_person() -> None:
    """A week's limit: what is older is written down, named with its days, and not sent."""
    rule = ScheduleRule("daily", catch_up_limit_days=7)
    plan = plan_due(rule, DAILY, utc("2026-07-14T09:00"))
    assert lines(plan)[:5] == [
        "07-04 00 missed 07-03..07-03",
        "07-05 00 missed 07-04..07-04",
        "07-06 00 missed 07-05..07-05",
        "07-07 00 missed 07-06..07-06",
        "07-08 00 missed 07-07..07-07",
    ]
    assert lines(plan)[-1] == "07-14 00 deliver 07-07..07-13"
    assert plan.needs_person is not None
    assert "2026-07-03 to 2026-07-06 (4 days)" in plan.needs_person
    assert "impact-in" not in plan.needs_person


def test_a_single_fire_beyond_the_limit_is_left_to_a_person_too() -> None:
    """A yearly report found two months late isn't sent unasked."""
    rule = ScheduleRule("0 0 1 1 *")
    cursor = initial_cursor(rule, utc("2025-06-01T00:00"))
    plan = plan_due(rule, cursor, utc("2026-03-01T00:00"))
    assert lines(plan) == ["01-01 00 missed 01-01..12-31"]
    assert plan.needs_person is not None
    assert plan.next_run == utc("2027-01-01T00:00")


def test_a_long_period_alone_is_no_backlog() -> None:
    """A yearly schedule reports on 365 days, and the limit is about lateness."""
    rule = ScheduleRule("0 0 1 1 *")
    cursor = initial_cursor(rule, utc("2025-06-01T00:00"))
    plan = plan_due(rule, cursor, utc("2026-01-01T00:01"))
    assert lines(plan) == ["01-01 00 deliver 01-01..12-31"]
    assert plan.needs_person is None


OUTAGES = [
    ScheduleRule("* * * * *"),
    ScheduleRule("hourly", "Europe/Oslo"),
    ScheduleRule("hourly", "Europe/Oslo", catch_up=CatchUp.ALL),
    ScheduleRule("daily", catch_up_limit_days=2000),
    ScheduleRule("* * 1 * *"),
    ScheduleRule(
        "*/5 * * * *", holiday_calendar=HolidayCalendar("NO", policy=HolidayPolicy.PREVIOUS)
    ),
    ScheduleRule("*/5 * * * *", window=DeliveryWindow(time(8), time(10), frozenset({1}))),
]


@pytest.mark.parametrize("rule", OUTAGES, ids=[rule.cron for rule in OUTAGES])
def test_three_years_of_downtime_make_a_bounded_plan_that_loses_nothing_inside_the_limit(
    rule: ScheduleRule,
) -> None:
    """At most a thousand rows; left to a person and delivered together is every day of the outage."""
    start, now = utc("2026-07-03T10:30"), utc("2029-07-07T10:30")
    cursor = initial_cursor(rule, start)
    plan = plan_due(rule, cursor, now)
    instants = [fire.scheduled_for for fire in plan.fires]
    assert len(instants) <= MOST_PLANNED
    assert instants == sorted(set(instants))
    assert plan.next_run > now >= instants[-1]
    assert plan.needs_person is not None
    assert "listed one by one" in plan.needs_person
    delivered = [fire for fire in plan.fires if fire.sent]
    first = min(fire.period_start for fire in delivered)
    limit = (now - timedelta(days=rule.catch_up_limit_days)).date()
    if first > cursor.covered_until + timedelta(days=1):
        left = f"{cursor.covered_until + timedelta(days=1)} to {first - timedelta(days=1)} ("
        assert left in plan.needs_person
        assert first <= limit + timedelta(days=1)
    assert max(fire.period_end for fire in delivered) >= plan.cursor.covered_until


@pytest.mark.parametrize("end", ["2026-12-28T09:10", "2026-12-28T01:00"])
def test_the_short_list_of_a_long_downtime_ends_like_the_whole_one(
    monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """Reading from the middle must come to the same rows as reading from the cursor; the second end
    has it begin in a Christmas whose fires went out before."""
    now = utc(end)
    for rule in OUTAGES[1:]:
        cursor = initial_cursor(rule, now - timedelta(days=75))
        whole = _plan_with(monkeypatch, rule, cursor, now, most=10**6)
        short = _plan_with(monkeypatch, rule, cursor, now, most=40)
        assert len(short.fires) <= 40
        assert short.cursor == whole.cursor
        assert short.next_run == whole.next_run
        assert short.fires[1:-1] == whole.fires[1 - len(short.fires) : -1]
        last, expected = short.fires[-1], whole.fires[-1]
        assert (last.scheduled_for, last.period_end) == (
            expected.scheduled_for,
            expected.period_end,
        )
        if rule.catch_up is CatchUp.COALESCE:
            assert last.period_start == expected.period_start


def _plan_with(
    patch: pytest.MonkeyPatch, rule: ScheduleRule, cursor: Cursor, now: datetime, most: int
) -> DuePlan:
    patch.setattr("impact_in_pipelines.scheduling.due.MOST_PLANNED", most)
    patch.setattr("impact_in_pipelines.scheduling.due._MOST_READ", most * 10)
    return plan_due(rule, cursor, now)


def test_a_calendar_that_drops_every_fire_is_refused() -> None:
    """There is no next run to write down."""
    rule = ScheduleRule("0 0 1 1 *", "Europe/Oslo", HolidayCalendar("NO"))
    with pytest.raises(NeverFiresAgain):
        plan_due(rule, DAILY, utc("2026-07-04T00:00"))
