"""The delivery log as the API reads it: pages, a timeline, changes, replays. Statements: pages.sql.

Every query is bound to the company ids of whoever asks; None stands for all companies.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from impact_in_pipelines.db.deliveries.changes import (
    mark_at,
    mark_or_none,
    position_of,
    reading_changes,
)
from impact_in_pipelines.db.engine import rows_of
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.delivery.states import DeliveryStatus, Trigger
from impact_in_pipelines.platforms import Platform

_SQL = load("deliveries/pages")
_REPLAYS = load("deliveries/replays")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """What a list shows; None means all. `start` and `end` (aware, end exclusive) bound `scheduled_for`."""

    platform: Platform | None = None
    statuses: Sequence[DeliveryStatus] | None = None
    trigger: Trigger | None = None
    schedule_id: UUID | None = None
    start: datetime | None = None
    end: datetime | None = None
    error_contains: str | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """The statement's parameters."""
        return {
            "platform": self.platform.value if self.platform else None,
            "statuses": [status.value for status in self.statuses] if self.statuses else None,
            "trigger": self.trigger.value if self.trigger else None,
            "schedule_id": self.schedule_id,
            "start": self.start,
            "end": self.end,
            "error": _contains(self.error_contains) if self.error_contains else None,
        }


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """What one request has put into the queue, and how each of those deliveries stands (`states`)."""

    id: UUID
    requested_by: str
    created_at: datetime
    states: Sequence[Row]


class DeliveryPages:
    """Reads the log; changes nothing."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def listed(
        self,
        company_ids: Sequence[UUID] | None,
        wanted: DeliveryFilter,
        *,
        limit: int,
        before_at: datetime | None = None,
        before_id: UUID | None = None,
    ) -> list[Row]:
        """At most `limit` deliveries, the latest due first, from before `(before_at, before_id)` on."""
        values = wanted.parameters | {
            "limit": limit,
            "before_at": before_at,
            "before_id": before_id,
            "company_id": None,
        }
        with self._engine.connect() as connection:
            if company_ids is not None and len(company_ids) == 1:
                values["company_id"] = company_ids[0]
                return rows_of(connection.execute(_SQL["listed"], values))
            if company_ids is not None:
                values["company_ids"] = list(company_ids)
                return rows_of(connection.execute(_SQL["listed_of_several"], values))
            return rows_of(connection.execute(_SQL["listed"], values))

    def timeline(self, company_id: UUID, limit: int) -> list[Row]:
        """The latest deliveries of a company with their payloads as stored: sanitise before showing."""
        with self._engine.connect() as connection:
            return rows_of(
                connection.execute(_SQL["timeline"], {"company_id": company_id, "limit": limit})
            )

    def whole(self, id_: UUID, company_ids: Sequence[UUID] | None) -> tuple[Row, list[Row]] | None:
        """A delivery and its attempts, as stored, if the caller may see it."""
        with self._engine.connect() as connection:
            rows = rows_of(
                connection.execute(_SQL["whole"], {"id": id_, "company_ids": _ids(company_ids)})
            )
            if not rows:
                return None
            return rows[0], rows_of(connection.execute(_SQL["attempts"], {"id": id_}))

    def owned(
        self, ids: Sequence[UUID], company_ids: Sequence[UUID] | None
    ) -> dict[UUID, tuple[UUID, Platform]]:
        """Company and platform of those of `ids` that the caller may see."""
        values = {"ids": list(ids), "company_ids": _ids(company_ids)}
        with self._engine.connect() as connection:
            rows = connection.execute(_SQL["owned"], values)
            return {row.id: (row.company_id, Platform(row.platform)) for row in rows}

    def failed_like(
        self, company_ids: Sequence[UUID] | None, wanted: DeliveryFilter, *, limit: int
    ) -> list[UUID]:
        """At most `limit` deliveries that failed for good, the oldest due first."""
        values = wanted.parameters | {"company_ids": _ids(company_ids), "limit": limit}
        with self._engine.connect() as connection:
            return list(connection.scalars(_REPLAYS["failed_like"], values))

    def changed_since(
        self, company_id: UUID, position: int, limit: int
    ) -> tuple[list[Row], int] | None:
        """What of a company has changed after `position`, the oldest change first, and the position that
        has then been reached; None if `position` isn't of this server's past."""
        with reading_changes(self._engine) as (connection, mark):
            if mark_or_none(connection, mark_at(position)) is None:
                return None
            values = {"company_id": company_id, "mark": mark_at(position), "limit": limit}
            rows = rows_of(connection.execute(_SQL["changed_since"], values))
        return rows, position_of(mark)

    def replay_request(self, id_: UUID, company_ids: Sequence[UUID] | None) -> ReplayRequest | None:
        """A replay that was asked for, if the caller may see all of it."""
        with self._engine.connect() as connection:
            row = connection.execute(
                _SQL["replay_request"], {"id": id_, "company_ids": _ids(company_ids)}
            ).one_or_none()
            if row is None:
                return None
            states = rows_of(connection.execute(_SQL["replay_states"], {"ids": row.delivery_ids}))
        return ReplayRequest(row.id, row.requested_by, row.created_at, states)


def _ids(company_ids: Sequence[UUID] | None) -> list[UUID] | None:
    return None if company_ids is None else list(company_ids)


def _contains(text: str) -> str:
    """A pattern for ILIKE in which `text` stands for itself."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
