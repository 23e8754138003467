"""What is written down and counted of schedules."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import Engine

from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.deliveries.queueing.planning import plan_due
from impact_in_pipelines.db.schedules.store import ScheduleStore
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.scheduling import (
    ScheduleRule,
)

from .log import BENEVITY, DAILY, DAY, NOW, OSLO, audit, deliveries, run


def test_every_change_leaves_a_row_that_says_who_changed_what(
    engine: Engine, store: ScheduleStore, acme: Company
) -> None:
    """Only what differs is written down, before and after."""
    made = store.create(acme, BENEVITY, DAILY, now=NOW, actor="ann")
    store.update(made.id, now=NOW + timedelta(minutes=1), actor="ben", spread_minutes=5)
    store.pause(made.id, "why", now=NOW + timedelta(minutes=2), actor="cat")
    store.run_now(made.id, now=NOW + timedelta(minutes=3), actor="dan")
    store.delete(made.id, now=NOW + timedelta(minutes=4))
    rows = audit(engine)
    assert [(row.actor, row.action) for row in rows] == [
        ("ann", "schedule.create"),
        ("ben", "schedule.update"),
        ("cat", "schedule.pause"),
        ("dan", "schedule.run_now"),
        ("cli", "schedule.delete"),
    ]
    assert {row.subject for row in rows} == {f"schedule {made.id}"}
    assert (rows[0].before, rows[0].after["schedule"]) == (None, "0 0 * * *")
    assert rows[1].before["spread_minutes"] == 0
    assert rows[1].after["spread_minutes"] == 5
    assert "schedule" not in rows[1].after
    assert rows[2].after["paused_reason"] == "why"
    assert UUID(rows[3].after["delivery_id"]) == deliveries(engine, made)[0].id


def test_stats_count_states_over_all_and_for_each_platform(
    engine: Engine, runtime: Runtime, store: ScheduleStore, acme: Company
) -> None:
    """Overdue is what is active and more than five minutes late; failing, three in a row."""
    empty = store.stats(NOW)
    assert (empty.all.total, empty.all.next_due) == (0, None)
    first = store.create(acme, BENEVITY, DAILY, now=NOW)
    failing = store.create(acme, BENEVITY, ScheduleRule("weekly", OSLO), now=NOW)
    paused = store.create(acme, Platform.GOODERA, DAILY, now=NOW, active=False)
    gone = store.create(acme, BENEVITY, DAILY, now=NOW)
    store.delete(gone.id, now=NOW)
    run(
        engine,
        "UPDATE scheduled_deliveries SET consecutive_failures = 3 WHERE id = :id",
        id=failing.id,
    )
    assert first.next_run is not None
    on_time = store.stats(first.next_run + timedelta(minutes=5))
    assert on_time.all.overdue == 0
    late = store.stats(first.next_run + timedelta(minutes=6))
    assert (late.all.total, late.all.active, late.all.paused) == (3, 2, 1)
    assert (late.all.failing, late.all.overdue, late.all.next_due) == (1, 1, first.next_run)
    assert late.by_platform[BENEVITY].overdue == 1
    assert late.by_platform[Platform.GOODERA].paused == 1
    assert late.by_platform[Platform.GOODERA].next_due is None
    assert late.by_platform[Platform.WORKDAY].total == 0
    assert paused.paused_reason == "created paused"


def test_load_entries_are_the_active_schedules(store: ScheduleStore, acme: Company) -> None:
    """Those that `plan` counts."""
    made = store.create(acme, BENEVITY, DAILY, now=NOW)
    store.create(acme, BENEVITY, DAILY, now=NOW, active=False)
    assert store.load_entries() == [(str(made.id), "benevity", made.rule, made.cursor)]
    assert store.load_entries(Platform.GOODERA) == []


def test_spreads_are_set_together(store: ScheduleStore, acme: Company) -> None:
    """The next run moves with them; a fire that was still to come is not lost."""
    made = [store.create(acme, BENEVITY, DAILY, now=NOW) for _ in range(2)]
    store.set_spreads({made[0].id: 3, made[1].id: 4}, now=NOW)
    midnight = datetime(2026, 3, 4, 23, tzinfo=UTC)
    assert [store.find(one.id).next_run for one in made] == [
        midnight + timedelta(minutes=3),
        midnight + timedelta(minutes=4),
    ]


def test_the_mean_latency_is_that_of_delivered_attempts(
    engine: Engine, store: ScheduleStore, acme: Company
) -> None:
    """Milliseconds; absent for a platform that has delivered nothing yet."""
    made = store.create(acme, BENEVITY, DAILY, now=NOW)
    plan_due(engine, BENEVITY, NOW + DAY)
    [row] = deliveries(engine, made)
    attempt = (
        "INSERT INTO delivery_attempts (delivery_id, number, started_at, outcome, latency_ms) "
        "VALUES (:id, :number, now(), :outcome, :ms)"
    )
    run(engine, attempt, id=row.id, number=1, outcome="retryable", ms=9_000)
    run(engine, attempt, id=row.id, number=2, outcome="delivered", ms=120)
    assert store.mean_latency_ms() == {BENEVITY: 120.0}
