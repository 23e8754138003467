"""One at a time for each company, over all processes: an advisory lock of PostgreSQL's on a connection of its
own, which goes with the connection if the process dies."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from sqlalchemy import URL, create_engine, text
from sqlalchemy.pool import NullPool


class CompanyTurns:
    """Turns of one kind of work. A connection is opened for each turn, so that a slow one keeps none of the
    pooled connections from anybody. `url` must lead to the server itself: behind a pooler in transaction mode
    the lock is somebody else's after the first statement."""

    def __init__(self, url: URL, kind: str) -> None:
        self._engine = create_engine(url, poolclass=NullPool)
        self._kind = kind

    @contextmanager
    def taken(self, company_id: UUID) -> Iterator[bool]:
        """Whether the turn is ours for as long as the block lasts; False: somebody has it."""
        key = f"{self._kind}:{company_id}"
        with self._engine.connect() as connection:
            held: bool = connection.execute(
                text("SELECT pg_try_advisory_lock(hashtextextended(:key, 0))"), {"key": key}
            ).scalar_one()
            connection.commit()  # a lock of the session's: no transaction stays open meanwhile
            yield held
