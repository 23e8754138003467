"""A filled database of an earlier version is upgraded in place, while programs go on working on it."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from alembic import command
from alembic.migration import MigrationContext
from alembic.operations import Operations
from factories import World, copied_database, execute_on_server, world_on
from hearing import Heard
from sqlalchemy import URL, Engine, text

from impact_in_pipelines.db import migrate
from impact_in_pipelines.db.engine import make_engine, require_current
from impact_in_pipelines.db.migrate import alembic_config, head_revision, upgrade
from impact_in_pipelines.db.migrations.online import create_index
from impact_in_pipelines.db.revisions import REVISION, USABLE_FROM
from impact_in_pipelines.errors.database import DatabaseAhead, DatabaseBehind, DatabaseBusy
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sandbox.server import Sandbox

from .test_migrations import catalogue

RELEASED = "0002"
"""The schema of the last version that was released."""
ROWS = 100_000
_FILL = """
INSERT INTO companies (slug, name) SELECT 'old-' || i, 'Old ' || i FROM generate_series(1, 50) i;
INSERT INTO impact_deliveries (company_id, platform, trigger, status, period_start, period_end, scheduled_for,
    idempotency_key, attempt_count, payload, payload_hash, payload_bytes, transaction_id, next_attempt_at,
    delivered_at, failed_at, error_kind, recorded_at)
SELECT c.id, (ARRAY['benevity', 'goodera', 'workday'])[1 + i % 3], 'schedule', s.status,
       date '2026-01-01' - i / 50, date '2026-01-01' - i / 50,
       timestamptz '2026-01-02Z' - i * interval '1 minute',
       gen_random_uuid(), 1, '{"value": 1}', md5(i::text) || md5(i::text), 12,
       CASE s.status WHEN 'success' THEN 'tx-' || i END,
       CASE s.status WHEN 'retrying' THEN timestamptz '2027-01-01Z' END,
       CASE WHEN s.status = 'success' OR i % 1000 = 7 THEN timestamptz '2026-01-02Z' END,
       CASE s.status WHEN 'failed' THEN timestamptz '2026-01-03Z' END,
       CASE s.status WHEN 'failed' THEN 'rejected' END, now()
FROM generate_series(1, :rows) i
CROSS JOIN LATERAL (SELECT CASE WHEN i % 100 = 7 THEN 'failed' WHEN i % 100 = 8 THEN 'retrying'
                                ELSE 'success' END AS status) s
JOIN (SELECT id, row_number() OVER (ORDER BY slug) AS n FROM companies) c ON c.n = 1 + i % 50;
INSERT INTO delivery_attempts (delivery_id, number, started_at, finished_at, outcome)
SELECT id, 1, scheduled_for, scheduled_for, 'delivered' FROM impact_deliveries WHERE status = 'success';
"""
_SUMS = """
SELECT status, count(*), count(transaction_id), count(payload), min(scheduled_for), max(scheduled_for),
       sum(hashtext(id::text || idempotency_key::text || payload_hash)::bigint)
FROM impact_deliveries GROUP BY status ORDER BY status
"""


@pytest.fixture(scope="module")
def filled(postgres_url: URL) -> str:
    """The name of a database of the last release, with a year's deliveries; only copied."""
    execute_on_server(postgres_url, 'CREATE DATABASE "released"')
    engine = make_engine(postgres_url.set(database="released"), pool_size=1)
    fill(engine, ROWS)
    engine.dispose()
    return "released"


def fill(engine: Engine, rows: int) -> None:
    """Make the schema of the last release and `rows` deliveries with their attempts."""
    config = alembic_config()
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, RELEASED)
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text(_FILL.replace("::", r"\:\:")), {"rows": rows})
        connection.commit()


@contextmanager
def copy_of(server: URL, template: str) -> Iterator[Engine]:
    """An engine on a copy of the database `template`."""
    with copied_database(server, template) as url:
        engine = make_engine(url)
        yield engine
        engine.dispose()


def test_a_filled_database_is_upgraded_in_place(
    postgres_url: URL, filled: str, engine: Engine, sandbox: Sandbox
) -> None:
    """The schema is a new one's, every delivery is what it was, and drains go on with it."""
    with copied_database(postgres_url, filled) as url, world_on(url, sandbox) as world:
        old = world.database.engine
        before, files = sums(old), files_of(old, "impact_deliveries")
        heard = Heard()
        assert upgrade(old, heard) == (RELEASED, head_revision())
        assert len(heard) == heard.total + 1 > 2  # a terminal shows each migration
        assert sums(old) == before
        assert catalogue(old) == catalogue(engine)
        # The table of before is the first partition as it lies: copying ten million rows would take long.
        assert files_of(old, "impact_deliveries_before") == files
        # What was taken back by a call-back is known to have been.
        assert world.scalars(
            "SELECT count(*) FROM impact_deliveries WHERE taken_back_at IS NOT NULL"
        ) == [ROWS // 1000]
        # Nothing of before counts as changed.
        assert world.scalars("SELECT DISTINCT change_seq FROM impact_deliveries") == [0]
        company = world.companies(1, prefix="new")
        world.events(company)
        world.deliveries(Platform.BENEVITY, *company)
        assert world.drain(Platform.BENEVITY).delivered == 1


def files_of(engine: Engine, table: str) -> tuple[object, ...]:
    """Where a table and what is too long for its rows lie on disk."""
    with engine.connect() as connection:
        return tuple(
            connection.execute(
                text(
                    "SELECT pg_relation_filepath(oid), pg_relation_filepath(reltoastrelid) "
                    "FROM pg_class WHERE relname = :table"
                ),
                {"table": table},
            ).one()
        )


def sums(engine: Engine) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(_SUMS))]


_SCHEDULES = """
INSERT INTO scheduled_deliveries (company_id, platform, schedule, next_run, fired_until, covered_until)
SELECT id, 'benevity', '0 0 * * *', timestamptz '2026-01-02Z', timestamptz '2026-01-02Z', date '2026-01-02'
FROM companies WHERE slug LIKE 'old-%'
"""
# As planning.sql does; what it reckons in between takes a moment.
_LOCK_SCHEDULES = """
SELECT id, company_id FROM scheduled_deliveries WHERE active ORDER BY id LIMIT 5 FOR UPDATE SKIP LOCKED
"""
_PLAN = """
INSERT INTO impact_deliveries (company_id, platform, schedule_id, trigger, status, period_start, period_end,
    scheduled_for, idempotency_key, next_attempt_at)
SELECT company_id, platform, id, 'schedule', 'pending', date '2026-01-01', date '2026-01-01',
       timestamptz '2026-02-01Z' + :n * interval '1 second', gen_random_uuid(), now()
FROM scheduled_deliveries WHERE id = ANY(:ids)
"""


@pytest.mark.parametrize("revision", [RELEASED, "0024"])
def test_writers_go_on_while_a_filled_database_is_upgraded(
    postgres_url: URL, filled: str, revision: str
) -> None:
    """What the last release writes while its database is upgraded underneath, fates and plans: no statement
    fails, and none waits for a table for as long as a lease lasts."""
    done = threading.Event()

    def plan(engine: Engine) -> int:
        planned = n = 0
        while not done.is_set() or not planned:
            n += 1
            with engine.begin() as connection:
                connection.execute(text("SET LOCAL lock_timeout = '60s'"))
                ids = list(connection.scalars(text(_LOCK_SCHEDULES)))
                connection.execute(text("SELECT pg_sleep(0.05)"))
                planned += connection.execute(text(_PLAN), {"n": n, "ids": ids}).rowcount
                connection.execute(
                    text("UPDATE scheduled_deliveries SET updated_at = now() WHERE id = ANY(:ids)"),
                    {"ids": ids},
                )
        return planned

    def write(engine: Engine) -> int:
        written = 0
        while not done.is_set() or not written:
            with engine.begin() as connection:
                connection.execute(text("SET LOCAL lock_timeout = '60s'"))
                written += connection.execute(
                    text(
                        "UPDATE impact_deliveries SET updated_at = now() WHERE id IN "
                        "(SELECT id FROM impact_deliveries WHERE status = 'retrying' LIMIT 20)"
                    )
                ).rowcount
        return written

    with copy_of(postgres_url, filled) as engine, ThreadPoolExecutor(2) as aside:
        with engine.connect() as connection:
            connection.execute(text(_SCHEDULES))
            connection.commit()
            config = alembic_config()
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
        writing, planning = aside.submit(write, engine), aside.submit(plan, engine)
        try:
            upgrade(engine)
        finally:
            done.set()
        assert writing.result() > 0
        assert planning.result() > 0


def test_an_upgrade_that_was_broken_off_is_completed(postgres_url: URL, filled: str) -> None:
    """Killed while an index was built, PostgreSQL keeps it as invalid: it is never used, and IF NOT EXISTS
    would leave it so for good."""
    with copy_of(postgres_url, filled) as engine:
        with engine.begin() as connection:
            connection.execute(
                text(
                    "ALTER TABLE impact_deliveries ADD COLUMN change_seq bigint NOT NULL DEFAULT 0"
                )
            )
            connection.execute(
                text("CREATE INDEX impact_deliveries_changes_brin ON impact_deliveries (id)")
            )
            connection.execute(
                text(
                    "UPDATE pg_index SET indisvalid = false "
                    "WHERE indexrelid = CAST('impact_deliveries_changes_brin' AS regclass)"
                )
            )
        upgrade(engine)
        with engine.connect() as connection:
            assert (
                connection.scalar(text("SELECT count(*) FROM pg_index WHERE NOT indisvalid")) == 0
            )
            made = connection.scalar(
                text(
                    "SELECT indexdef FROM pg_indexes WHERE indexname = 'impact_deliveries_changes_brin'"
                )
            )
        assert "USING brin (change_seq)" in made


def test_a_table_that_somebody_holds_ends_the_upgrade_with_a_refusal(
    postgres_url: URL, filled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It doesn't wait with everybody else queueing behind it; run again, it goes on where it was."""
    monkeypatch.setattr(migrate, "_LOCK_TRIES", 1)
    with copy_of(postgres_url, filled) as engine:
        with engine.begin() as somebody:
            somebody.execute(text("SELECT 1 FROM impact_deliveries LIMIT 1"))
            with pytest.raises(DatabaseBusy):
                upgrade(engine)
        assert upgrade(engine) == (RELEASED, head_revision())


def test_an_index_is_built_on_every_month_without_keeping_writers_out(engine: Engine) -> None:
    """What a later migration does to a log that is partitioned; broken off, it is done again."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        for _ in range(2):
            with context.begin_transaction(), Operations.context(context):
                create_index(
                    "impact_deliveries_try_idx",
                    "impact_deliveries",
                    ["revision"],
                    postgresql_where=text("revision > 1"),
                )
        connection.commit()
        valid = connection.execute(
            text(
                "SELECT i.indisvalid, count(*) OVER () FROM pg_index i "
                "WHERE pg_get_indexdef(i.indexrelid) LIKE '%(revision) WHERE (revision > 1)'"
            )
        ).all()
    assert {one for one, _ in valid} == {True}
    assert len(valid) > 4


@pytest.mark.parametrize(
    ("at", "usable_from", "refusal"),
    [
        (REVISION, None, None),
        ("9999", USABLE_FROM, None),
        ("9999", REVISION, None),
        ("9999", "9000", DatabaseAhead),
        ("9999", None, DatabaseAhead),
        (RELEASED, RELEASED, DatabaseBehind),
    ],
    ids=["its own", "usable", "just usable", "changed too much", "says nothing", "behind"],
)
def test_a_program_works_on_a_newer_schema_that_says_it_may(
    world: World, at: str, usable_from: str | None, refusal: type[Exception] | None
) -> None:
    """For the length of a rollout: the database is upgraded first, and what runs the version before goes on.
    A newer program never works on an older schema."""
    world.execute("UPDATE alembic_version SET version_num = :at", at=at)
    mark = "NULL" if usable_from is None else f"'{usable_from}'"
    world.execute(f"COMMENT ON TABLE alembic_version IS {mark}")
    if refusal is None:
        require_current(world.database.engine)
    else:
        with pytest.raises(refusal):
            require_current(world.database.engine)


def test_an_upgraded_database_says_which_programs_may_work_on_it(engine: Engine) -> None:
    """An older program can't know what a newer one has changed."""
    with engine.connect() as connection:
        said = connection.scalar(
            text("SELECT obj_description(CAST('alembic_version' AS regclass))")
        )
    assert said == USABLE_FROM <= REVISION
