"""What happened to an incident, and what people noted on it. Statements: history.sql."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from impact_in_pipelines.db.access.audit import Change, record
from impact_in_pipelines.db.engine import rows_of
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.sla.incidents import Incident

_SQL = load("alerts/history")


@dataclass(frozen=True, slots=True)
class IncidentNote:
    """What somebody wrote on an incident."""

    id: UUID
    incident_id: UUID
    at: datetime
    author: str
    text: str


class IncidentHistory:
    """Notes, and what was sent about an incident."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, incident_id: UUID, *, notes_too: bool) -> list[dict[str, Any]]:
        """Its notes and the notices that were sent, in order: at, kind (`note` or `notice`), by, text, notice
        (its kind), channel."""
        values = {"id": incident_id, "notes_too": notes_too}
        with self._engine.connect() as connection:
            return [dict(row) for row in rows_of(connection.execute(_SQL["history"], values))]

    def add_note(self, incident: Incident, text: str, *, actor: str, now: datetime) -> IncidentNote:
        """Keep a note of `actor`'s, audited in the same transaction."""
        values = {"incident_id": incident.id, "at": now, "author": actor, "text": text}
        with self._engine.begin() as connection:
            id_: UUID = connection.execute(_SQL["add_note"], values).scalar_one()
            change = Change(
                "incident.note",
                f"incident {incident.id}",
                incident.company_id,
                after={"note": text},
            )
            record(connection, [change], actor=actor, now=now)
        return IncidentNote(id_, incident.id, now, actor, text)
