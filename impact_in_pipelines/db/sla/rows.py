"""Rows of the SLA's statements as the rules' types: what statuses and the watch both read."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, TextClause

from impact_in_pipelines.db.engine import rows_as_json, rows_of
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sla.assessing import Burn, ScopeKey, SinceKey
from impact_in_pipelines.sla.budget import BURN_WINDOWS, Errors
from impact_in_pipelines.sla.metrics import metrics_of
from impact_in_pipelines.sla.model import Metrics, Window
from impact_in_pipelines.sla.rules import Streak
from impact_in_pipelines.sla.thresholds import ThresholdBook, Thresholds

_SQL, _THRESHOLDS = load("sla/statuses"), load("sla/thresholds")
_SLACK = timedelta(days=1)
"""A delivery that came to its end in a window may have been due before it began."""

Parameters = Mapping[str, Any]


def platform_of(text: str | None) -> Platform | None:
    """None stands for all platforms."""
    return Platform(text) if text else None


def key_of(row: Mapping[str, Any]) -> ScopeKey:
    """The scope that a row is about."""
    return row["company_id"], platform_of(row["platform"])


def burn_of(row: Mapping[str, Any], spans: Sequence[timedelta] = BURN_WINDOWS) -> Burn:
    """The errors in each of `spans`, the longest of which is the last."""
    errors = {span: Errors(row[f"due_{n}"], row[f"errors_{n}"]) for n, span in enumerate(spans)}
    return Burn(errors, row[f"since_{len(spans) - 1}"])


def metrics_in(row: Mapping[str, Any]) -> Metrics:
    """The metrics that a row of `measure` says."""
    counters = dict(row)
    for name in ("latency", "lateness"):
        p50, p95 = row[f"{name}_percentiles"] or (None, None)
        counters |= {f"{name}_ms_p50": p50, f"{name}_ms_p95": p95}
    return metrics_of(counters, oldest_overdue=row["oldest_overdue"])


def back(now: datetime, by: timedelta) -> Window:
    """From `by` before `now`, and some slack, until `now` inclusive."""
    return Window(now - by - _SLACK, now + timedelta(microseconds=1))


def slugs(connection: Connection, company_ids: Sequence[UUID] | None) -> dict[UUID, str]:
    """The slugs of some companies, or of all (None)."""
    rows = connection.execute(_SQL["slugs"], {"company_ids": company_ids})
    return {row.id: row.slug for row in rows}


def threshold_book(
    connection: Connection, defaults: Thresholds, company_ids: Sequence[UUID] | None
) -> ThresholdBook:
    """The thresholds in force for some companies, or for all (None)."""
    rows = rows_of(connection.execute(_THRESHOLDS["thresholds"], {"company_ids": company_ids}))
    return ThresholdBook(defaults, {key_of(row): row["thresholds"] for row in rows})


def streaks(connection: Connection, statement: TextClause, parameters: Parameters) -> list[Streak]:
    """Failures in a row, by schedule."""
    rows = rows_of(connection.execute(statement, parameters))
    return [Streak(**{**row, "platform": Platform(row["platform"])}) for row in rows]


def since_when(
    connection: Connection,
    statement: TextClause,
    wanted: Sequence[SinceKey],
    parameters: Parameters,
) -> dict[SinceKey, datetime]:
    """Since when each of `wanted` has been wrong; those of which nobody knows are absent."""
    keys = [{"n": n, **asdict(key)} for n, key in enumerate(wanted)]
    rows = connection.execute(statement, {**parameters, "keys": rows_as_json(keys)})
    return {wanted[row.n]: row.since for row in rows if row.since is not None}


def only(company_id: UUID | None) -> list[UUID] | None:
    """One company, or all (None), as statements are told which."""
    return None if company_id is None else [company_id]


def parameters(
    window: Window, now: datetime, defaults: Thresholds, company_id: UUID | None
) -> dict[str, Any]:
    """What every statement over a window is given; `:unplanned` (no fires) is for whoever knows some. Whoever
    asks about several companies puts `company_ids` of its own in place."""
    return {
        "start": window.start,
        "end": window.end,
        "now": now,
        "company_id": company_id,
        "company_ids": only(company_id),
        "overdue_after_minutes": defaults.overdue_after_minutes,
        "latency_target_ms": defaults.latency_target_ms,
        "unplanned": "[]",
    }
