"""Adding links to the chains of evidence (ADR 0012). Statements: linking.sql; the work is PostgreSQL's
(`add_evidence`, db/schema/evidence/functions.py)."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, Row, text

from impact_in_pipelines.db.deliveries.changes import mark_or_none, reading_changes
from impact_in_pipelines.db.deliveries.spans import EVER, Span, span_of
from impact_in_pipelines.db.queries import load

_SQL = load("evidence/linking")

AT_ONCE = 1_000
"""Links that one transaction adds when many are missing: so long it holds the chains of their companies."""

_COMPANIES_AT_ONCE = 100
_LONGEST_TRANSACTION = timedelta(days=1)


def add_links(
    connection: Connection, ids: Collection[UUID], within: Span = EVER, *, removed: bool = False
) -> int:
    """Link those of `ids`, which are due `within` a span, that have ended; returns how many.

    To be called once and last in a transaction that ends deliveries: it locks the chains of their companies,
    in one order, until the transaction commits. `removed`: rows that are about to be deleted.
    """
    if not ids:
        return 0
    values = {"ids": list(ids), "removed": removed, **within}
    return int(connection.execute(_SQL["add"], values).scalar_one())


def add_links_of(connection: Connection, ended: Sequence[Row[Any]]) -> int:
    """The same for rows of `id` and `scheduled_for`."""
    return add_links(
        connection, [row.id for row in ended], span_of(row.scheduled_for for row in ended)
    )


def lock_chains(connection: Connection, company_ids: Collection[UUID]) -> None:
    """Hold the chains of these companies until the transaction commits, before it calls `add_links`.

    For who has changed what another transaction may be linking just now: each of the two sees what the other
    has changed, or the other waits and sees it.
    """
    connection.execute(_SQL["lock_chains"], {"company_ids": list(company_ids)})


def link_what_has_none(engine: Engine, *, now: datetime) -> int:
    """Link every delivery that has ended and has no link that says so; returns how many there were.

    What changed before the last pass isn't looked at. The first one goes through the whole log, company by
    company. A transaction for each `AT_ONCE` links; broken off, it is run again.
    """
    with reading_changes(engine) as (connection, mark):
        known = connection.execute(_SQL["mark"]).one_or_none()
        since = mark_or_none(connection, known.mark) if known else None
    linked_since = known.marked_at - _LONGEST_TRANSACTION if known and since else "-infinity"
    added = 0
    everybody: Sequence[list[UUID] | None] = [None] if since else _companies(engine)
    for company_ids in everybody:
        values = {"mark": since, "company_ids": company_ids, "linked_since": linked_since}
        for rows in _unlinked(engine, values):
            with engine.begin() as connection:
                added += add_links_of(connection, rows)
    with engine.begin() as connection:
        connection.execute(_SQL["set_mark"], {"mark": mark, "now": now})
    return added


def _companies(engine: Engine) -> list[list[UUID]]:
    with engine.connect() as connection:
        ids = list(connection.scalars(_SQL["companies"]))
    return [
        ids[start : start + _COMPANIES_AT_ONCE] for start in range(0, len(ids), _COMPANIES_AT_ONCE)
    ]


def _unlinked(engine: Engine, values: dict[str, Any]) -> Iterator[Sequence[Row[Any]]]:
    with engine.connect() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        result = connection.execution_options(stream_results=True, max_row_buffer=AT_ONCE).execute(
            _SQL["unlinked"], values
        )
        yield from result.partitions(AT_ONCE)
