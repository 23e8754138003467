"""Bringing a database to the present schema."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from impact_in_pipelines.db.engine import session_settings
from impact_in_pipelines.db.migrations.online import DEADLOCK, LOCK_NOT_AVAILABLE, LOCK_TIMEOUT_MS
from impact_in_pipelines.db.revisions import USABLE_FROM, out_of_step
from impact_in_pipelines.errors.database import DatabaseBusy
from impact_in_pipelines.progress import Steps, Tell, silent
from impact_in_pipelines.settings import Settings

_LOCK = 727102
_ASK_AGAIN_S = 0.1
_LOCK_TRIES = 60


def alembic_config() -> Config:
    """Alembic's configuration, without a file: the migrations lie in the package."""
    config = Config()
    config.set_main_option("script_location", str(files("impact_in_pipelines.db") / "migrations"))
    return config


def upgrade(engine: Engine, tell: Tell = silent) -> tuple[str | None, str]:
    """Run what is missing; returns the revision before (None: empty database) and after. `tell` is called
    with migrations.

    Everything may work on meanwhile. Raises `DatabaseAhead` for a database that a newer version has upgraded;
    it stays as it is. Raises `DatabaseBusy` when a table can't be had for some minutes.
    """
    config = alembic_config()
    with engine.connect() as connection, _alone(connection):
        before = MigrationContext.configure(connection).get_current_revision()
        if before is not None and before not in _known(config):
            raise out_of_step(before)
        connection.commit()
        config.attributes["connection"] = connection
        config.attributes["steps"] = Steps(_missing(config, before), tell)
        _run_what_is_missing(connection, config)
        _mark_usable(connection)
        _adopt_rows_of_another_server(connection)
    return before, head_revision()


def _run_what_is_missing(connection: Connection, config: Config) -> None:
    """Each migration commits by itself, so that one which can't have its lock, or which PostgreSQL has ended
    for a deadlock, is all that is tried again."""
    for tries_left in reversed(range(_LOCK_TRIES)):
        connection.execute(text(f"SET lock_timeout = {LOCK_TIMEOUT_MS}"))
        connection.commit()
        try:
            command.upgrade(config, "head")
        except OperationalError as error:
            if getattr(error.orig, "pgcode", None) not in (LOCK_NOT_AVAILABLE, DEADLOCK):
                raise
            connection.rollback()
            if not tries_left:
                raise DatabaseBusy(head_revision()) from error
            time.sleep(_ASK_AGAIN_S)
        else:
            return


def prepare_role(engine: Engine, settings: Settings) -> None:
    """Give this role what every session of ours needs as its defaults in this database: behind a pooler in
    transaction mode a session can neither be given options at connect nor keep what it sets. A role may set
    its own."""
    with engine.begin() as connection:
        database = connection.dialect.identifier_preparer.quote(str(engine.url.database))
        for name, value in session_settings(settings).items():
            connection.exec_driver_sql(
                f"ALTER ROLE CURRENT_USER IN DATABASE {database} SET {name} = '{value}'"
            )


def _mark_usable(connection: Connection) -> None:
    """Say in the database itself which programs may work on it: an older one can't know."""
    connection.execute(text(f"COMMENT ON TABLE alembic_version IS '{USABLE_FROM}'"))
    connection.commit()


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """Several processes start at once: one migrates, the next then finds nothing left to do.

    The lock is the session's and is asked for again and again: an index that is built concurrently waits for
    every transaction that is open, so one that waits for the lock would wait for ever.
    """
    while not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": _LOCK}):
        connection.rollback()
        time.sleep(_ASK_AGAIN_S)
    # A migration of a large table takes as long as it takes.
    connection.execute(text("SET statement_timeout = 0"))
    connection.commit()
    try:
        yield
    finally:
        connection.rollback()
        connection.execute(text("RESET statement_timeout"))
        connection.execute(text("RESET lock_timeout"))
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
        connection.commit()


def _adopt_rows_of_another_server(connection: Connection) -> None:
    """Rows of a dump keep the transaction ids of the server they come from, which may lie ahead of this
    one's: they would count as changed again once it gets there."""
    for table in ("impact_deliveries", "delivery_attempts", "scheduled_deliveries"):
        connection.execute(
            text(
                f"UPDATE {table} SET change_seq = 0 "  # noqa: S608 - a name from the line above
                "WHERE change_seq >= CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint)"
            )
        )
    connection.commit()


def _missing(config: Config, before: str | None) -> int:
    scripts = ScriptDirectory.from_config(config)
    return sum(1 for _ in scripts.iterate_revisions("head", before or "base"))


def _known(config: Config) -> set[str]:
    return {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}


def head_revision() -> str:
    """The newest revision that this version of the program knows."""
    head = ScriptDirectory.from_config(alembic_config()).get_current_head()
    assert head is not None
    return head
