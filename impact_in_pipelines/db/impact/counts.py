"""What Dagster's observations of the two big tables say. Statements: counts.sql."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from impact_in_pipelines.db.engine import rows_of
from impact_in_pipelines.db.queries import load

_SQL = load("impact/counts")


@dataclass(frozen=True, slots=True)
class EventCounts:
    """All events, the newest of them, and the last import; `imports` and the rows they `rejected` since a
    time that was asked for. `touched_days` wait to be computed."""

    rows: int
    companies: int
    newest_event_at: datetime | None
    imported_at: datetime | None
    imports: int
    rejected: int
    touched_days: int


@dataclass(frozen=True, slots=True)
class DeliveryCounts:
    """Deliveries by status, the latest arrival among them, and when the oldest open one was due."""

    by_status: Mapping[str, int]
    last_delivered_at: datetime | None
    oldest_due: datetime | None


class CountStore:
    """Counts; changes nothing."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def events(self, since: datetime) -> EventCounts:
        """Of all events, and of the imports since then."""
        with self._engine.begin() as connection:
            # Tens of millions of rows take longer than a statement may otherwise.
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            (row,) = rows_of(connection.execute(_SQL["events"], {"since": since}))
        return EventCounts(**row)

    def deliveries(self, since: datetime, now: datetime) -> DeliveryCounts:
        """Of those that were due from `since` to `now`, and of all that are open."""
        with self._engine.connect() as connection:
            rows = rows_of(connection.execute(_SQL["deliveries"], {"since": since, "now": now}))
        arrived = [row["last_delivered_at"] for row in rows if row["last_delivered_at"]]
        due = [row["oldest_due"] for row in rows if row["oldest_due"]]
        return DeliveryCounts(
            {row["status"]: row["deliveries"] for row in rows},
            max(arrived, default=None),
            min(due, default=None),
        )
