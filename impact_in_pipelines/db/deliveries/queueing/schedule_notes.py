"""What a schedule says of its latest deliveries. Statement: schedule_notes.sql."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from impact_in_pipelines.db.deliveries.spans import EVER, Span, span_of
from impact_in_pipelines.db.queries import load

_SQL = load("deliveries/queueing/schedule_notes")


def note_on_schedules(
    connection: Connection,
    ids: Collection[UUID],
    *,
    failed_anew: Collection[UUID],
    now: datetime,
    within: Span = EVER,
) -> None:
    """Note on the schedules of these deliveries, which lie `within` a span, how they ended. `failed_anew`:
    those of them that have failed for the first time; one that fails again after a replay was counted then.
    """
    if ids:
        values = {"ids": list(ids), "failed_anew": list(failed_anew), "now": now, **within}
        connection.execute(_SQL["note_on_schedules"], values)


def note_ended(connection: Connection, ended: Sequence[Row[Any]], now: datetime) -> None:
    """The same for rows of `id`, `scheduled_for` and `fails_anew`, as the statements that end deliveries
    return them."""
    note_on_schedules(
        connection,
        [row.id for row in ended],
        failed_anew=[row.id for row in ended if row.fails_anew],
        now=now,
        within=span_of(row.scheduled_for for row in ended),
    )
