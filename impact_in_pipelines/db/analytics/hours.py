"""Calls by the hour of day, and companies by their calls. Statements: series.sql, rollup.sql."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from impact_in_pipelines.analytics.answers import NO_BIN
from impact_in_pipelines.analytics.hours import HourCalls
from impact_in_pipelines.analytics.model import CompanyCalls
from impact_in_pipelines.analytics.series import Calls
from impact_in_pipelines.db.analytics.series import call_counts_in
from impact_in_pipelines.db.analytics.statements import OWN_HOURS, single_senders
from impact_in_pipelines.db.engine import rows_of
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sla.windows import midnight

_SQL = load("analytics/series")

Hours = Mapping[Platform, list[HourCalls]]
"""By platform, each in the order of the day; platforms and hours without a call are absent."""


class HourStore:
    """Reads hours and companies; `first` and `last` are inclusive UTC days on which deliveries were due."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of_platforms(self, first: date, last: date) -> Hours:
        """Everybody's calls by UTC hour."""
        values = {"first": first, "last": last}
        with self._engine.connect() as connection:
            counts = rows_of(connection.execute(_SQL["calls_of_hours"], values))
            answers = rows_of(connection.execute(_SQL["answers_of_hours"], values))
        return _hours([*counts, *answers], "hour")

    def of_company(
        self, company_id: UUID, first: date, last: date, zone: str
    ) -> tuple[Hours, Hours]:
        """One company's calls by UTC hour, and by the hour in `zone`."""
        values = {
            "company_id": company_id,
            "start": midnight(first),
            "end": midnight(last + timedelta(days=1)),
            "zone": zone,
            "single": single_senders(),
        }
        with self._engine.connect() as connection:
            rows = rows_of(connection.execute(OWN_HOURS, values))
        return _hours(rows, "hour"), _hours(rows, "local_hour")

    def most_calls(self, first: date, last: date, limit: int) -> tuple[list[CompanyCalls], int]:
        """The `limit` companies with the most calls, and how many have called at all."""
        values = {"first": first, "last": last, "limit": limit}
        with self._engine.connect() as connection:
            rows = rows_of(connection.execute(_SQL["most_calls"], values))
        found: dict[str, tuple[str, dict[Platform, Calls]]] = {}
        for row in rows:
            _, platforms = found.setdefault(row["slug"], (row["name"], {}))
            platforms[Platform(row["platform"])] = call_counts_in(row)
        companies = [
            CompanyCalls(slug, name, platforms) for slug, (name, platforms) in found.items()
        ]
        return companies, int(rows[0]["called_by"]) if rows else 0

    def counted_at(self, last: date) -> datetime | None:
        """When the newest day up to `last` was counted."""
        with self._engine.connect() as connection:
            found: datetime | None = connection.scalar(_SQL["counted_at"], {"last": last})
        return found


def _hours(rows: Iterable[Mapping[str, Any]], column: str) -> Hours:
    cells: dict[tuple[Platform, int], tuple[list[int], dict[int, int]]] = {}
    for row in rows:
        counts, answers = cells.setdefault((Platform(row["platform"]), row[column]), ([0, 0], {}))
        counts[0] += int(row.get("requests") or 0)
        counts[1] += int(row.get("failed") or 0)
        bin_ = row.get("bin", NO_BIN)
        if bin_ != NO_BIN:
            answers[bin_] = answers.get(bin_, 0) + int(row["n"] if "n" in row else row["requests"])
    found: dict[Platform, list[HourCalls]] = {}
    for (platform, hour), (counts, answers) in sorted(cells.items()):
        found.setdefault(platform, []).append(HourCalls(hour, counts[0], counts[1], answers))
    return found
