"""Changes to large tables while everything works on: what migrations after the first two are made of.

A migration that was broken off in the middle of these has committed its first part already and is run again
from its beginning, so every part of it must bear that: `if_not_exists`, and the functions here.
"""

from collections.abc import Sequence
from typing import Any

from alembic import op

LOCK_TIMEOUT_MS = 2_000
"""A change that waits for a table makes everybody wait who comes after it: it gives up and asks again."""


def create_index(name: str, table: str, columns: Sequence[Any], **options: Any) -> None:
    """Build an index without keeping writers out. An earlier try that was broken off leaves an index that
    PostgreSQL keeps up to date and never uses: it is dropped first.

    Commits what the migration has done before.
    """
    with op.get_context().autocommit_block():
        # It waits for every transaction that is older, however long that lasts, and blocks nobody meanwhile.
        op.execute("SET lock_timeout = 0")
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        op.create_index(name, table, list(columns), postgresql_concurrently=True, **options)
        op.execute(f"SET lock_timeout = {LOCK_TIMEOUT_MS}")
