"""Reads the daily series. Statements: series.sql.

A day without a row had nothing due and no call: it is absent. Today is as the last hourly run has seen it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, TextClause, text

from impact_in_pipelines.analytics.series import Calls, Deliveries, PlatformDay, SeriesDay
from impact_in_pipelines.db.engine import rows_of
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.platforms import Platform

_SQL = load("analytics/series")
_AT_ONCE = 5_000


def _whole(name: str) -> TextClause:
    return text(_SQL[name].text.replace("{series_columns}", _SQL["series_columns"].text))


_OF_COMPANY, _OF_ALL = _whole("of_company"), _whole("of_all")


class SeriesStore:
    """The series of one company, of each, and of all together; `first` and `last` are inclusive UTC days."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of_company(self, company_id: UUID, first: date, last: date) -> list[SeriesDay]:
        """One company's, by platform, then day."""
        values = {"company_id": company_id, "first": first, "last": last}
        with self._engine.connect() as connection:
            return [_day(row) for row in rows_of(connection.execute(_OF_COMPANY, values))]

    def of_all(self, first: date, last: date) -> Iterator[SeriesDay]:
        """Everybody's, by company, platform, then day, as they come from the server."""
        with self._engine.connect() as connection:
            streamed = connection.execution_options(
                stream_results=True, max_row_buffer=_AT_ONCE
            ).execute(_OF_ALL, {"first": first, "last": last})
            for row in streamed.mappings():
                yield _day(row)

    def of_platforms(self, first: date, last: date) -> list[PlatformDay]:
        """All companies together, by platform, then day."""
        with self._engine.connect() as connection:
            rows = rows_of(connection.execute(_SQL["of_platforms"], {"first": first, "last": last}))
        return [
            PlatformDay(
                row["day"],
                Platform(row["platform"]),
                row["companies"],
                deliveries_in(row),
                calls_in(row),
            )
            for row in rows
        ]


def _day(row: Mapping[Any, Any]) -> SeriesDay:
    return SeriesDay(
        row["day"],
        row["company_id"],
        Platform(row["platform"]),
        deliveries_in(row),
        calls_in(row),
    )


def deliveries_in(row: Mapping[Any, Any]) -> Deliveries:
    """What a row says of deliveries."""
    return Deliveries(
        planned=int(row["planned"]),
        succeeded=int(row["succeeded"]),
        failed=int(row["failed"]),
        never_started=int(row["never_started"]),
        timed=int(row["timed"]),
        on_time=int(row["on_time"]),
        latency_ms_sum=int(row["latency_ms_sum"]),
        latency_ms_n=int(row["latency_ms_n"]),
        latency_ms_buckets=[int(n) for n in row["latency_ms_buckets"]],
        payload_bytes=int(row["payload_bytes"]),
    )


def calls_in(row: Mapping[Any, Any]) -> Calls:
    """What a row says of calls, with how long they took and why they failed."""
    return replace(
        call_counts_in(row),
        answers=dict(zip(row["answer_bins"], row["answer_counts"], strict=True)),
        errors=row["errors"] or {},
    )


def call_counts_in(row: Mapping[Any, Any]) -> Calls:
    """What a row without these says of calls."""
    return Calls(
        requests=int(row["requests"]),
        deliveries_sent=int(row["deliveries_sent"]),
        repeats=int(row["repeats"]),
        failed_requests=int(row["failed_requests"]),
        lost=int(row["lost"]),
        answered=int(row["answered"]),
        answer_ms_sum=float(row["answer_ms_sum"]),
    )
