"""A run now: a fire like any other."""

from dataclasses import replace
from datetime import UTC, date, datetime, time

import pytest
from sqlalchemy import Engine

from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.deliveries.queueing.planning import plan_due
from impact_in_pipelines.db.schedules.store import ScheduleStore
from impact_in_pipelines.errors.schedules import (
    RunAlreadyPlanned,
)
from impact_in_pipelines.scheduling import (
    DeliveryWindow,
    ScheduleRule,
)

from .log import BENEVITY, DAILY, DAY, NOW, OSLO, deliveries, periods


def test_run_now_reports_the_days_since_the_last_fire_and_the_next_fire_goes_on_there(
    engine: Engine, store: ScheduleStore, acme: Company
) -> None:
    """The periods tile: Sunday to Tuesday now, Wednesday to Saturday at the regular fire."""
    made = store.create(acme, BENEVITY, ScheduleRule("weekly", OSLO), now=NOW)
    done = store.run_now(made.id, now=NOW)
    assert (done.period_start, done.period_end) == (date(2026, 3, 1), date(2026, 3, 3))
    plan_due(engine, BENEVITY, NOW + 4 * DAY)
    now_row, fire = deliveries(engine, made)
    assert (now_row.id, now_row.trigger, now_row.scheduled_for) == (done.delivery_id, "manual", NOW)
    assert now_row.idempotency_key == now_row.id
    assert (fire.period_start, fire.period_end) == (date(2026, 3, 4), date(2026, 3, 7))


def test_run_now_reports_today_so_far_when_every_whole_day_is_reported(
    engine: Engine, store: ScheduleStore, acme: Company
) -> None:
    """As an hourly fire does; the day is reported whole by its regular fire all the same."""
    made = store.create(acme, BENEVITY, DAILY, now=NOW)
    done = store.run_now(made.id, now=NOW)
    assert (done.period_start, done.period_end) == (date(2026, 3, 4), date(2026, 3, 4))
    plan_due(engine, BENEVITY, NOW + DAY)
    assert periods(deliveries(engine, made))[1] == (date(2026, 3, 4), date(2026, 3, 4))


def test_run_now_takes_the_place_of_a_fire_that_a_window_holds_back(
    store: ScheduleStore, acme: Company
) -> None:
    """At 07:00 the fire of midnight waits for 08:00; sent now, it isn't sent again at 08:00."""
    rule = replace(DAILY, window=DeliveryWindow(time(8), time(18)))
    made = store.create(acme, BENEVITY, rule, now=NOW)
    morning = datetime(2026, 3, 5, 6, tzinfo=UTC)
    done = store.run_now(made.id, now=morning)
    assert (done.period_start, done.period_end) == (date(2026, 3, 4), date(2026, 3, 4))
    assert done.schedule.next_run == datetime(2026, 3, 6, 7, tzinfo=UTC)


def test_a_paused_schedule_can_be_run_and_stays_paused(
    engine: Engine, store: ScheduleStore, acme: Company
) -> None:
    """Its days are not sent again at the resume."""
    made = store.create(acme, BENEVITY, DAILY, now=NOW)
    store.pause(made.id, "why", now=NOW)
    done = store.run_now(made.id, now=NOW + 2 * DAY)
    assert (done.period_start, done.period_end) == (date(2026, 3, 4), date(2026, 3, 5))
    assert not done.schedule.active
    store.resume(made.id, now=NOW + 4 * DAY)
    plan_due(engine, BENEVITY, NOW + 5 * DAY)
    assert periods(deliveries(engine, made))[1] == (date(2026, 3, 6), date(2026, 3, 8))


def test_two_runs_at_the_same_instant_make_one_delivery(
    engine: Engine, store: ScheduleStore, acme: Company
) -> None:
    """unique(schedule_id, scheduled_for) holds for a person's double click too."""
    made = store.create(acme, BENEVITY, DAILY, now=NOW)
    store.run_now(made.id, now=NOW)
    with pytest.raises(RunAlreadyPlanned):
        store.run_now(made.id, now=NOW)
    assert len(deliveries(engine, made)) == 1
