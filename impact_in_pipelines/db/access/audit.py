"""Who changed what (table `audit_log`). Statements: audit.sql.

A change and its row here are one transaction: stores write it on their own connection.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from impact_in_pipelines.db.engine import rows_as_json, rows_of
from impact_in_pipelines.db.queries import load

_SQL = load("access/audit")


@dataclass(frozen=True, slots=True)
class Change:
    """One change: `action` such as `connection.set`, its `subject`, and what differs. No secrets."""

    action: str
    subject: str
    company_id: UUID | None
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One line of the audit log; `company` is the slug."""

    id: UUID
    at: datetime
    actor: str
    action: str
    company_id: UUID | None
    company: str | None
    subject: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which changes: parts of the actor's name and of the action; empty: any."""

    actor: str = ""
    action: str = ""

    @property
    def parameters(self) -> dict[str, str]:
        """The values by name."""
        return asdict(self)


def record(connection: Connection, changes: Sequence[Change], *, actor: str, now: datetime) -> None:
    """Write `changes` by `actor` at `now` (aware) in the transaction of `connection`."""
    rows = rows_as_json([asdict(change) for change in changes])
    connection.execute(_SQL["write"], {"rows": rows, "actor": actor, "now": now})


_EVERYTHING = AuditFilter()


class AuditStore:
    """Reads the audit log."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def listed(
        self,
        company_ids: Sequence[UUID] | None,
        wanted: AuditFilter = _EVERYTHING,
        *,
        limit: int,
        before_at: datetime | None = None,
        before_id: UUID | None = None,
    ) -> list[AuditRow]:
        """At most `limit` changes of these companies (None: all, and what concerns none) that fit `wanted`,
        newest first."""
        values = {
            **wanted.parameters,
            "company_ids": None if company_ids is None else list(company_ids),
            "limit": limit,
            "before_at": before_at,
            "before_id": before_id,
        }
        with self._engine.connect() as connection:
            return [AuditRow(**row) for row in rows_of(connection.execute(_SQL["listed"], values))]
