"""Finds what companies are to be notified of, once in a tick for all of them. Statements: writing.sql.

No delivery waits for a notice: what happened is found afterwards, by the log's change mark (design D15). An
event is written once for each channel: found twice it has the same key.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from impact_in_pipelines.db.deliveries.changes import current_mark, mark_or_none
from impact_in_pipelines.db.queries import load

_SQL = load("notices/writing")
_REPORTS_SINCE = timedelta(days=3)
_LOOKS_BACK = timedelta(days=45)
"""What was due longer ago isn't looked at for being late or held."""


@dataclass(frozen=True, slots=True)
class NoticeRules:
    """After how long a delivery that hasn't arrived is late, and a closed connection is told of; an event
    that is older than `keeps` is no news."""

    late_after: timedelta
    held_after: timedelta
    keeps: timedelta


class NoticeWriter:
    """Writes messages into the customers' outbox."""

    def __init__(self, engine: Engine, rules: NoticeRules) -> None:
        self._engine = engine
        self._rules = rules

    def write(self, now: datetime) -> int | None:
        """Write what has happened since the last time; returns how many messages. None: another
        one writes."""
        with self._engine.begin() as connection:
            if not connection.execute(_SQL["in_turn"]).scalar_one():
                return None
            # Before the log is read: what changes meanwhile is found again, under the same key.
            mark = current_mark(connection)
            row = connection.execute(_SQL["mark"]).one_or_none()
            before = None if row is None else mark_or_none(connection, row.mark)
            late_until = now - self._rules.late_after
            written = 0
            if row is not None and connection.execute(_SQL["any_channel"]).scalar_one():
                written = self._written(connection, before, row.late_until, late_until, now)
            values = {"mark": mark, "late_until": late_until}
            connection.execute(_SQL["keep_mark"], values)
        return written

    def _written(
        self,
        connection: Connection,
        mark: str | None,
        late_from: datetime,
        late_until: datetime,
        now: datetime,
    ) -> int:
        values = {
            "mark": mark,
            "now": now,
            # A mark of another server (a dump restored here) has seen nothing: of the whole log, which is
            # read then, the last day is news.
            "horizon": now - (self._rules.keeps if mark is not None else timedelta(days=1)),
            "late_before": late_until,
            "held_before": now - self._rules.held_after,
            "recent": now - _REPORTS_SINCE,
        }
        spans = {
            "write_late": (max(late_from, now - _LOOKS_BACK), late_until),
            "write_held": (now - _LOOKS_BACK, now),
        }
        written = 0
        for name in (
            "write_changes",
            "write_late",
            "write_held",
            "write_released",
            "write_undecided",
            "write_reports",
        ):
            span = spans.get(name)
            bound = {"due_from": span[0], "due_until": span[1]} if span else {}
            statement = _SQL[name]
            wanted = statement.compile().params.keys()
            found = {key: value for key, value in {**values, **bound}.items() if key in wanted}
            written += connection.execute(statement, found).rowcount
        return written
