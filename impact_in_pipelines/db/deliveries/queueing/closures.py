"""Connections that are closed for a while, for all drains alike (design D12). Statements: closures.sql."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from impact_in_pipelines.db.engine import rows_as_json, rows_of
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.delivery.ports import Settlement
from impact_in_pipelines.platforms import Platform

_SQL = load("deliveries/queueing/closures")


@dataclass(frozen=True, slots=True)
class Closure:
    """Nothing is sent on this connection before `closed_until` (UTC); `company_id` None: on none of the
    platform's. `since` is when it was closed, `reason` one line without secrets."""

    company_id: UUID | None
    platform: Platform
    kind: str
    closed_until: datetime
    since: datetime
    reason: str


class ClosureStore:
    """Reads closures; drains write them when they settle (`close_connections`)."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def in_force(
        self, now: datetime, *, company_ids: Sequence[UUID] | None = None
    ) -> list[Closure]:
        """Those that hold at `now`, of these companies or of all, the first to end first."""
        values = {"now": now, "company_ids": None if company_ids is None else list(company_ids)}
        with self._engine.connect() as connection:
            rows = rows_of(connection.execute(_SQL["closures"], values))
        return [Closure(**{**row, "platform": Platform(row["platform"])}) for row in rows]


def close_connections(
    connection: Connection, settlements: Sequence[Settlement], now: datetime
) -> None:
    """Close the connections of those attempts that were told to wait for longer than the retry plan."""
    rows: dict[tuple[UUID, Platform], dict[str, Any]] = {}
    for settlement in settlements:
        until, claimed = settlement.closed_until, settlement.prepared.claimed
        if until is None:
            continue
        known = rows.get((claimed.company_id, claimed.platform))
        if known is None or until > known["closed_until"]:
            rows[claimed.company_id, claimed.platform] = {
                "company_id": claimed.company_id,
                "platform": claimed.platform.value,
                "closed_until": until,
                "reason": settlement.result.error or "the platform asked to wait",
            }
    if rows:
        values = {"rows": rows_as_json(list(rows.values())), "now": now}
        connection.execute(_SQL["close"], values)
        connection.execute(_SQL["hold_open_rows"], values)
