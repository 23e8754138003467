"""Attempts as the log has them."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import text

from impact_in_pipelines.db.engine import rows_as_json
from integration.sla.logs import Log, Row


def attempt(
    row: Row,
    number: int,
    began: datetime,
    outcome: str,
    ms: float | None,
    kind: str | None = None,
    *,
    old: bool = False,
) -> dict[str, Any]:
    """An attempt as the log has it; an `old` one is from before there were months."""
    return {
        "id": uuid4(),
        "delivery_id": row.id,
        "number": number,
        "started_at": began,
        "finished_at": None if ms is None else began + timedelta(milliseconds=ms),
        "outcome": outcome,
        "error_kind": kind,
        "latency_ms": ms,
        "due_at": "-infinity" if old else row.at,
        "row": row,
    }


def write_attempts(log: Log, tries: Iterable[dict[str, Any]]) -> None:
    """Add them to the log."""
    found = [{name: one[name] for name in one if name != "row"} for one in tries]
    with log.engine.begin() as connection:
        connection.execute(text(_INSERT), {"rows": rows_as_json(found)})


_INSERT = """
INSERT INTO delivery_attempts
    (id, delivery_id, number, started_at, finished_at, outcome, error_kind, latency_ms, due_at)
SELECT id, delivery_id, number, started_at, finished_at, outcome, error_kind, latency_ms, due_at
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
    id uuid, delivery_id uuid, number int, started_at timestamptz, finished_at timestamptz,
    outcome text, error_kind text, latency_ms float8, due_at timestamptz)"""
