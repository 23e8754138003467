"""What a change of a rule, or a deletion, does to fires and to the days they report on."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import Engine

from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.deliveries.queueing.planning import plan_due
from impact_in_pipelines.db.schedules.store import ScheduleStore
from impact_in_pipelines.errors.schedules import (
    CronNeverFires,
    ScheduleDeleted,
    ScheduleUnknown,
)
from impact_in_pipelines.scheduling import (
    DeliveryWindow,
    ScheduleRule,
)

from .log import BENEVITY, DAILY, DAY, NOW, OSLO, audit, deliveries, periods, run


def test_an_update_plans_what_was_due_before_it_under_the_old_rule(
    engine: Engine, store: ScheduleStore, acme: Company
) -> None:
    """What was due before the change is due whatever the new rule says, and fires once."""
    made = store.create(acme, BENEVITY, DAILY, now=NOW)
    later = datetime(2026, 3, 5, 8, tzinfo=UTC)
    new = store.update(made.id, now=later, cron="0 12 * * *")
    assert periods(deliveries(engine, made)) == [(date(2026, 3, 4), date(2026, 3, 4))]
    assert new.next_run == datetime(2026, 3, 5, 11, tzinfo=UTC)
    assert new == store.find(made.id)
    assert plan_due(engine, BENEVITY, later) == 0


def test_days_that_a_change_skips_go_to_the_next_fire_once(
    engine: Engine, store: ScheduleStore, acme: Company
) -> None:
    """From weekly to daily on a Wednesday: the days since Sunday are reported, each of them once."""
    made = store.create(acme, BENEVITY, ScheduleRule("weekly", OSLO), now=NOW)
    store.update(made.id, now=NOW + timedelta(hours=1), cron="daily")
    for day in range(1, 4):
        plan_due(engine, BENEVITY, NOW + day * DAY)
    assert periods(deliveries(engine, made)) == [
        (date(2026, 3, 1), date(2026, 3, 4)),
        (date(2026, 3, 5), date(2026, 3, 5)),
        (date(2026, 3, 6), date(2026, 3, 6)),
    ]


def test_a_fire_that_a_window_holds_back_survives_a_change_of_the_window(
    store: ScheduleStore, acme: Company
) -> None:
    """At 07:00 today's fire still waits for 08:00: opening at 09:00 instead must not cost the day."""
    rule = replace(DAILY, window=DeliveryWindow(time(8), time(18)))
    made = store.create(acme, BENEVITY, rule, now=NOW)
    morning = datetime(2026, 3, 5, 6, tzinfo=UTC)  # 07:00 in Oslo
    new = store.update(made.id, now=morning, window=DeliveryWindow(time(9), time(18)))
    assert new.next_run == datetime(2026, 3, 5, 8, tzinfo=UTC)
    gone = store.update(made.id, now=morning, window=None)
    # Its instant without a window is over: its day goes to the next fire.
    assert gone.next_run == datetime(2026, 3, 5, 23, tzinfo=UTC)
    assert gone.covered_until == date(2026, 3, 3)


def test_a_rule_that_does_not_hold_changes_nothing(
    engine: Engine, store: ScheduleStore, acme: Company
) -> None:
    """The transaction is whole: neither the schedule nor the audit log moves."""
    made = store.create(acme, BENEVITY, DAILY, now=NOW)
    with pytest.raises(CronNeverFires):
        store.update(made.id, now=NOW, cron="0 0 31 2 *")
    assert store.find(made.id) == made
    assert [row.action for row in audit(engine)] == ["schedule.create"]


def test_a_change_of_a_schedule_that_is_not_there_is_refused(store: ScheduleStore) -> None:
    """The error names the id."""
    missing = uuid4()
    with pytest.raises(ScheduleUnknown, match=str(missing)):
        store.update(missing, now=NOW, cron="daily")
    with pytest.raises(ScheduleUnknown, match=str(missing)):
        store.delete(missing, now=NOW)


def test_a_deleted_schedule_keeps_its_history_and_cancels_what_waits(
    engine: Engine, store: ScheduleStore, acme: Company
) -> None:
    """A waiting retry too: nobody wants what comes of a schedule that is gone."""
    made = store.create(acme, BENEVITY, DAILY, now=NOW)
    for day in range(1, 4):
        plan_due(engine, BENEVITY, NOW + day * DAY)
    first, second, third = deliveries(engine, made)
    done = "UPDATE impact_deliveries SET status = :status, attempt_count = 1 WHERE id = :id"
    run(engine, done, status="success", id=first.id)
    run(engine, done, status="retrying", id=second.id)
    assert store.delete(made.id, now=NOW + 3 * DAY) == 2
    rows = {row.id: row for row in deliveries(engine, made)}
    assert [rows[one.id].status for one in (first, second, third)] == [
        "success",
        "cancelled",
        "cancelled",
    ]
    assert rows[third.id].next_attempt_at is None
    assert store.listed() == []
    assert plan_due(engine, BENEVITY, NOW + 9 * DAY) == 0
    with pytest.raises(ScheduleDeleted):
        store.find(made.id)
    with pytest.raises(ScheduleUnknown):
        store.resume(made.id, now=NOW)
