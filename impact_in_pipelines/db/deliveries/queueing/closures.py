"""Connections that are closed for a while, for all drains alike (design D12). Statements: closures.sql."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from impact_in_pipelines.db.access.audit import Change, record
from impact_in_pipelines.db.deliveries.spans import open_span
from impact_in_pipelines.db.engine import rows_as_json, rows_of
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.delivery.holding.closures import Closure, HeldPlatform
from impact_in_pipelines.delivery.ports import Settlement
from impact_in_pipelines.platforms import Platform

_SQL = load("deliveries/queueing/closures")


@dataclass(frozen=True, slots=True)
class ResumeResult:
    """How many deliveries were held; `resumed_at`: nothing was done, since it had been resumed then."""

    held: int = 0
    resumed_at: datetime | None = None


class ClosureStore:
    """Reads closures and keeps those of people; drains write the others when they settle."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def in_force(
        self, now: datetime, *, company_ids: Sequence[UUID] | None = None
    ) -> list[Closure]:
        """Those that hold at `now`, of these companies or of all, the first to end first."""
        values = {"now": now, "company_ids": None if company_ids is None else list(company_ids)}
        with self._engine.connect() as connection:
            rows = rows_of(connection.execute(_SQL["closures"], values))
        return [_closure(row) for row in rows]

    def overview(
        self, now: datetime, *, company_ids: Sequence[UUID] | None = None
    ) -> list[HeldPlatform]:
        """Every platform, with what holds it and what it holds of these companies (None: of all)."""
        in_force = self.in_force(now, company_ids=company_ids)
        values = {
            "now": now,
            "platform": None,
            "company_ids": None if company_ids is None else list(company_ids),
        }
        with self._engine.connect() as connection:
            held = {row.platform: row for row in connection.execute(_SQL["held"], values)}
        return [
            HeldPlatform(
                platform,
                sorted(
                    (one for one in in_force if one.platform is platform),
                    key=lambda one: (one.company_id is not None, one.since),
                ),
                held[platform.value].held if platform.value in held else 0,
                held[platform.value].oldest if platform.value in held else None,
            )
            for platform in Platform
        ]

    def hold(
        self, platform: Platform, company_id: UUID | None, *, reason: str, by: str, now: datetime
    ) -> Closure | None:
        """A person's hold, audited; None: there is one already."""
        values = {"company_id": company_id, "platform": platform.value, "reason": reason, "by": by}
        with self._engine.begin() as connection:
            rows = rows_of(connection.execute(_SQL["hold"], values | {"now": now}))
            if not rows:
                return None
            after = {"reason": reason}
            subject = f"platform {platform.value}"
            change = Change("platform.hold", subject, company_id, after=after)
            record(connection, [change], actor=by, now=now)
        return _closure(rows[0])

    def resume(
        self,
        platform: Platform,
        company_id: UUID | None,
        *,
        by: str,
        now: datetime,
        resumed_before: datetime,
    ) -> ResumeResult | None:
        """End what holds a platform or connection, audited; None: nothing does. Not where it was resumed
        after `resumed_before`."""
        scope = {"platform": platform.value, "company_id": company_id, "now": now}
        with self._engine.begin() as connection:
            rows = connection.execute(_SQL["to_resume"], scope).all()
            in_force = [row for row in rows if row.in_force]
            if not in_force:
                return None
            resumed_at = max((row.resumed_at for row in rows if row.resumed_at), default=None)
            # One that lies ahead is a wrong clock's, and no reason to wait for it.
            if resumed_at is not None and resumed_before < resumed_at <= now:
                return ResumeResult(resumed_at=resumed_at)
            companies = None if company_id is None else [company_id]
            held = connection.execute(
                _SQL["held"],
                {"platform": platform.value, "company_ids": companies, "now": now},
            ).one_or_none()
            connection.execute(_SQL["resume"], scope)
            within = open_span(connection, platform.value)
            connection.execute(_SQL["due_again"], {**scope, **within})
            before = {row.kind: row.reason for row in in_force}
            subject = f"platform {platform.value}"
            change = Change("platform.resume", subject, company_id, before=before)
            record(connection, [change], actor=by, now=now)
        return ResumeResult(held=held.held if held else 0)

    def probe_now(self, platform: Platform, company_id: UUID, now: datetime) -> None:
        """A connection that was set anew is tried at once, whatever its breaker waits for."""
        values = {"platform": platform.value, "company_id": company_id, "now": now}
        with self._engine.begin() as connection:
            connection.execute(_SQL["probe_now"], values)


def _closure(row: Mapping[str, Any]) -> Closure:
    return Closure(**{**row, "platform": Platform(row["platform"])})


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
        within = open_span(connection, *sorted({platform.value for _, platform in rows}))
        connection.execute(_SQL["hold_open_rows"], {**values, **within})
