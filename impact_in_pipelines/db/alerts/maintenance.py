"""Maintenance windows: when notices are withheld, by whom and why. Statements: maintenance.sql."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from impact_in_pipelines.db.access.audit import Change, record
from impact_in_pipelines.db.engine import rows_of
from impact_in_pipelines.db.ids import id_range, the_one
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.errors.alerts import MaintenanceOver, MaintenanceUnknown
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sla.incidents import MaintenanceWindow

_SQL = load("alerts/maintenance")
_AUDITED = ("platform", "starts_at", "ends_at", "reason")


class MaintenanceStore:
    """Adds, lists and ends maintenance windows. They are never deleted: reports show them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(
        self,
        *,
        company_id: UUID | None,
        platform: Platform | None,
        starts_at: datetime,
        ends_at: datetime,
        reason: str,
        by: str,
        now: datetime,
    ) -> MaintenanceWindow:
        """Add a window; whether it holds is judged by `services.maintenance`."""
        with self._engine.begin() as connection:
            (row,) = rows_of(
                connection.execute(
                    _SQL["add_window"],
                    {
                        "company_id": company_id,
                        "platform": platform.value if platform else None,
                        "starts_at": starts_at,
                        "ends_at": ends_at,
                        "reason": reason.strip(),
                        "created_by": by,
                        "now": now,
                    },
                )
            )
            window = _window(row)
            after = {name: row[name] for name in _AUDITED}
            _note(connection, "maintenance.add", window, None, after, by, now)
        return window

    def overlapping(self, start: datetime, end: datetime) -> list[MaintenanceWindow]:
        """The windows that overlap `[start, end)`, the next to end first, as they were when ended early."""
        with self._engine.connect() as connection:
            rows = rows_of(connection.execute(_SQL["windows"], {"start": start, "end": end}))
        return [_window(row) for row in rows]

    def listed(
        self,
        company_ids: Sequence[UUID] | None,
        *,
        ended_too: bool,
        platforms_too: bool,
        now: datetime,
        limit: int,
        behind: tuple[datetime, UUID] | None = None,
    ) -> list[MaintenanceWindow]:
        """At most `limit` windows of these companies (None: of all), the next to end first, or, with
        `ended_too`, the last to end; with `platforms_too` also those of whole platforms.

        `behind` is end and id of the last one of the page before.
        """
        at, id_ = behind or (None, None)
        values = {
            "company_ids": None if company_ids is None else list(company_ids),
            "platforms_too": platforms_too,
            "limit": limit,
            "at": at,
            "id": id_,
        }
        statement = _SQL["windows_ever"] if ended_too else _SQL["windows_present"]
        if not ended_too:
            values["now"] = now
        with self._engine.connect() as connection:
            return [_window(row) for row in rows_of(connection.execute(statement, values))]

    def find(self, id_: UUID) -> MaintenanceWindow | None:
        """The window with this id."""
        with self._engine.connect() as connection:
            rows = rows_of(connection.execute(_SQL["window"], {"id": id_}))
        return _window(rows[0]) if rows else None

    def end(self, text: str, *, by: str, now: datetime) -> MaintenanceWindow:
        """End the window that `text` (an id or its beginning) names, now.

        Raises `IdMalformed`, `IdAmbiguous`, `MaintenanceUnknown`, and `MaintenanceOver`.
        """
        with self._engine.begin() as connection:
            found = connection.scalars(_SQL["windows_matching"], id_range(text)).all()
            id_ = the_one(text, found, MaintenanceUnknown(text))
            before = rows_of(connection.execute(_SQL["window"], {"id": id_}))[0]["ends_at"]
            rows = rows_of(
                connection.execute(_SQL["end_window"], {"id": id_, "by": by, "now": now})
            )
            if not rows:
                raise MaintenanceOver(id_)
            window = _window(rows[0])
            after = {"ends_at": window.ends_at}
            _note(connection, "maintenance.end", window, {"ends_at": before}, after, by, now)
        return window


def _note(
    connection: Connection,
    action: str,
    window: MaintenanceWindow,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any],
    actor: str,
    now: datetime,
) -> None:
    change = Change(action, f"maintenance {window.id}", window.company_id, before, after)
    record(connection, [change], actor=actor, now=now)


def _window(row: Mapping[str, Any]) -> MaintenanceWindow:
    values = dict(row)
    values["platform"] = Platform(values["platform"]) if values["platform"] else None
    return MaintenanceWindow(**values)
