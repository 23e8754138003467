"""Incidents and the notices that are written with them. Statements: incidents.sql.

An incident's change and its notices are one transaction (an outbox): neither is there without the other.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from impact_in_pipelines.db.access.audit import Change as AuditedChange
from impact_in_pipelines.db.access.audit import record
from impact_in_pipelines.db.alerts.notices import as_body, as_incident
from impact_in_pipelines.db.engine import rows_as_json, rows_of
from impact_in_pipelines.db.ids import id_range, the_one
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.errors.alerts import IncidentUnknown
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sla.incidents import (
    Channel,
    Incident,
    IncidentChange,
    Notice,
    PlatformActivity,
    PlatformHealth,
    PlatformState,
)
from impact_in_pipelines.sla.model import BreachType

_SQL = load("alerts/incidents")

Routes = Callable[[Notice], Sequence[Channel]]
"""The channels on which a notice is to be sent."""


class IncidentSession:
    """The incidents while nobody else changes them, until the transaction ends."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def open(self) -> list[Incident]:
        """All open incidents, the oldest first."""
        return [as_incident(row) for row in rows_of(self._connection.execute(_SQL["open"]))]

    def closed_since(self, at: datetime, types: Collection[BreachType]) -> list[Incident]:
        """Those of `types` that were closed since `at`."""
        values = {"at": at, "types": sorted(type_.value for type_ in types)}
        return [
            as_incident(row)
            for row in rows_of(self._connection.execute(_SQL["closed_since"], values))
        ]

    def apply(self, changes: Sequence[IncidentChange], routes: Routes, now: datetime) -> int:
        """Store the changes and their notices; returns how many notices were written."""
        if not changes:
            return 0
        rows, notices = [], []
        for change in changes:
            channels = routes(change.notice) if change.notice else ()
            row = asdict(change.incident)
            del row["company"]
            row["channels"] = sorted({*change.incident.channels, *channels})
            rows.append(row)
            if change.notice is not None:
                notices += _outbox_rows(change.notice, channels)
        self._connection.execute(_SQL["store"], {"rows": rows_as_json(rows), "now": now})
        return _write(self._connection, notices, now)

    def note_health(self, states: Sequence[PlatformHealth], now: datetime) -> None:
        """Keep how the platforms are; a state that stays keeps its beginning."""
        rows = rows_as_json([asdict(one) for one in states])
        self._connection.execute(_SQL["note_health"], {"rows": rows, "now": now})

    def went_out(self, outages: Sequence[Incident]) -> dict[Platform, dict[str, Any]]:
        """How many late deliveries arrived since each of these outages began, and how late (ms) the latest
        was."""
        rows = [
            {"platform": one.platform.value, "since": one.since or one.opened_at}
            for one in outages
            if one.platform is not None
        ]
        if not rows:
            return {}
        found = self._connection.execute(_SQL["went_out"], {"rows": rows_as_json(rows)})
        return {
            Platform(row.platform): {"went_out": row.went_out, "latest_ms": float(row.latest_ms)}
            for row in found
        }

    def note_acknowledged(self, incident: Incident, actor: str, now: datetime) -> None:
        """Write down in the audit log who is on it."""
        after = {"acknowledged_by": incident.acknowledged_by}
        subject = f"incident {incident.id}"
        change = AuditedChange("incident.acknowledge", subject, incident.company_id, after=after)
        record(self._connection, [change], actor=actor, now=now)


class IncidentStore:
    """Incidents in PostgreSQL."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def exclusively(self) -> Iterator[IncidentSession | None]:
        """A transaction in which only the caller changes incidents; None: another tick is at it."""
        with self._engine.begin() as connection:
            free: bool = connection.execute(_SQL["try_lock"]).scalar_one()
            yield IncidentSession(connection) if free else None

    @contextmanager
    def in_turn(self) -> Iterator[IncidentSession]:
        """The same, waiting for whoever is at it."""
        with self._engine.begin() as connection:
            connection.execute(_SQL["lock"])
            yield IncidentSession(connection)

    def write_notice(self, notice: Notice, channels: Sequence[Channel], now: datetime) -> int:
        """Write a notice that belongs to no incident; returns for how many channels, 0 if it is known."""
        with self._engine.begin() as connection:
            return _write(connection, _outbox_rows(notice, channels), now)

    def activity(self, *, since: datetime, now: datetime) -> list[PlatformActivity]:
        """What became of the attempts at each platform since `since`; no line where there were none."""
        with self._engine.connect() as connection:
            rows = rows_of(
                connection.execute(_SQL["platform_activity"], {"since": since, "now": now})
            )
        return [
            PlatformActivity(
                **{
                    **row,
                    "platform": Platform(row["platform"]),
                    "error_kinds": tuple(sorted(row["error_kinds"])),
                }
            )
            for row in rows
        ]

    def health(self) -> list[PlatformHealth]:
        """How the platforms were when they were last looked at; none that never was."""
        with self._engine.connect() as connection:
            rows = rows_of(connection.execute(_SQL["health"]))
        return [
            PlatformHealth(
                Platform(row["platform"]), PlatformState(row["state"]), row["since"], row["reason"]
            )
            for row in rows
        ]

    def purge(self, *, closed_before: datetime) -> int:
        """Drop incidents that were closed before `closed_before`, with the notices that were sent of them;
        returns how many. One of which a notice is still to be sent stays."""
        with self._engine.begin() as connection:
            return connection.execute(_SQL["purge_closed"], {"before": closed_before}).rowcount

    def listed(
        self,
        *,
        company_id: UUID | None = None,
        platform: Platform | None = None,
        closed_too: bool = False,
        limit: int = 50,
    ) -> list[Incident]:
        """At most `limit` incidents, the newest first; the open ones unless `closed_too`."""
        with self._engine.connect() as connection:
            result = connection.execute(
                _SQL["listed"],
                {
                    "company_id": company_id,
                    "platform": platform.value if platform else None,
                    "closed_too": closed_too,
                    "limit": limit,
                },
            )
            return [as_incident(row) for row in rows_of(result)]

    def page(
        self,
        company_ids: Sequence[UUID] | None,
        *,
        platforms_too: bool,
        limit: int,
        platform: Platform | None = None,
        closed_too: bool = False,
        before_at: datetime | None = None,
        before_id: UUID | None = None,
    ) -> list[Incident]:
        """At most `limit` incidents of these companies (None: of all), the newest first; with
        `platforms_too` also those of whole platforms."""
        values = {
            "company_ids": None if company_ids is None else list(company_ids),
            "platforms_too": platforms_too,
            "platform": platform.value if platform else None,
            "closed_too": closed_too,
            "before_at": before_at,
            "before_id": before_id,
            "limit": limit,
        }
        with self._engine.connect() as connection:
            return [as_incident(row) for row in rows_of(connection.execute(_SQL["page"], values))]

    def find(self, id_: UUID) -> Incident | None:
        """The incident with this id."""
        with self._engine.connect() as connection:
            rows = rows_of(connection.execute(_SQL["find"], {"id": id_}))
        return as_incident(rows[0]) if rows else None

    def resolve(self, text: str) -> UUID:
        """The incident that `text` names: an id or a unique beginning of one.

        Raises `IdMalformed`, `IdAmbiguous`, `IncidentUnknown`.
        """
        with self._engine.connect() as connection:
            found = connection.scalars(_SQL["matching"], id_range(text)).all()
        return the_one(text, found, IncidentUnknown(text))


def _outbox_rows(notice: Notice, channels: Iterable[Channel]) -> list[dict[str, Any]]:
    body = as_body(notice)
    return [
        {
            "key": f"{notice.key}@{channel}",
            "incident_id": notice.incident.id if notice.incident else None,
            "channel": channel,
            "kind": notice.kind,
            "body": body,
        }
        for channel in channels
    ]


def _write(connection: Connection, rows: list[dict[str, Any]], now: datetime) -> int:
    if not rows:
        return 0
    result = connection.execute(_SQL["write_notices"], {"rows": rows_as_json(rows), "now": now})
    return result.rowcount
