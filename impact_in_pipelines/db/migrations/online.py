"""Changes to large tables while everything works on: what migrations after the first two are made of.

A migration that was broken off in the middle of these has committed its first part already and is run again
from its beginning, so every part of it must bear that: `if_not_exists`, and the functions here.
"""

import time
from collections.abc import Sequence
from typing import Any

from alembic import op
from alembic.operations.schemaobj import SchemaObjects
from sqlalchemy import text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import OperationalError
from sqlalchemy.schema import CreateIndex

LOCK_TIMEOUT_MS = 2_000
"""A change that waits for a table makes everybody wait who comes after it: it gives up and asks again."""

LOCK_NOT_AVAILABLE, DEADLOCK = "55P03", "40P01"

_SHORT_MS = 800
_SHORT_TRIES = 5
_ASK_AGAIN_S = 0.1


def alter_alone(statement: str) -> None:
    """Change one table in a transaction of its own, which waits for nothing else while it holds the table.

    Commits what the migration has done before. Tries that can't have the lock end before PostgreSQL looks for
    a deadlock (after a second); only the last waits longer, since an autovacuum makes room for none but those
    who have waited for that second.
    """
    with op.get_context().autocommit_block():
        op.execute(f"SET lock_timeout = {_SHORT_MS}")
        for _ in range(_SHORT_TRIES):
            try:
                op.execute(statement)
                break
            except OperationalError as error:
                if getattr(error.orig, "pgcode", None) != LOCK_NOT_AVAILABLE:
                    raise
                time.sleep(_ASK_AGAIN_S)
        else:
            op.execute(f"SET lock_timeout = {LOCK_TIMEOUT_MS}")
            op.execute(statement)
        op.execute(f"SET lock_timeout = {LOCK_TIMEOUT_MS}")


def create_index(name: str, table: str, columns: Sequence[Any], **options: Any) -> None:
    """Build an index without keeping writers out. An earlier try that was broken off leaves an index that
    PostgreSQL keeps up to date and never uses: it is dropped first. On a table of months each gets its own.

    Commits what the migration has done before.
    """
    months = _months_of(table)
    if months:
        _on_months(name, table, months, columns, options)
        return
    with op.get_context().autocommit_block():
        # It waits for every transaction that is older, however long that lasts, and blocks nobody meanwhile.
        op.execute("SET lock_timeout = 0")
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        op.create_index(name, table, list(columns), postgresql_concurrently=True, **options)
        op.execute(f"SET lock_timeout = {LOCK_TIMEOUT_MS}")


def _on_months(
    name: str,
    table: str,
    months: Sequence[str],
    columns: Sequence[Any],
    options: dict[str, Any],
) -> None:
    """PostgreSQL builds none concurrently over all partitions: the parent's is complete with the last
    of them. A month that is made meanwhile gets it with the others."""
    index = SchemaObjects(op.get_context()).index(name, table, list(columns), **options)
    parents = str(CreateIndex(index).compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]
    op.execute(f"DROP INDEX IF EXISTS {name}")
    op.execute(parents.replace(f" ON {table} ", f" ON ONLY {table} "))
    for month in months:
        own = f"{month}_{name.removeprefix(f'{table}_')}"
        create_index(own, month, columns, **options)
        op.execute(f"ALTER INDEX {name} ATTACH PARTITION {own}")


def _months_of(table: str) -> list[str]:
    """The partitions of `table`; a migration that is printed knows of none."""
    if op.get_context().as_sql:
        return []
    rows = op.get_bind().execute(
        text(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
            "JOIN pg_class p ON p.oid = i.inhparent WHERE p.relname = :table ORDER BY 1"
        ),
        {"table": table},
    )
    return [row.relname for row in rows]
