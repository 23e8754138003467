"""Schedules on a real database: what each change does to fires and to the days they report on."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from threading import Barrier, Thread
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine, text

from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.deliveries.planning import plan_due
from impact_in_pipelines.db.engine import Database
from impact_in_pipelines.db.schedules.rows import Schedule
from impact_in_pipelines.db.schedules.store import ScheduleStore
from impact_in_pipelines.errors import Conflict, InvalidSchedule, NotFound, UsageError
from impact_in_pipelines.errors.accounts import ConnectionMissing
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.scheduling import (
    CatchUp,
    DeliveryWindow,
    HolidayCalendar,
    HolidayPolicy,
    ScheduleRule,
    preview,
)
from impact_in_pipelines.settings import read_settings

BENEVITY = Platform.BENEVITY
OSLO = "Europe/Oslo"
NOW = datetime(2026, 3, 4, 10, tzinfo=UTC)  # a Wednesday, 11:00 in Oslo
DAY = timedelta(days=1)
DAILY = ScheduleRule("daily", OSLO)


@pytest.fixture
def runtime(database: Database) -> Runtime:
    """Default connections to Benevity and Goodera, none to Workday."""
    settings = read_settings(
        {
            "IMPACT_IN_SECRET_KEY": Fernet.generate_key().decode(),
            "BENEVITY_API_URL": "http://127.0.0.1:1",
            "BENEVITY_API_KEY": "key",
            "GOODERA_API_URL": "http://127.0.0.1:1",
            "GOODERA_API_KEY": "key",
        }
    )
    return Runtime(settings, database=database)


@pytest.fixture
def store(runtime: Runtime) -> ScheduleStore:
    return runtime.schedules


@pytest.fixture
def acme(runtime: Runtime) -> Company:
    return runtime.companies.add("acme", name="Acme", timezone=OSLO)


def deliveries(engine: Engine, schedule: Schedule) -> list[Any]:
    """The rows of a schedule, oldest fire first."""
    statement = text(
        "SELECT * FROM impact_deliveries WHERE schedule_id = :id ORDER BY scheduled_for"
    )
    with engine.connect() as connection:
        return list(connection.execute(statement, {"id": schedule.id}))


def periods(rows: list[Any], status: str = "pending") -> list[tuple[date, date]]:
    return [(row.period_start, row.period_end) for row in rows if row.status == status]


def run(engine: Engine, statement: str, **values: Any) -> list[Any]:
    with engine.begin() as connection:
        result = connection.execute(text(statement), values)
        return list(result) if result.returns_rows else []


def audit(engine: Engine) -> list[Any]:
    return run(engine, "SELECT * FROM audit_log WHERE action LIKE 'schedule.%' ORDER BY at, action")


# Create, list, find


def test_a_new_schedule_fires_first_after_now_and_reports_from_its_previous_fire(
    store: ScheduleStore, acme: Company
) -> None:
    """Its first period begins where the cron's fire before now would have ended (design D6)."""
    made = store.create(acme, BENEVITY, DAILY, now=NOW)
    assert (made.company, made.platform, made.active) == ("acme", BENEVITY, True)
    assert made.next_run == datetime(2026, 3, 4, 23, tzinfo=UTC)
    assert made.covered_until == date(2026, 3, 3)
    assert made.in_words == "Every day at 00:00"
    assert store.listed() == [made]


def test_a_rule_comes_back_as_it_was_stored(store: ScheduleStore, acme: Company) -> None:
    """Every part of a rule has its column."""
    rule = ScheduleRule(
        "30 8 * * 1-5",
        OSLO,
        HolidayCalendar("NO", None, (date(2026, 12, 24),), HolidayPolicy.NEXT),
        DeliveryWindow(time(8), time(18), frozenset({1, 2, 3, 4, 5})),
        CatchUp.ALL,
        14,
        7,
    )
    assert store.create(acme, BENEVITY, rule, now=NOW).rule == rule


def test_a_company_without_a_connection_cannot_be_scheduled(
    store: ScheduleStore, acme: Company
) -> None:
    """Neither a stored nor a default connection: the error says which command mends it."""
    with pytest.raises(ConnectionMissing):
        store.create(acme, Platform.WORKDAY, DAILY, now=NOW)
    assert store.listed() == []


def test_a_stored_connection_is_enough(
    runtime: Runtime, store: ScheduleStore, acme: Company
) -> None:
    """A row in platform_connections stands in for the environment, and a disabled one bars it."""
    credentials = {"client_id": "a", "client_secret": "b", "tenant_id": "c"}
    runtime.connections.save(
        acme.id, Platform.WORKDAY, base_url="http://127.0.0.1:1", credentials=credentials
    )
    assert store.create(acme, Platform.WORKDAY, DAILY, now=NOW).active
    runtime.connections.save(acme.id, Platform.WORKDAY, enabled=False)
    with pytest.raises(ConnectionMissing):
        store.create(acme, Platform.WORKDAY, DAILY, now=NOW)


def test_the_list_can_be_narrowed_to_a_company_and_a_platform(
    runtime: Runtime, store: ScheduleStore, acme: Company
) -> None:
    """Filters join, and several schedules may serve one company and platform."""
    other = runtime.companies.add("other", name="Other")
    for company, platform in ((acme, BENEVITY), (acme, BENEVITY), (acme, Platform.GOODERA)):
        store.create(company, platform, DAILY, now=NOW)
    store.create(other, BENEVITY, DAILY, now=NOW)
    assert len(store.listed()) == 4
    assert len(store.listed(acme)) == 3
    assert [one.company for one in store.listed(acme, BENEVITY)] == ["acme", "acme"]
    assert [one.company for one in store.listed(platform=BENEVITY)] == ["acme", "acme", "other"]


def test_an_id_may_be_given_by_a_prefix_that_fits_only_one(
    engine: Engine, store: ScheduleStore, acme: Company
) -> None:
    """Four characters at least; one that fits several, none, or isn't hexadecimal is refused."""
    made = [store.create(acme, BENEVITY, DAILY, now=NOW) for _ in range(2)]
    for one, id_ in zip(made, ("abcd1111", "abcd2222"), strict=True):
        new_id = UUID(f"{id_}-0000-4000-8000-000000000000")
        run(
            engine,
            "UPDATE scheduled_deliveries SET id = :new WHERE id = :old",
            new=new_id,
            old=one.id,
        )
    assert str(store.find("ABCD2").id).startswith("abcd2222")
    assert store.find(UUID("abcd1111-0000-4000-8000-000000000000")).company == "acme"
    with pytest.raises(UsageError, match="fits several"):
        store.find("abcd")
    with pytest.raises(UsageError, match="at least 4 characters"):
        store.find("abc")
    with pytest.raises(UsageError, match="must be an id"):
        store.find("daily")
    with pytest.raises(NotFound, match="schedules list"):
        store.find("9999")


# Update


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
    with pytest.raises(InvalidSchedule, match="month"):
        store.update(made.id, now=NOW, cron="0 0 31 2 *")
    assert store.find(made.id) == made
    assert [row.action for row in audit(engine)] == ["schedule.create"]


def test_a_change_of_a_schedule_that_is_not_there_is_refused(store: ScheduleStore) -> None:
    """The error names the id."""
    missing = uuid4()
    with pytest.raises(NotFound, match=str(missing)):
        store.update(missing, now=NOW, cron="daily")
    with pytest.raises(NotFound, match=str(missing)):
        store.delete(missing, now=NOW)


# Pause and resume


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
    """`catch_up: none` asks for it; the notice names the days and the command that sends them."""
    made = store.create(acme, BENEVITY, replace(DAILY, catch_up=CatchUp.NONE), now=NOW)
    store.pause(made.id, "why", now=NOW)
    back = store.resume(made.id, now=NOW + 3 * DAY)
    assert back.notice is not None
    assert "2026-03-04 to 2026-03-06" in back.notice
    assert "--company acme --from 2026-03-04 --to 2026-03-06" in back.notice
    plan_due(engine, BENEVITY, NOW + 4 * DAY)
    assert periods(deliveries(engine, made)) == [(date(2026, 3, 7), date(2026, 3, 7))]


def test_days_beyond_the_catch_up_limit_wait_for_a_person(
    engine: Engine, store: ScheduleStore, acme: Company
) -> None:
    """A pause of 40 days with a limit of 10: the next delivery covers the last ones only."""
    made = store.create(acme, BENEVITY, replace(DAILY, catch_up_limit_days=10), now=NOW)
    store.pause(made.id, "why", now=NOW)
    back = store.resume(made.id, now=NOW + 40 * DAY)
    assert back.notice is not None
    assert "beyond the catch-up limit of 10 days" in back.notice
    plan_due(engine, BENEVITY, NOW + 41 * DAY)
    [(start, end)] = periods(deliveries(engine, made))
    assert f"2026-03-04 to {start - DAY}" in back.notice
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
    with pytest.raises(UsageError, match="reason"):
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
    assert left.last_error is not None
    assert "never fires" in left.last_error
    assert left.in_words == "0 0 31 2 *"


# Delete


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
    with pytest.raises(NotFound, match="was deleted"):
        store.find(made.id)
    with pytest.raises(NotFound):
        store.resume(made.id, now=NOW)


# Run now


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
    with pytest.raises(Conflict, match="already"):
        store.run_now(made.id, now=NOW)
    assert len(deliveries(engine, made)) == 1


# Audit and statistics


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


# Planners


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
