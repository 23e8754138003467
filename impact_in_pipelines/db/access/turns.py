"""One at a time for each company, over all processes: advisory locks of PostgreSQL's on connections of their
own, which go with the connection if the process dies."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock
from uuid import UUID

from sqlalchemy import URL, Connection, TextClause, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

_TAKE = text("SELECT pg_try_advisory_lock(hashtextextended(:key, 0))")
_GIVE_BACK = text("SELECT pg_advisory_unlock(hashtextextended(:key, 0))")


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
            held: bool = connection.execute(_TAKE, {"key": key}).scalar_one()
            connection.commit()  # a lock of the session's: no transaction stays open meanwhile
            yield held


class SharedTurns:
    """Turns that last as long as somebody's network takes, all of a process on one connection, which is there
    while any is taken: a connection for each would be at the senders' mercy. Should it break, its turns are
    anybody's again. `url` as `CompanyTurns`'."""

    def __init__(self, url: URL, kind: str) -> None:
        self._engine = create_engine(url, poolclass=NullPool)
        self._kind = kind
        self._guard = Lock()
        self._taken: set[UUID] = set()
        self._connection: Connection | None = None

    def take(self, company_id: UUID) -> bool:
        """Whether the turn is ours, until it is given back; False: somebody has it, here or elsewhere."""
        with self._guard:
            if company_id in self._taken:  # the server gives a session a lock that it has once more
                return False
            if self._asked(_TAKE, company_id):
                self._taken.add(company_id)
                return True
            self._close_unless_needed()
            return False

    def give_back(self, company_id: UUID) -> None:
        """End a turn that was taken."""
        with self._guard:
            self._taken.discard(company_id)
            with suppress(DBAPIError):  # with a broken connection the turn has ended already
                self._asked(_GIVE_BACK, company_id)
            self._close_unless_needed()

    def _asked(self, statement: TextClause, company_id: UUID) -> bool:
        if self._connection is None or self._connection.invalidated:
            self._connection = self._engine.connect()
        try:
            key = {"key": f"{self._kind}:{company_id}"}
            answer: bool = self._connection.execute(statement, key).scalar_one()
            self._connection.commit()
        except DBAPIError:
            self._connection.close()
            self._connection = None
            raise
        return answer

    def _close_unless_needed(self) -> None:
        if not self._taken and self._connection is not None:
            self._connection.close()
            self._connection = None
