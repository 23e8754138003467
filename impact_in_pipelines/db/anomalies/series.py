"""Reads the daily series of everybody as arrays, for the search for anomalies. Statements: series.sql."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import Engine

from impact_in_pipelines.anomalies.model import Floats
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.platforms import Platform

_SQL = load("anomalies/series")


@dataclass(frozen=True, slots=True)
class SeriesTable:
    """Arrays of one line a key (`keys`) and one column a day; NaN where there is no row."""

    keys: Sequence[tuple[UUID | None, Platform | None]]
    columns: Sequence[Floats]


class AnomalySeries:
    """`first` and `last` are inclusive days; only the series of `companies` are returned."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def deliveries(self, first: date, last: date, companies: Collection[UUID]) -> SeriesTable:
        """Due, and of them not arrived, by company and platform."""
        return self._table("deliveries", first, last, companies, 2)

    def answers(self, first: date, last: date, companies: Collection[UUID]) -> SeriesTable:
        """How long calls took on average (µs), by company and platform."""
        return self._table("answers", first, last, companies, 1)

    def figures(self, first: date, last: date, companies: Collection[UUID]) -> SeriesTable:
        """Events and hours by company; days are the company's own."""
        return self._table("figures", first, last, companies, 2)

    def rescheduled(self, since: datetime) -> Mapping[UUID, datetime]:
        """When the schedules of each company were last changed, of those changed since `since`."""
        with self._engine.connect() as connection:
            found = connection.execute(_SQL["rescheduled"], {"since": since})
            return {row.company_id: row.at for row in found}

    def _table(
        self, name: str, first: date, last: date, companies: Collection[UUID], columns: int
    ) -> SeriesTable:
        with self._engine.connect() as connection:
            connection.exec_driver_sql("SET LOCAL work_mem = '64MB'")
            rows = connection.execute(_SQL[name], {"first": first, "last": last}).mappings().all()
        # Not by a join: on a server without statistics that was a look into the index for each day of each.
        rows = [row for row in rows if row["company_id"] in companies]
        return unpacked(rows, (last - first).days + 1, columns)


def unpacked(rows: Sequence[Mapping[Any, Any]], days: int, columns: int) -> SeriesTable:
    """The arrays of packed rows: of each day its number and the values, as four bytes each."""
    width = 1 + columns
    packed = [bytes(row["packed"]) for row in rows]
    numbers = np.frombuffer(b"".join(packed), dtype=">i4").reshape(-1, width)
    line = np.repeat(np.arange(len(rows)), [len(one) // (4 * width) for one in packed])
    arrays = []
    for column in range(1, width):
        array = np.full((len(rows), days), np.nan)
        array[line, numbers[:, 0]] = numbers[:, column]
        arrays.append(array)
    keys = [
        (row["company_id"], Platform(row["platform"]) if "platform" in row else None)
        for row in rows
    ]
    return SeriesTable(keys, arrays)
