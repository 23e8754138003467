"""Whose turn it is to remove what is over: one process at a time, and no month while somebody is erased.

Two that archived the same month would write to the same file. And whoever was erased after the rows of a
month had been read would stay in its archive, which nobody looks through again.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL, Connection, create_engine
from sqlalchemy.pool import NullPool

from impact_in_pipelines.db.queries import load

_SQL = load("retention/turn")
_ASK_AGAIN_S = 0.5
_log = logging.getLogger(__name__)


class Turn:
    """A turn that is taken: locks of a session's, which go with the process."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @contextmanager
    def beside_erasures(self) -> Iterator[None]:
        """Erasures wait until the block ends, as it waits for one that is under way."""
        self._connection.execute(_SQL["hold_erasures"])
        yield
        self._connection.execute(_SQL["let_erasures_go_on"])


@contextmanager
def turn_taken(url: URL) -> Iterator[Turn]:
    """Wait for the turn and keep it for the block. `url` must lead to the server itself: behind a pooler in
    transaction mode a session's lock is anybody's."""
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        # Erasing, and another one's months, take as long as they take.
        connection.exec_driver_sql("SET statement_timeout = 0")
        waits = False
        while not connection.scalar(_SQL["take_turn"]):
            if not waits:
                _log.info("another process removes what is over: waiting for it")
                waits = True
            time.sleep(_ASK_AGAIN_S)
        yield Turn(connection)
