"""Planners on a real database: every fire once, every day once."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from threading import Barrier, Thread

import pytest
from sqlalchemy import Engine

from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.deliveries.queueing.planning import plan_due
from impact_in_pipelines.db.schedules.store import ScheduleStore
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.scheduling import (
    DeliveryWindow,
    HolidayCalendar,
    HolidayPolicy,
    ScheduleRule,
    preview,
)

from .log import BENEVITY, DAILY, DAY, NOW, OSLO, deliveries, periods, run


def test_two_planners_at_once_plan_each_fire_once(
    engine: Engine, runtime: Runtime, store: ScheduleStore
) -> None:
    """SKIP LOCKED and unique(schedule_id, scheduled_for), with a third hand that changes rules."""
    made = []
    for number in range(60):
        company = runtime.companies.add(f"co-{number}", name="Co")
        made.append(store.create(company, BENEVITY, ScheduleRule("hourly"), now=NOW))
    start = Barrier(4)
    now = NOW + timedelta(hours=1, minutes=1)

    def planner() -> None:
        start.wait()
        for _ in range(5):
            plan_due(engine, BENEVITY, now, limit=25)

    def changer() -> None:
        start.wait()
        for one in made:
            store.update(one.id, now=now, spread_minutes=1)

    threads = [Thread(target=target) for target in (planner, planner, planner, changer)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts = run(
        engine, "SELECT schedule_id, count(*) AS fires FROM impact_deliveries GROUP BY schedule_id"
    )
    assert {row.schedule_id: row.fires for row in counts} == {one.id: 1 for one in made}
    assert plan_due(engine, BENEVITY, now) == 0


RULES = {
    "daily over the change of the clock": DAILY,
    "hourly in New York": ScheduleRule("hourly", "America/New_York"),
    "weekdays with holidays and a window": ScheduleRule(
        "30 6 * * 1-5",
        OSLO,
        HolidayCalendar("NO", None, (), HolidayPolicy.NEXT),
        DeliveryWindow(time(8), time(18), frozenset({1, 2, 3, 4, 5})),
    ),
    "holidays skipped": ScheduleRule("daily", OSLO, HolidayCalendar("NO")),
    "every six hours, spread": ScheduleRule("every-6-hours", "Asia/Kathmandu", spread_minutes=7),
}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())
def test_weeks_of_ticks_do_what_the_preview_said(
    engine: Engine, store: ScheduleStore, acme: Company, rule: ScheduleRule
) -> None:
    """Easter and both changes of the clock included, every fire once, with the promised period."""
    begin = datetime(2026, 3, 2, 9, tzinfo=UTC)
    end = begin + 6 * 7 * DAY
    made = store.create(acme, BENEVITY, rule, now=begin)
    promised = [
        (fire.scheduled_for, fire.period_start, fire.period_end)
        for fire in preview(rule, 2_000, after=begin, cursor=made.cursor)
        if not fire.dropped and fire.scheduled_for <= end
    ]
    for tick in ticks(begin, end):
        plan_due(engine, BENEVITY, tick)
    rows = deliveries(engine, made)
    assert [(row.scheduled_for, row.period_start, row.period_end) for row in rows] == promised
    assert {row.status for row in rows} == {"pending"}


def ticks(begin: datetime, end: datetime) -> Iterator[datetime]:
    """Every half hour; the spread of seven minutes falls between two."""
    tick = begin
    while tick <= end:
        yield tick
        tick += timedelta(minutes=30)


def test_changes_and_pauses_over_weeks_report_every_day_exactly_once(
    engine: Engine, store: ScheduleStore, acme: Company
) -> None:
    """Daily ticks with an update, a pause, a resume and a run in between: the days still tile."""
    made = store.create(acme, BENEVITY, ScheduleRule("0 6 * * *", OSLO), now=NOW)
    changes: dict[int, Callable[[datetime], object]] = {
        4: lambda now: store.update(made.id, now=now, cron="0 7 * * 1"),
        9: lambda now: store.run_now(made.id, now=now),
        12: lambda now: store.pause(made.id, "why", now=now),
        15: lambda now: store.update(made.id, now=now, cron="0 5 * * *", timezone="UTC"),
        18: lambda now: store.run_now(made.id, now=now),
        20: lambda now: store.resume(made.id, now=now),
        22: lambda now: store.update(made.id, now=now, window=DeliveryWindow(time(9), time(10))),
    }
    for day in range(1, 30):
        now = NOW + day * DAY
        if day in changes:
            changes[day](now)
        plan_due(engine, BENEVITY, now)
    rows = deliveries(engine, made)
    assert {row.status for row in rows} == {"pending"}
    days = [
        start + DAY * offset
        for start, end in periods(rows)
        for offset in range((end - start).days + 1)
    ]
    whole = [date(2026, 3, 4) + DAY * offset for offset in range(len(days))]
    assert days == whole
    assert len(days) == 29
    assert json.dumps([row.note for row in rows]).count("missed") == 0
