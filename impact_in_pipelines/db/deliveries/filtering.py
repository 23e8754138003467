"""Which deliveries a list, an export or a cancellation is about. Statement: filtering.sql."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from impact_in_pipelines.db.ids import bounds_of
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.delivery.states import DeliveryStatus, Trigger
from impact_in_pipelines.platforms import Platform

_SQL = load("deliveries/filtering")

_MOST_NAMED = 200
_DUE_BEFORE = timedelta(days=2)
"""A delivery is due after the day it reports has begun, in a zone at most 14 hours ahead of UTC."""
_FIRST_DAY = date.min + _DUE_BEFORE


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """What a list shows; None means all.

    `start` and `end` (aware, end exclusive) bound `scheduled_for`; `period_from` and `period_until` are days,
    both inclusive, and fit every delivery that reports one of them. `search` is an id or its beginning (four
    hex digits or more), a whole transaction id, or a text in the last error: what fits any of the three.
    """

    platform: Platform | None = None
    statuses: Sequence[DeliveryStatus] | None = None
    trigger: Trigger | None = None
    schedule_id: UUID | None = None
    start: datetime | None = None
    end: datetime | None = None
    error_contains: str | None = None
    search: str | None = None
    period_from: date | None = None
    period_until: date | None = None

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
            "search": _contains(self.search) if self.search else None,
            "period_from": self.period_from,
            "period_until": self.period_until,
            # Without it every delivery that was ever due would be looked at.
            "period_due_from": _due_from(self.period_from) if self.period_from else None,
        }


def named_by(
    connection: Connection, wanted: DeliveryFilter, company_ids: Sequence[UUID] | None
) -> list[UUID]:
    """The deliveries of these companies (None: all) that the search names by id or transaction."""
    if not wanted.search:
        return []
    text = wanted.search.strip()
    lowest, highest = bounds_of(text) or (None, None)
    values = {
        "lowest": lowest,
        "highest": highest,
        "transaction": text,
        "platforms": list(Platform),
        "company_ids": None if company_ids is None else list(company_ids),
        "limit": _MOST_NAMED,
    }
    return list(connection.scalars(_SQL["named"], values))


def _due_from(day: date) -> datetime:
    return datetime.combine(max(day, _FIRST_DAY) - _DUE_BEFORE, time(), UTC)


def _contains(text: str) -> str:
    """A pattern for ILIKE in which `text` stands for itself."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
