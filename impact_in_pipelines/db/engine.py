"""Opening the database: one engine per process, psycopg2, UTC, with errors a person can act on."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, cast

import psycopg2.extras
from pydantic_core import from_json, to_json
from sqlalchemy import URL, Connection, CursorResult, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import (
    ArgumentError,
    DisconnectionError,
    OperationalError,
    ProgrammingError,
)
from sqlalchemy.pool import ConnectionPoolEntry

from impact_in_pipelines.db.embedded.cluster import cluster_folder, embedded_url
from impact_in_pipelines.db.revisions import out_of_step, usable_by_this_program
from impact_in_pipelines.errors.database import (
    DatabaseUrlInvalid,
    ServerUnreachable,
    SessionsUnprepared,
)
from impact_in_pipelines.settings import Settings

MAIN = "impact_in"
DAGSTER = "dagster"
READERS = 6
"""Connections for reading, and threads that answer, of one API process: with more of them every answer takes
longer, since they share one core; with fewer a slow question is in the way of the others."""
_MEASURING = 2
"""Threads that read beside them: who measures what several asked for, and who renews it."""
_UTC = "UTC"
_IDLE_S = 10.0
"""After so long a connection is tried out before it is used: the server may have gone meanwhile."""

psycopg2.extras.register_uuid()  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Database:
    """An opened database. `embedded` tells whether it is the one that starts by itself."""

    url: URL
    engine: Engine
    embedded: bool
    settings: Settings = field(default_factory=Settings)

    @cached_property
    def direct_url(self) -> URL:
        """The server itself, for what needs a session of its own (LISTEN, locks that outlive a transaction);
        `url` may lead to a pooler in transaction mode."""
        return direct_url(self.settings) if self.settings.database_direct_url else self.url

    @cached_property
    def reads(self) -> Engine:
        """An engine for many small reads at once (`make_reader`)."""
        return make_reader(self.url, pool_size=READERS + _MEASURING, settings=self.settings)

    def close(self) -> None:
        """Give all pooled connections back."""
        self.engine.dispose()
        if "reads" in self.__dict__:
            self.reads.dispose()


def main_url(settings: Settings) -> URL:
    """The URL of our database; starts the embedded server where no DATABASE_URL is set.

    Raises `DatabaseUrlInvalid` for a URL of another dialect, `DatabaseUnavailable` when nothing starts.
    """
    if settings.database_url is None:
        url = embedded_url(cluster_folder(settings))
        _ensure_databases(url, (MAIN, DAGSTER))
        return url.set(database=MAIN)
    return as_psycopg2(settings.database_url.get_secret_value())


def direct_url(settings: Settings) -> URL:
    """`main_url` without a pooler in between: `DATABASE_DIRECT_URL` where it is set.

    Raises what `main_url` does.
    """
    if settings.database_direct_url is None:
        return main_url(settings)
    return as_psycopg2(settings.database_direct_url.get_secret_value())


def without_pooler(settings: Settings) -> Settings:
    """The same settings, with the server itself as the database: for upgrades, which lock and set what must
    last longer than a transaction."""
    if settings.database_direct_url is None:
        return settings
    return settings.model_copy(
        update={"database_url": settings.database_direct_url, "database_direct_url": None}
    )


def dagster_url(settings: Settings) -> URL:
    """Where the Dagster instance keeps its storage: the same server, a database of its own. Never through a
    pooler in transaction mode: Dagster sets its sessions' time-outs."""
    url = direct_url(settings)
    if settings.database_url is not None:
        _ensure_databases(url, (DAGSTER,))
    return url.set(database=DAGSTER)


def as_psycopg2(text_url: str) -> URL:
    """`text_url` with the psycopg2 driver named: SQLAlchemy 2.1 would take psycopg 3, which breaks
    dagster-postgres. Raises `DatabaseUrlInvalid` for anything but PostgreSQL."""
    try:
        url = make_url(text_url)
    except (ArgumentError, ValueError):  # of a port that is no number, SQLAlchemy says the latter
        url = None
    if url is None or url.get_backend_name() not in ("postgresql", "postgres"):
        raise DatabaseUrlInvalid
    return url.set(drivername="postgresql+psycopg2")


def make_engine(url: URL, *, pool_size: int = 5, settings: Settings | None = None) -> Engine:
    """An engine on `url`; sessions in UTC, JSON compact, dead connections replaced, and no statement or
    silent network waited for longer than `settings` say (None: the defaults)."""
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=10,
        pool_pre_ping=True,
        json_serializer=lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False),
        connect_args=connect_args("impact-in", settings or Settings()),
    )


def connect_args(name: str, settings: Settings, *options: str) -> dict[str, Any]:
    """What psycopg2 gets beside the URL: `name` is seen in pg_stat_activity, `options` are further ones of
    the session (`setting=value`).

    A statement that the server works on for too long is ended by the server. A server that has gone without
    a word (a failover, a cut network) is noticed by the kernel: what is sent and not acknowledged within
    `tcp_user_timeout` ends the connection, and so do three unanswered probes while an answer is awaited.
    Without either, libpq would wait for about two hours. All of it means nothing on a Unix socket.
    """
    session = [f"{name}={value}" for name, value in session_settings(settings).items()]
    found = {
        "options": " ".join(f"-c {option}" for option in (*session, *options)),
        "connect_timeout": 10,
        "application_name": name,
        "tcp_user_timeout": settings.tcp_user_timeout_ms,
        "keepalives": 1,
        "keepalives_idle": settings.tcp_keepalive_idle_seconds,
        "keepalives_interval": settings.tcp_keepalive_interval_seconds,
        "keepalives_count": 3,
    }
    if settings.database_direct_url is not None:
        # A pooler refuses options at connect; what sessions need is set for the role (`prepare_role`).
        del found["options"]
    return found


def session_settings(settings: Settings) -> dict[str, str]:
    """What every session of ours has; statements cut days in its time zone."""
    return {"timezone": _UTC, "statement_timeout": str(settings.statement_timeout_ms)}


def make_reader(url: URL, *, pool_size: int, settings: Settings | None = None) -> Engine:
    """An engine for single statements that only read, many a second: no transaction around each, and a
    connection is tried out only after it has lain idle. Measured: one round trip instead of four."""
    reader = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        isolation_level="AUTOCOMMIT",
        pool_reset_on_return=None,  # there is nothing to roll back
        json_deserializer=from_json,  # half of what Python's own costs
        connect_args=connect_args(
            "impact-in-reads", settings or Settings(), "default_transaction_read_only=on"
        ),
    )
    event.listen(reader, "checkin", _note_use)
    event.listen(reader, "checkout", _try_out_when_idle)
    return reader


def _note_use(_: object, record: ConnectionPoolEntry) -> None:
    record.info["used_at"] = time.monotonic()


def _try_out_when_idle(connection: Any, record: ConnectionPoolEntry, _: object) -> None:
    used_at = record.info.get("used_at")
    if used_at is None or time.monotonic() - used_at < _IDLE_S:
        return
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except psycopg2.Error as error:
        raise DisconnectionError from error  # the pool replaces it and goes on


def open_database(settings: Settings, *, pool_size: int = 5) -> Database:
    """The database that `settings` name, reachable. Raises `DatabaseUnavailable` or `InvalidSetting`."""
    url = main_url(settings)
    engine = make_engine(url, pool_size=pool_size, settings=settings)
    with translated_errors(url), engine.connect() as connection:
        if settings.database_direct_url is not None:
            _require_prepared(connection)
    return Database(
        url=url, engine=engine, embedded=settings.database_url is None, settings=settings
    )


def _require_prepared(connection: Connection) -> None:
    """Raise `SessionsUnprepared` unless sessions behind the pooler are in UTC by themselves."""
    zone: str = connection.execute(text("SELECT current_setting('TimeZone')")).scalar_one()
    if zone != _UTC:
        raise SessionsUnprepared(zone)


@contextmanager
def translated_errors(url: URL) -> Iterator[None]:
    """Turn what the driver says about a server that is away, or tables that are missing, into one line."""
    try:
        yield
    except OperationalError as error:
        reason = str(error.orig).strip().splitlines()[0] if error.orig else str(error)
        raise ServerUnreachable(str(url.host or url.query.get("host")), reason) from error
    except ProgrammingError as error:
        if getattr(error.orig, "pgcode", None) != "42P01":
            raise
        raise out_of_step(None) from error


def ping(database: Database) -> tuple[str, float]:
    """The server's version, and how long an answer of it takes (ms). Raises `DatabaseUnavailable`."""
    with translated_errors(database.url), database.engine.connect() as connection:
        version: str = connection.execute(text("SHOW server_version")).scalar_one()
        began = time.monotonic()
        connection.execute(text("SELECT 1"))
        return version, (time.monotonic() - began) * 1000


def database_time(engine: Engine) -> datetime:
    """What time it is for the database (UTC): at this moment, not at its transaction's start."""
    with engine.connect() as connection:
        now: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    return now


def require_current(engine: Engine) -> str:
    """The revision that the database is at. Raises `DatabaseUnavailable` unless that is this program's, or a
    later one that says of itself that this program may work on it.

    Reads alembic's table itself: importing alembic would cost every command 0.35 s.
    """
    with translated_errors(engine.url), engine.connect() as connection:
        row = connection.execute(
            text(
                "SELECT version_num, obj_description('alembic_version'::regclass) AS usable_from "
                "FROM alembic_version"
            )
        ).one_or_none()
    if row is None or not usable_by_this_program(row.version_num, row.usable_from):
        raise out_of_step(row.version_num if row is not None else None)
    return str(row.version_num)


def ensure_database(settings: Settings, name: str) -> None:
    """Create the database `name` beside ours where it is missing. Raises `DatabaseUnavailable`."""
    _ensure_databases(direct_url(settings), (name,))


def _ensure_databases(url: URL, names: tuple[str, ...]) -> None:
    """Create the databases `names` on the server of `url` where they are missing."""
    admin = make_engine(url, pool_size=1).execution_options(isolation_level="AUTOCOMMIT")
    try:
        with translated_errors(url), admin.connect() as connection:
            # Two processes may create at once: the lock makes the second one see the first one's work.
            connection.execute(text("SELECT pg_advisory_lock(727101)"))
            existing = set(connection.scalars(text("SELECT datname FROM pg_database")))
            for name in names:
                if name not in existing:
                    connection.execute(text(f'CREATE DATABASE "{name}"'))
            connection.execute(text("SELECT pg_advisory_unlock(727101)"))
    finally:
        admin.dispose()


def rows_as_json(rows: list[dict[str, Any]]) -> str:
    """`rows` as the one bound parameter of a statement that reads them by `jsonb_to_recordset`."""
    return json.dumps(rows, default=str, separators=(",", ":"), ensure_ascii=False)


def drained_rows(rows: list[dict[str, Any]]) -> str:
    """The same for a drain's rows by the thousand, at a quarter of the cost. Instants are written in another
    way, so they must go into columns of their type, not into jsonb."""
    return to_json(rows, fallback=str).decode()


def rows_of(result: CursorResult[Any]) -> list[Mapping[str, Any]]:
    """The rows of `result`, read whole, by column name."""
    return cast("list[Mapping[str, Any]]", result.mappings().all())
