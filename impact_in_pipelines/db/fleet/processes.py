"""Which processes of all machines are at work: each says so now and then. Statements: processes.sql."""

import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine

from impact_in_pipelines.db.queries import load
from impact_in_pipelines.processes import this_process

EVERY_S = 15.0
"""So often a process that is at work says so."""

_FORGOTTEN_AFTER = timedelta(days=7)
_SQL = load("fleet/processes")


@dataclass(frozen=True, slots=True)
class Seen:
    """A process (`processes.named(name)`) that has said that it is at work, and when it last did."""

    name: str
    host: str
    role: str
    last_seen: datetime


class ProcessStore:
    """Heartbeats, by the database's clock."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._beat_at: float | None = None
        self._lock = threading.Lock()

    def beat(self, role: str) -> None:
        """Say that this process is at work, unless it has just done so."""
        with self._lock:
            now = time.monotonic()
            if self._beat_at is not None and now - self._beat_at < EVERY_S:
                return
            self._beat_at = now
        here = this_process()
        with self._engine.begin() as connection:
            connection.execute(_SQL["beat"], {"name": here.name, "host": here.host, "role": role})

    def seen(self, within: timedelta) -> list[Seen]:
        """Processes that have been at work within so long; those of weeks ago are forgotten."""
        with self._engine.begin() as connection:
            connection.execute(_SQL["forget"], {"after": _FORGOTTEN_AFTER})
            return [Seen(*row) for row in connection.execute(_SQL["seen"], {"within": within})]
