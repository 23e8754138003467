"""A delivery log of millions of rows, made by the server itself, for `sla` and `api`. Not a benchmark.

Ten million rows with every index and trigger in place take 27 minutes. So the tables are filled without any,
without a write-ahead log, and get their indexes and keys afterwards, two at a time. References are not
checked: they are right by the way the rows are made.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, text

from impact_in_pipelines.db.embedded.cluster import cluster_folder, leave_server
from impact_in_pipelines.db.engine import Database, open_database

NOW = datetime(2026, 3, 10, 12, 0, 30, tzinfo=UTC)
FIRES = 334
"""Of each schedule, one every two hours: 27.8 days."""

KILOBYTE = "jsonb_build_object('organizationId', company_id, 'note', repeat(md5(id::text), 25))"
"""A payload of about that size."""
SMALL = "jsonb_build_object('organizationId', company_id)"

_FILLED = ("impact_deliveries", "delivery_attempts")
_AT_ONCE = 2
_FAST = {
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "fsync": "off",
    "full_page_writes": "off",
    "max_wal_size": "'16GB'",
    "checkpoint_timeout": "'1h'",
    "autovacuum": "off",
}


def prepare(
    database: Database,
    *,
    companies: int = 1_000,
    fires: int = FIRES,
    payload: str = KILOBYTE,
    name: str = "company",
    now: datetime = NOW,
) -> Database:
    """Companies (`name`-1 and so on), a schedule of each on each platform, and their deliveries until `now`
    with payloads and attempts; returns the database opened anew. `payload` is SQL that makes one of `id`,
    `company_id` and `at`.

    Of 100 deliveries one fails, eight are retried once; one company in 50 fails ten times as often.
    """
    values = {"companies": companies, "fires": fires, "name": name, "now": now}
    database = _restarted(database, [f"ALTER SYSTEM SET {k} = {v}" for k, v in _FAST.items()])
    with database.engine.begin() as connection:
        for statement in _BEFORE:
            connection.execute(text(statement), values)
    with _bare(database.engine):
        fill = (_DELIVERIES.replace("{payload}", payload), _ATTEMPTS)
        _side_by_side(
            database.engine,
            # Truncated in the same transaction, a table needs no write-ahead log.
            [(f"TRUNCATE {table}", fill[n]) for n, table in enumerate(_FILLED)],
        )
    _side_by_side(database.engine, [("DROP TABLE fire",)])
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("VACUUM ANALYZE"))
    return _restarted(database, [f"ALTER SYSTEM RESET {k}" for k in _FAST])


def is_prepared(engine: Engine) -> bool:
    """Whether the log has been made before."""
    with engine.connect() as connection:
        made: bool = connection.scalar(text("SELECT EXISTS (SELECT 1 FROM impact_deliveries)"))
    return made


def _restarted(database: Database, statements: Sequence[str]) -> Database:
    """The database after a restart of its server with `statements` (ALTER SYSTEM) in force."""
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in statements:
            connection.execute(text(statement))
        connection.execute(text("CHECKPOINT"))
    database.close()
    leave_server(cluster_folder(database.settings))
    return open_database(database.settings)


@dataclass(frozen=True, slots=True)
class _Dropped:
    """A key, constraint or index, how it is taken away, and how it is made again."""

    drop: str
    make: str
    is_reference: bool


@contextmanager
def _bare(engine: Engine) -> Iterator[None]:
    """The filled tables without triggers, keys and indexes; the latter are made again at the end."""
    with engine.begin() as connection:
        dropped = [
            _Dropped(row.drop, row.make, row.is_reference)
            for row in connection.execute(text(_KEYS_AND_INDEXES), {"tables": list(_FILLED)})
        ]
        for one in dropped:
            connection.execute(text(one.drop))
    yield
    for references in (False, True):
        _side_by_side(engine, [(one.make,) for one in dropped if one.is_reference == references])


def _side_by_side(engine: Engine, transactions: Sequence[Sequence[str]]) -> None:
    def run(statements: Sequence[str]) -> None:
        with engine.begin() as connection:
            _prepare_session(connection)
            for statement in statements:
                # Not `text`: a colon in a definition is no bound parameter.
                connection.exec_driver_sql(statement)

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        list(threads.map(run, transactions))


def _prepare_session(connection: Connection) -> None:
    connection.execute(text("SET LOCAL session_replication_role = replica"))
    connection.execute(text("SET LOCAL statement_timeout = 0"))
    connection.execute(text("SET LOCAL maintenance_work_mem = '1GB'"))
    connection.execute(text("SET LOCAL work_mem = '256MB'"))


_KEYS_AND_INDEXES = """
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS drop,
       format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname,
              pg_get_constraintdef(oid) || CASE contype WHEN 'f' THEN ' NOT VALID' ELSE '' END) AS make,
       contype = 'f' AS is_reference, CASE contype WHEN 'f' THEN 0 ELSE 1 END AS place
FROM pg_constraint
WHERE contype IN ('p', 'u', 'f') AND conparentid = 0
  AND (conrelid::regclass::text = ANY(:tables) OR confrelid::regclass::text = ANY(:tables))
UNION ALL
SELECT format('DROP INDEX %s', i.indexrelid::regclass),
       replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON '), false, 2
FROM pg_index i
WHERE i.indrelid::regclass::text = ANY(:tables)
  AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid)
ORDER BY place"""

_BEFORE = (
    "SET LOCAL statement_timeout = 0",
    "SELECT setseed(0.5)",
    """INSERT INTO companies (slug, name)
       SELECT CAST(:name AS text) || '-' || n, 'Company ' || n FROM generate_series(1, :companies) n""",
    """INSERT INTO scheduled_deliveries
           (company_id, platform, schedule, next_run, fired_until, covered_until, updated_at)
       SELECT c.id, p, '0 */2 * * *', CAST(:now AS timestamptz) + interval '2 hours', :now, :now,
              CAST(:now AS timestamptz) - interval '1 day'
       FROM companies c, unnest(ARRAY['benevity', 'goodera', 'workday']) p""",
    # Fires from the oldest on, each of all schedules: the order in which a log is written.
    """CREATE UNLOGGED TABLE fire AS
       SELECT gen_random_uuid() AS id, s.id AS schedule_id, s.company_id, s.platform,
              date_trunc('hour', CAST(:now AS timestamptz)) - n * interval '2 hours' AS at,
              random() AS luck, random() AS speed,
              CASE WHEN CAST(split_part(c.slug, '-', 2) AS int) % 50 = 0 THEN 0.1 ELSE 0.01 END AS trouble
       FROM generate_series(:fires - 1, 0, -1) n
       CROSS JOIN (scheduled_deliveries s JOIN companies c ON c.id = s.company_id)
       ORDER BY n DESC""",
)
_DELIVERIES = """
INSERT INTO impact_deliveries
    (id, company_id, platform, schedule_id, trigger, status, period_start, period_end, scheduled_for,
     payload, payload_hash, payload_bytes, idempotency_key, attempt_count, recorded_at, created_at,
     failed_at, delivered_at, updated_at, error_kind, last_error, change_seq)
SELECT id, company_id, platform, schedule_id, 'schedule',
       CASE WHEN luck < trouble THEN 'failed' ELSE 'success' END, CAST(at AS date), CAST(at AS date),
       at, {payload},
       rpad(md5(id::text), 64, '0'), 850 + CAST(speed * 300 AS int), id,
       CASE WHEN luck < trouble THEN 4 WHEN luck < trouble + 0.08 THEN 2 ELSE 1 END, at, at,
       CASE WHEN luck < trouble THEN at + interval '38 minutes' END,
       CASE WHEN luck >= trouble THEN
            at + CASE WHEN luck < trouble + 0.08 THEN interval '6 minutes' ELSE interval '0' END
               + speed * interval '40 seconds' END,
       at, CASE WHEN luck < trouble THEN 'server_error' END,
       CASE WHEN luck < trouble THEN 'the platform answered 503' END,
       pg_current_xact_id()::text::bigint
FROM fire"""
_ATTEMPTS = """
INSERT INTO delivery_attempts
    (delivery_id, due_at, number, started_at, finished_at, outcome, latency_ms, change_seq)
SELECT f.id, at, n, at + (n - 1) * interval '6 minutes' + speed * interval '39 seconds',
       at + (n - 1) * interval '6 minutes' + speed * interval '40 seconds',
       CASE WHEN luck < trouble OR (n = 1 AND luck < trouble + 0.08) THEN 'retryable'
            ELSE 'delivered' END, 300, pg_current_xact_id()::text::bigint
FROM fire f, generate_series(1, 4) n
WHERE n = 1 OR luck < trouble OR (n = 2 AND luck < trouble + 0.08)"""
