"""The log has a partition for each month: nothing is without a place, and what runs often looks into few."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg2
import pytest
from factories import World
from sqlalchemy import Connection, Engine, event, text

from benchmarks.deliver import prepare
from impact_in_pipelines.db.deliveries.queueing.due import due_state
from impact_in_pipelines.db.deliveries.queueing.planning import plan_due
from impact_in_pipelines.db.deliveries.queueing.selections import SelectedDay, SelectionStore
from impact_in_pipelines.db.deliveries.queueing.statistics import MUCH
from impact_in_pipelines.db.deliveries.reading import DeliveryReader
from impact_in_pipelines.db.engine import Database
from impact_in_pipelines.delivery.states import Trigger
from impact_in_pipelines.platforms import Platform

BENEVITY = Platform.BENEVITY


@pytest.mark.parametrize(
    ("due", "month"),
    [
        (datetime(1999, 1, 1, tzinfo=UTC), "before"),
        (datetime(9999, 12, 31, tzinfo=UTC), "after"),
        (None, "this"),
    ],
    ids=["long ago", "far ahead", "now"],
)
def test_whatever_is_due_whenever_has_a_place(
    world: World, due: datetime | None, month: str
) -> None:
    """After an outage of a year, or under a clock that is wrong, planning must not fail. A delivery's
    attempts lie in its month."""
    world.clock.now = due or datetime.now(UTC)
    (company,) = world.companies()
    (id_,) = world.deliveries(BENEVITY, company)
    world.execute(
        "INSERT INTO delivery_attempts (delivery_id, due_at, number, started_at, outcome) "
        "SELECT id, scheduled_for, 1, now(), 'delivered' FROM impact_deliveries"
    )
    name = f"{world.clock.now:%Y_%m}" if month == "this" else month
    assert world.scalars(
        "SELECT CAST(tableoid AS regclass)::text FROM impact_deliveries "
        "UNION ALL SELECT CAST(tableoid AS regclass)::text FROM delivery_attempts".replace(
            "::", r"\:\:"
        )
    ) == [f"impact_deliveries_{name}", f"delivery_attempts_{name}"]
    assert world.delivery(id_)["change_seq"] > 0


def test_a_fire_is_planned_once_in_every_month(world: World) -> None:
    """The constraint holds within a partition, and a fire lies in one only."""
    companies = world.due(BENEVITY)
    (schedule,) = world.scalars("SELECT id FROM scheduled_deliveries")
    fire = """INSERT INTO impact_deliveries (company_id, platform, schedule_id, trigger, status, period_start,
                  period_end, scheduled_for, idempotency_key)
              VALUES (:company, 'benevity', :schedule, 'schedule', 'missed', '2026-03-09', '2026-03-09', :due,
                      gen_random_uuid()) ON CONFLICT DO NOTHING"""
    for due in (world.clock(), datetime.now(UTC)):
        for _ in range(2):
            world.execute(fire, company=companies[0], schedule=schedule, due=due)
    assert world.scalars("SELECT count(*) FROM impact_deliveries") == [2]


WIDE = ("d.recorded_at IS NULL", "l.scheduled_for > d.scheduled_for")
"""What asks for all months: what Dagster doesn't show yet, once for a thousand deliveries and once a tick. Or
for what is later than a delivery, mostly in months that have no rows yet."""


def test_a_drain_and_a_tick_look_into_the_months_in_question_only(world: World) -> None:
    """A statement that says nothing about due times is planned for every month there is: with two years of
    them claiming took 124 ms instead of 4."""
    world.due(BENEVITY, 3)
    with statements(world.runtime.database.engine) as seen:
        assert world.drain(BENEVITY).delivered == 3
        due_state(world.runtime.database.engine, BENEVITY, world.clock())
    seen = [one for one in seen if not any(word in one for word in WIDE)]
    assert len(seen) > 10
    with world.database.engine.connect() as connection:
        for statement in seen:
            assert months_in(plan_of(connection, statement)) <= {"before"}, statement


def test_a_delivery_is_found_by_its_id_without_planning_for_every_month(world: World) -> None:
    """One that is opened in the cockpit, by the API or on the command line."""
    (company,) = world.companies()
    (id_,) = world.deliveries(BENEVITY, company)
    with statements(world.database.engine) as seen:
        DeliveryReader(world.database.engine).whole(id_, [company])
    with world.database.engine.connect() as connection:
        for statement in seen:
            assert months_in(plan_of(connection, statement)) <= {"before"}, statement


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """The statements about the log that run meanwhile, with their values."""
    seen: list[str] = []

    def note(_: Any, cursor: Any, statement: str, parameters: Any, *rest: Any) -> None:
        if re.search(r"impact_deliveries|delivery_attempts", statement):
            seen.append(cursor.mogrify(statement, parameters).decode())

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def plan_of(connection: Connection, statement: str) -> str:
    """How PostgreSQL would execute it."""
    cursor = connection.connection.cursor()
    cursor.execute(f"EXPLAIN {statement}")
    return "\n".join(row[0] for row in cursor.fetchall())


def months_in(plan: str) -> set[str]:
    """The partitions of the log that a plan reads."""
    names = r"(?:impact_deliveries|delivery_attempts)_(before|after|\d{4}_\d\d)\b"
    return set(re.findall(names, plan))


def test_the_notice_of_a_change_names_no_month(world: World) -> None:
    """Whoever listens gets what it got from the table that wasn't partitioned."""
    url = world.database.url
    listening = psycopg2.connect(
        host=url.query["host"], dbname=url.database, user=url.username, password=url.password
    )
    listening.autocommit = True
    listening.cursor().execute("LISTEN impact_deliveries")
    (company,) = world.companies()
    world.events([company])
    world.deliveries(BENEVITY, company)
    world.drain(BENEVITY)
    listening.cursor().execute("SELECT 1")
    listening.poll()
    statuses = [re.findall(r'"status" : "(\w+)"', one.payload)[0] for one in listening.notifies]
    assert statuses == ["pending", "in_progress", "success"]
    listening.close()


def test_a_selected_day_is_made_once_by_a_run_that_has_let_go_of_it(world: World) -> None:
    """Its id follows from run and day, its due time doesn't: no constraint would stop a second row, which
    would be sent as well."""
    (company,) = world.companies()
    store = SelectionStore(world.database.engine)
    day = [SelectedDay(company, "UTC", date(2026, 3, 9))]

    def select() -> int:
        return store.add_selected(
            BENEVITY, day, trigger=Trigger.MANUAL, run_id="run-1", now=world.clock()
        )

    assert select() == 1
    store.release_of_run(BENEVITY, "run-1")
    world.clock.advance(timedelta(days=40))
    assert select() == 0


def test_attempts_of_a_program_of_before_are_found(world: World) -> None:
    """During a rollout it goes on writing attempts without their due time."""
    (company,) = world.companies()
    world.events([company])
    (id_,) = world.deliveries(BENEVITY, company)
    world.execute(
        "UPDATE impact_deliveries SET status = 'in_progress', attempt_count = 1, payload_hash = 'x', "
        "lease_until = now() - interval '1 year', next_attempt_at = now() - interval '1 year'"
    )
    world.execute(
        "INSERT INTO delivery_attempts (delivery_id, number, started_at, outcome) "
        "VALUES (:id, 1, now(), 'started')",
        id=id_,
    )
    assert world.drain(BENEVITY).delivered == 1
    assert world.outcomes(id_) == ["lost", "delivered"]
    assert [one["number"] for one in world.attempts(id_)] == [1, 2]
    assert len(DeliveryReader(world.database.engine).whole(id_, [company]).attempts) == 2


def test_a_month_in_which_much_falls_due_at_once_is_looked_at_before_it_is_claimed(
    database: Database,
) -> None:
    """PostgreSQL took a new month for empty until autovacuum came by, and joined each row that it claimed
    with each other: 9 s for a thousand."""
    now = datetime.now(UTC)
    prepare(database.engine, now, companies=2 * MUCH)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))

    assert plan_due(database.engine, BENEVITY, now) == 2 * MUCH

    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    with database.engine.connect() as connection:
        known = connection.execute(
            text("SELECT reltuples FROM pg_class WHERE relname = :month"),
            {"month": f"impact_deliveries_{midnight:%Y_%m}"},
        ).scalar_one()
        plan = plan_of(
            connection,
            "SELECT d.id FROM impact_deliveries d WHERE d.platform = 'benevity' AND d.status = 'pending' "
            f"AND d.scheduled_for BETWEEN '{midnight}' AND '{midnight}'",
        )
    assert known == 2 * MUCH
    estimate = max(int(rows) for rows in re.findall(r"rows=(\d+)", plan))
    assert MUCH < estimate < 4 * MUCH
