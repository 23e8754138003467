"""How companies stand, many at once. Statements: health.sql; each is one pass over what is open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from impact_in_pipelines.db.deliveries.spans import open_span
from impact_in_pipelines.db.engine import rows_of
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.db.schedules.reading import FAILING_FROM, OVERDUE_AFTER
from impact_in_pipelines.platforms import Platform

_SQL = load("accounts/health")


class HealthState(StrEnum):
    """How a company stands, the worst first. `nothing`: nothing has ever arrived: nothing can be healthy."""

    BREACH = "breach"
    WARNING = "warning"
    NOTHING = "nothing"
    INACTIVE = "inactive"
    HEALTHY = "healthy"


@dataclass(frozen=True, slots=True)
class CompanyHealth:
    """One company with what is wrong: open incidents by severity, deliveries that are `late` (the oldest due
    at `oldest_late`), schedules that fail, on how many platforms its connection is held; `arrived`: anything
    ever."""

    id: UUID
    slug: str
    name: str
    timezone: str
    active: bool
    critical: int
    warning: int
    late: int
    oldest_late: datetime | None
    failing: int
    held: int
    arrived: bool

    @property
    def state(self) -> HealthState:
        """In one word."""
        if self.critical or self.failing:
            return HealthState.BREACH
        if self.warning or self.late or self.held:
            return HealthState.WARNING
        if not self.active:
            return HealthState.INACTIVE
        return HealthState.HEALTHY if self.arrived else HealthState.NOTHING


@dataclass(frozen=True, slots=True)
class Sending:
    """How many drains hold deliveries of a platform at this moment, and how many they hold."""

    drains: int = 0
    sending: int = 0


@dataclass(frozen=True, slots=True)
class OpenIncidents:
    """How many incidents are open, whole platforms' included."""

    critical: int
    warning: int


class HealthStore:
    """Reads how companies stand."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def page(
        self,
        company_ids: Sequence[UUID] | None,
        *,
        now: datetime,
        limit: int,
        sought: str = "",
        after_slug: str | None = None,
    ) -> list[CompanyHealth]:
        """At most `limit` of these companies (None: of all) whose name or slug contains `sought`, by slug."""
        values = {
            "company_ids": None if company_ids is None else list(company_ids),
            "sought": sought,
            "after_slug": after_slug,
            "limit": limit,
        }
        with self._engine.connect() as connection:
            ids = list(connection.scalars(_SQL["chosen"], values))
        return self._of(ids, now)

    def worst(
        self, company_ids: Sequence[UUID] | None, *, now: datetime, limit: int
    ) -> tuple[list[CompanyHealth], int]:
        """At most `limit` of these companies with something wrong, the worst first; and how many have."""
        with self._engine.connect() as connection:
            values = {
                **_instants(now),
                **open_span(connection, *Platform),
                "company_ids": None if company_ids is None else list(company_ids),
                "limit": limit,
            }
            rows = connection.execute(_SQL["worst"], values).all()
        return self._of([row.id for row in rows], now), rows[0].troubled if rows else 0

    def _of(self, ids: Sequence[UUID], now: datetime) -> list[CompanyHealth]:
        if not ids:
            return []
        with self._engine.connect() as connection:
            values = {**_instants(now), **open_span(connection, *Platform), "ids": list(ids)}
            found = {
                row["id"]: CompanyHealth(**row)
                for row in rows_of(connection.execute(_SQL["health"], values))
            }
        return [found[id_] for id_ in ids if id_ in found]

    def open_incidents(self) -> OpenIncidents:
        """Counted over everything."""
        with self._engine.connect() as connection:
            return OpenIncidents(*connection.execute(_SQL["open_incidents"]).one())

    def sending(self) -> Mapping[Platform, Sending]:
        """What each platform's drains hold."""
        with self._engine.connect() as connection:
            within = open_span(connection, *Platform)
            rows = connection.execute(_SQL["drains"], within).all()
        return {Platform(row.platform): Sending(row.drains, row.sending) for row in rows}


def _instants(now: datetime) -> dict[str, Any]:
    late: timedelta = OVERDUE_AFTER
    return {"now": now, "late_before": now - late, "failing_from": FAILING_FROM}
