"""Databases that are emptied and lent to the next test, for a copy costs a tenth of a second and more.

A test can't tell one from a fresh copy: it has a name of its own, so that whatever a former test left
running finds no database any more; its tables hold what the template's hold, its sequences start again, and
its schema, settings and statistics are untouched. One for which that can't be said is dropped, and a copy
takes its place. Whoever is still connected is cut off.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
from factories import copy_database, drop_database, new_name
from psycopg2.extensions import connection as Connection  # noqa: N812
from sqlalchemy import URL

_CLOSING_S, _GONE_S = 0.1, 5.0
"""How long connections that were closed may take to be gone, and those that are ended then."""

SMALL_BYTES = 9 * 8192
"""PostgreSQL takes a table that was never analysed for one of ten pages, unless it has more: up to here, the
room that deleted rows leave behind changes no plan."""

# Whatever a statement changes in these leaves a row of another transaction, or one more or fewer.
_CATALOGUES = (
    *("pg_class", "pg_attribute", "pg_attrdef", "pg_constraint", "pg_index", "pg_inherits"),
    *("pg_type", "pg_enum", "pg_proc", "pg_trigger", "pg_rewrite", "pg_policy"),
    *("pg_sequence", "pg_extension", "pg_event_trigger", "pg_description", "pg_default_acl"),
    *("pg_cast", "pg_operator", "pg_statistic", "pg_statistic_ext", "pg_publication"),
    *("pg_largeobject_metadata", "pg_partitioned_table", "pg_subscription", "pg_collation"),
)
_SCHEMA = (
    "SELECT "
    + ", ".join(
        f"(SELECT count(*) || '/' || coalesce(sum(xmin::text::bigint), 0) FROM {name})"
        for name in _CATALOGUES
    )
    + """,
    (SELECT string_agg(nspname || coalesce(nspacl::text, ''), ' ' ORDER BY nspname) FROM pg_namespace
     WHERE nspname !~ '^pg_(toast_)?temp_'),
    (SELECT sum(relpages) || '/' || sum(reltuples) FROM pg_class),
    (SELECT datacl::text || datconnlimit || datallowconn FROM pg_database
     WHERE datname = current_database()),
    (SELECT count(*) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
     WHERE d.datname = current_database()),
    (SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database()),
    (SELECT count(*) FROM pg_replication_slots WHERE database = current_database())"""
)
_OTHERS = """SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"""
_END_OTHERS = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"""
_TABLES = """SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema')"""
_SEQUENCES = """SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'S'"""
_LARGEST = """SELECT coalesce(max(pg_relation_size(oid)), 0) FROM pg_class
WHERE relkind = 'r'
  AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)"""


class Lender:
    """The databases of one server that are copies of one template, which stays as it is."""

    def __init__(self, server: URL, template: str, *, at_most: int = SMALL_BYTES) -> None:
        """A database with a table of more than `at_most` bytes is not lent again."""
        self._server = server
        self._at_most = at_most
        self._template = template
        self._free: list[str] = []
        self._admin: Connection | None = None
        self._emptying = ""
        self._untouched: Any = None
        self.copied = 0

    @contextmanager
    def lent(self) -> Iterator[URL]:
        """The URL of a database that holds what the template holds, and that nobody else knows."""
        name = new_name()
        if not self._has_taken(name):
            self._copy(name)
        try:
            yield self._server.set(database=name)
        except BaseException:
            drop_database(self._server, name)
            raise
        if self._emptied(name):
            self._free.append(name)
        else:
            drop_database(self._server, name)

    def _has_taken(self, name: str) -> bool:
        """Whether a free database is called `name` now."""
        if not self._free:
            return False
        free = self._free.pop()
        if self._admin is None or self._admin.closed:
            self._admin = _connect(self._server)
        try:
            with self._admin.cursor() as cursor:
                cursor.execute(f'ALTER DATABASE "{free}" RENAME TO "{name}"')
        except psycopg2.Error:  # something that a former test left running has connected again
            drop_database(self._server, free)
            return False
        return True

    def _copy(self, name: str) -> None:
        copy_database(self._server, self._template, name)
        self.copied += 1

    def close(self) -> None:
        """Let go of the server."""
        if self._admin is not None:
            self._admin.close()

    def _emptied(self, name: str) -> bool:
        """Whether the database `name` holds again what the template holds, and is otherwise as it was."""
        try:
            connection = _connect(self._server.set(database=name))
        except psycopg2.Error:  # it is gone, or lets nobody in
            return False
        try:
            with connection.cursor() as cursor:
                if not self._emptying:
                    self._learn()
                return self._is_untouched(cursor) and self._empty(cursor)
        except psycopg2.Error:
            return False
        finally:
            connection.close()

    def _is_untouched(self, cursor: Any) -> bool:
        if not _are_gone(cursor, _CLOSING_S):
            # As a drop would: nobody finds the way back, for the database gets another name.
            cursor.execute(_END_OTHERS)
            if not _are_gone(cursor, _GONE_S):
                return False
        cursor.execute(_SCHEMA)
        return bool(cursor.fetchone() == self._untouched)

    def _empty(self, cursor: Any) -> bool:
        cursor.execute(self._emptying)
        return bool(_one(cursor, _LARGEST) <= self._at_most)

    def _learn(self) -> None:
        """What a fresh copy is like, and what makes a used one the same: seen on one that nobody used."""
        name = new_name()
        self._copy(name)
        connection = _connect(self._server.set(database=name))
        with connection.cursor() as cursor:
            cursor.execute(_SCHEMA)
            self._untouched = cursor.fetchone()
            cursor.execute(_TABLES)
            tables = [f'"{schema}"."{table}"' for schema, table in cursor.fetchall()]
            statements = [
                "SET statement_timeout = '60s'",
                "SET session_replication_role = replica",
                *(f"DELETE FROM {table}" for table in tables),
            ]
            for table in tables:
                rows = _one(cursor, f"SELECT jsonb_agg(to_jsonb(t))::text FROM {table} t")
                if rows is not None:
                    values = cursor.mogrify("%s", (rows,)).decode()
                    statements.append(
                        f"INSERT INTO {table} OVERRIDING SYSTEM VALUE "
                        f"SELECT * FROM jsonb_populate_recordset(NULL::{table}, {values})"
                    )
            cursor.execute(_SEQUENCES)
            for (sequence,) in cursor.fetchall():
                state = _one(cursor, f"SELECT last_value || ', ' || is_called FROM {sequence}")
                statements.append(f"SELECT setval('{sequence}', {state})")
        connection.close()
        self._emptying = ";\n".join(["BEGIN", *statements, "COMMIT"])
        self._free.append(name)


def _connect(url: URL) -> Connection:
    """A connection without transactions of its own."""
    connection = psycopg2.connect(
        url.set(drivername="postgresql").render_as_string(hide_password=False)
    )
    connection.autocommit = True
    return connection


def _are_gone(cursor: Any, within_s: float) -> bool:
    """Whether nobody else is connected, after waiting so long for it."""
    end = time.monotonic() + within_s
    while _one(cursor, _OTHERS):
        if time.monotonic() > end:
            return False
        time.sleep(0.002)
    return True


def _one(cursor: Any, query: str) -> Any:
    cursor.execute(query)
    return cursor.fetchone()[0]
