"""Between which due times a statement looks into the log.

The log has a partition for each month (`db/schema/months.py`). A statement that doesn't say between which due
times it looks is planned for every month there is: claiming took 124 ms instead of 4 with 28 of them. So what
runs often says `@within(d)`, and gets these parameters; PostgreSQL then plans for one month or two.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

Span = Mapping[str, datetime | str | None]
"""The parameters of `@within`: `due_from` and `due_until`, both inclusive."""

EVER: Span = {"due_from": "-infinity", "due_until": "infinity"}
"""All months: for what is asked seldom, by ids alone."""

NOTHING: Span = {"due_from": "-infinity", "due_until": "-infinity"}
"""No delivery lies in it. The planner takes one partition then; for bounds that are null it takes all."""

_OPEN_SPAN = text(
    "SELECT min(s.first) AS due_from, max(s.last) AS due_until "
    "FROM unnest(CAST(:platforms AS text[])) AS p(platform), open_span(p.platform) AS s"
)
_DUE_SPAN = text("SELECT first AS due_from, last AS due_until FROM due_span(CAST(:ids AS uuid[]))")
_LATEST_DUE = text("SELECT at FROM latest_due()")


def span_of(due: Iterable[datetime]) -> Span:
    """The span of deliveries that are due at these instants; of none: nothing lies in it."""
    instants = list(due)
    return {"due_from": min(instants), "due_until": max(instants)} if instants else NOTHING


def open_span(connection: Connection, *platforms: str) -> Span:
    """The span of what is open on `platforms` now. What is opened later is for whoever asks next."""
    return _span(connection.execute(_OPEN_SPAN, {"platforms": list(platforms)}).one())


def due_span(connection: Connection, ids: Iterable[UUID]) -> Span:
    """The span of the deliveries with these ids; of none: nothing lies in it."""
    return _span(connection.execute(_DUE_SPAN, {"ids": list(ids)}).one())


def latest_due(connection: Connection) -> datetime | None:
    """When the delivery that is due last of all is due; None: the log has none."""
    at: datetime | None = connection.scalar(_LATEST_DUE)
    return at


def _span(row: Row[Any]) -> Span:
    return NOTHING if row.due_from is None else dict(row._mapping)
