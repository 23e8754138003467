"""What became of each day of a company, read from the log."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import Engine

from impact_in_pipelines.db.queries import load
from impact_in_pipelines.platforms import Platform

_SQL = load("deliveries/calendar")


@dataclass(frozen=True, slots=True)
class ReportedDay:
    """A local day that some delivery covers: the best `state` (`arrived`, `corrected`, `waiting`, `held`,
    `failed`, `missed` or `cancelled`) that a delivery came to, that delivery, and how many cover it."""

    platform: Platform
    day: date
    state: str
    id: UUID
    deliveries: int


class CalendarReader:
    """Reads whole spans of days by one statement each."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def reported(self, company_id: UUID, first: date, last: date) -> list[ReportedDay]:
        """The days from `first` to `last` that deliveries cover, by platform and day."""
        values = {"company_id": company_id, "first": first, "last": last}
        with self._engine.connect() as connection:
            rows = connection.execute(_SQL["calendar"], values).all()
        return [
            ReportedDay(Platform(row.platform), row.day, row.state, row.id, row.deliveries)
            for row in rows
        ]

    def begun(self, company_id: UUID) -> Mapping[Platform, date]:
        """The first day that was ever to be reported to each platform that has a delivery."""
        with self._engine.connect() as connection:
            rows = connection.execute(_SQL["begun"], {"company_id": company_id}).all()
        return {Platform(row.platform): row.first_day for row in rows}

    def days_with_figures(self, company_id: UUID, first: date, last: date) -> frozenset[date]:
        """The days of the span that have events."""
        values = {"company_id": company_id, "first": first, "last": last}
        with self._engine.connect() as connection:
            return frozenset(connection.scalars(_SQL["days_with_figures"], values))
