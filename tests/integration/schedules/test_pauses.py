"""Pauses and resumes: no day is lost, and none counts as missed."""

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import Engine

from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.deliveries.queueing.planning import plan_due
from impact_in_pipelines.db.schedules.rows import DaysLeftOut
from impact_in_pipelines.db.schedules.store import ScheduleStore
from impact_in_pipelines.errors.schedules import (
    CronNeverFires,
    PauseReasonMissing,
)
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.scheduling import (
    CatchUp,
)

from .log import BENEVITY, DAILY, DAY, NOW, deliveries, periods, run


def test_a_pause_stops_fires_and_a_resume_loses_no_day_and_counts_none_as_missed(
    engine: Engine, store: ScheduleStore, acme: Company
) -> None:
    """A pause isn't a downtime of ours: no `missed` row, one delivery for its days."""
    made = store.create(acme, BENEVITY, DAILY, now=NOW)
    paused = store.pause(made.id, "account closed", now=NOW)
    assert (paused.active, paused.next_run, paused.paused_reason) == (False, None, "account closed")
    assert plan_due(engine, BENEVITY, NOW + 3 * DAY) == 0
    back = store.resume(made.id, now=NOW + 3 * DAY)
    assert (back.active, back.paused_reason, back.notice) == (True, None, None)
    assert plan_due(engine, BENEVITY, NOW + 3 * DAY) == 0
    assert plan_due(engine, BENEVITY, NOW + 4 * DAY) == 1
    rows = deliveries(engine, made)
    assert [row.status for row in rows] == ["pending"]
    assert periods(rows) == [(date(2026, 3, 4), date(2026, 3, 7))]


def test_what_was_due_before_a_pause_is_still_planned(
    engine: Engine, store: ScheduleStore, acme: Company
) -> None:
    """Otherwise a pause would hide an outage from the SLA."""
    made = store.create(acme, BENEVITY, DAILY, now=NOW)
    store.pause(made.id, "late", now=NOW + 3 * DAY)
    rows = deliveries(engine, made)
    assert [row.status for row in rows] == ["missed", "missed", "pending"]
    assert periods(rows) == [(date(2026, 3, 4), date(2026, 3, 6))]


def test_a_rule_without_catch_up_leaves_the_days_of_a_pause_out_and_says_so(
    engine: Engine, store: ScheduleStore, acme: Company
) -> None:
    """`catch_up: none` asks for it; the notice names the days."""
    made = store.create(acme, BENEVITY, replace(DAILY, catch_up=CatchUp.NONE), now=NOW)
    store.pause(made.id, "why", now=NOW)
    back = store.resume(made.id, now=NOW + 3 * DAY)
    assert back.notice == DaysLeftOut(date(2026, 3, 4), date(2026, 3, 6), None)
    plan_due(engine, BENEVITY, NOW + 4 * DAY)
    assert periods(deliveries(engine, made)) == [(date(2026, 3, 7), date(2026, 3, 7))]


def test_days_beyond_the_catch_up_limit_wait_for_a_person(
    engine: Engine, store: ScheduleStore, acme: Company
) -> None:
    """A pause of 40 days with a limit of 10: the next delivery covers the last ones only."""
    made = store.create(acme, BENEVITY, replace(DAILY, catch_up_limit_days=10), now=NOW)
    store.pause(made.id, "why", now=NOW)
    back = store.resume(made.id, now=NOW + 40 * DAY)
    plan_due(engine, BENEVITY, NOW + 41 * DAY)
    [(start, end)] = periods(deliveries(engine, made))
    assert back.notice == DaysLeftOut(date(2026, 3, 4), start - DAY, 10)
    assert end == (NOW + 40 * DAY).date()
    assert 10 <= (end - start).days + 1 <= 11


def test_a_rule_changed_in_a_pause_loses_no_day(
    engine: Engine, store: ScheduleStore, acme: Company
) -> None:
    """The cursor of a paused schedule stays where it was until the resume."""
    made = store.create(acme, BENEVITY, DAILY, now=NOW)
    store.pause(made.id, "why", now=NOW)
    changed = store.update(made.id, now=NOW + DAY, cron="weekly")
    assert (changed.active, changed.next_run) == (False, None)
    store.resume(made.id, now=NOW + 2 * DAY)
    plan_due(engine, BENEVITY, NOW + 4 * DAY)
    assert periods(deliveries(engine, made)) == [(date(2026, 3, 4), date(2026, 3, 7))]


def test_resuming_an_active_schedule_changes_nothing(store: ScheduleStore, acme: Company) -> None:
    """A second click must not move the cursor over a fire that is due."""
    made = store.create(acme, BENEVITY, DAILY, now=NOW)
    assert store.resume(made.id, now=NOW) == made


def test_a_pause_needs_a_reason(store: ScheduleStore, acme: Company) -> None:
    """Whoever finds it paused must read why."""
    made = store.create(acme, BENEVITY, DAILY, now=NOW)
    with pytest.raises(PauseReasonMissing):
        store.pause(made.id, "  ", now=NOW)


def test_schedules_of_a_platform_are_paused_and_resumed_together(
    runtime: Runtime, store: ScheduleStore, acme: Company
) -> None:
    """One that was paused for another reason stays paused when the others resume."""
    other = runtime.companies.add("other", name="Other")
    first = store.create(acme, BENEVITY, DAILY, now=NOW)
    own = store.create(other, BENEVITY, DAILY, now=NOW)
    goodera = store.create(acme, Platform.GOODERA, DAILY, now=NOW)
    store.pause(own.id, "contract ended", now=NOW)
    paused = store.pause_all("maintenance", now=NOW, platform=BENEVITY)
    assert [one.id for one in paused] == [first.id]
    assert store.find(goodera.id).active
    resumed = store.resume_all(now=NOW + DAY, platform=BENEVITY, reason="maintenance")
    assert [one.id for one in resumed] == [first.id]
    assert store.find(own.id).paused_reason == "contract ended"


def test_one_rule_that_no_longer_holds_does_not_stop_the_others(
    engine: Engine, store: ScheduleStore, acme: Company
) -> None:
    """It stays paused with the reason, and the list still shows it."""
    bad, good = (store.create(acme, BENEVITY, DAILY, now=NOW) for _ in range(2))
    store.pause_all("why", now=NOW)
    run(engine, "UPDATE scheduled_deliveries SET schedule = '0 0 31 2 *' WHERE id = :id", id=bad.id)
    store.resume_all(now=NOW)
    assert store.find(good.id).active
    left = store.find(bad.id)
    assert not left.active
    assert left.last_error == "the rule no longer holds: cron '0 0 31 2 *'"
    assert isinstance(left.problem, CronNeverFires)
    assert left.in_words == "0 0 31 2 *"
