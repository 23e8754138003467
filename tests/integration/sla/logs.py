"""Delivery logs to measure: rows written as they are, and what must be counted of them, computed here in
plain Python from the definitions of docs/sla.md rather than by the statements under test."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, text

from impact_in_pipelines.db.engine import rows_as_json
from impact_in_pipelines.db.sla.rollup import SlaRollup
from impact_in_pipelines.db.sla.statuses import SlaStatuses
from impact_in_pipelines.db.sla.thresholds import SlaThresholds
from impact_in_pipelines.settings import read_settings
from impact_in_pipelines.sla.metrics import COUNTERS

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
TODAY = NOW.date()
OVERDUE_AFTER = timedelta(minutes=5)
OPEN = ("pending", "in_progress", "retrying")
DUE = ("successful", "failed", "missed", "overdue")
LATENCY_TARGET_MS = 300_000


def ago(**span: float) -> datetime:
    """`ago(hours=2)`: two hours before now."""
    return NOW - timedelta(**span)


@dataclass(frozen=True)
class Row:
    """One delivery. `late` is when its first attempt started, after `at`; None: no attempt is recorded."""

    company: UUID
    at: datetime
    status: str = "success"
    platform: str = "benevity"
    trigger: str = "schedule"
    attempts: int = 1
    took: timedelta = timedelta(seconds=20)
    failed_after: timedelta | None = None
    next_attempt: datetime | None = None
    late: timedelta | None = None
    payload_bytes: int | None = 900
    schedule_id: UUID | None = None
    error_kind: str | None = None
    last_error: str | None = None
    http_status: int | None = None
    id: UUID = field(default_factory=uuid.uuid4)

    @property
    def delivered_at(self) -> datetime | None:
        return self.at + self.took if self.status == "success" else None

    @property
    def failed_at(self) -> datetime | None:
        if self.failed_after is None:
            return self.at + timedelta(minutes=38) if self.status == "failed" else None
        return self.at + self.failed_after

    @property
    def fate(self) -> str:
        if self.status == "cancelled" and self.failed_at is None:
            return "cancelled"
        if self.trigger == "replay":
            return "replayed"
        if self.failed_at is not None:
            return "failed"
        if self.status in OPEN:
            wanted = self.at if self.attempts == 0 else self.next_attempt
            return "overdue" if wanted and wanted < NOW - OVERDUE_AFTER else "pending"
        return {"success": "successful"}.get(self.status, self.status)

    @property
    def day(self) -> date:
        return self.at.astimezone(UTC).date()


@dataclass
class Log:
    """A database with companies, and the stores that read its log."""

    engine: Engine

    def __post_init__(self) -> None:
        settings = read_settings({})
        self.sla = SlaStatuses(self.engine, settings)
        self.thresholds = SlaThresholds(self.engine, settings)
        self.rollup = SlaRollup(self.engine, settings)

    def company(self, slug: str, *, active: bool = True) -> UUID:
        """A new company."""
        id_: UUID = self.one(
            "INSERT INTO companies (slug, name, active) VALUES (:slug, upper(:slug), :active) RETURNING id",
            slug=slug,
            active=active,
        )
        return id_

    def schedule(
        self,
        company: UUID,
        platform: str = "benevity",
        *,
        next_run: datetime = NOW + timedelta(days=1),
        active: bool = True,
        deleted_at: datetime | None = None,
    ) -> UUID:
        """A daily schedule."""
        id_: UUID = self.one(
            """INSERT INTO scheduled_deliveries (company_id, platform, schedule, next_run, active,
                   deleted_at, fired_until, covered_until)
               VALUES (:company, :platform, '0 0 * * *', :next_run, :active, :deleted_at, :now, :now)
               RETURNING id""",
            company=company,
            platform=platform,
            next_run=next_run,
            active=active,
            deleted_at=deleted_at,
            now=NOW,
        )
        return id_

    def one(self, statement: str, **values: Any) -> Any:
        """The first value that a statement returns, if it returns anything."""
        with self.engine.begin() as connection:
            result = connection.execute(text(statement), values)
            return result.scalar() if result.returns_rows else None

    def write(self, rows: Iterable[Row], *, updated_at: datetime = NOW) -> None:
        """Add deliveries, with an attempt for each that has a `late`."""
        found = [
            {
                **{
                    name: getattr(row, name)
                    for name in (
                        *("id", "platform", "trigger", "status", "schedule_id", "payload_bytes"),
                        *("delivered_at", "failed_at", "error_kind", "last_error", "http_status"),
                    )
                },
                "company_id": row.company,
                "scheduled_for": row.at,
                "attempt_count": row.attempts,
                "next_attempt_at": row.next_attempt,
                "started_at": row.at + row.late if row.late is not None else None,
            }
            for row in rows
        ]
        with self.engine.begin() as connection:
            connection.execute(
                text(_INSERT), {"rows": rows_as_json(found), "updated_at": updated_at}
            )
            connection.execute(text(_ATTEMPTS), {"rows": rows_as_json(found)})

    def forget(self) -> None:
        """Empty the log, the schedules, the companies and the rollup."""
        with self.engine.begin() as connection:
            connection.execute(text("TRUNCATE companies, sla_days CASCADE"))


_COLUMNS = """id uuid, company_id uuid, platform text, trigger text, status text, schedule_id uuid,
    payload_bytes int, scheduled_for timestamptz, attempt_count int, next_attempt_at timestamptz,
    delivered_at timestamptz, failed_at timestamptz, started_at timestamptz, error_kind text,
    last_error text, http_status int"""
_INSERT = f"""
INSERT INTO impact_deliveries (id, company_id, platform, trigger, status, schedule_id, period_start,
    period_end, scheduled_for, payload_bytes, idempotency_key, attempt_count, next_attempt_at,
    delivered_at, failed_at, error_kind, last_error, http_status, updated_at)
SELECT id, company_id, platform, trigger, status, schedule_id, scheduled_for, scheduled_for,
       scheduled_for, payload_bytes, id, attempt_count, next_attempt_at, delivered_at, failed_at,
       error_kind, last_error, http_status, :updated_at
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r({_COLUMNS})"""
_ATTEMPTS = f"""
INSERT INTO delivery_attempts (delivery_id, number, started_at, outcome)
SELECT id, n, started_at + (n - 1) * interval '6 minutes', 'retryable'
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r({_COLUMNS}), generate_series(1, attempt_count) n
WHERE started_at IS NOT NULL"""


def expected(rows: Sequence[Row]) -> dict[str, int | None]:
    """The counters of `rows`, by the definitions."""
    attempts = [
        (row, counted_attempts(row)) for row in rows if row.fate not in ("cancelled", "replayed")
    ]
    made = [n for _, n in attempts if n > 0]
    sizes = [row.payload_bytes for row in rows if row.payload_bytes is not None]
    latencies = [
        ms(row.took) for row in rows if row.fate == "successful" and row.trigger != "backfill"
    ]
    lateness = [
        ms(row.late)
        for row in rows
        if row.late is not None and row.attempts > 0 and row.trigger not in ("backfill", "replay")
    ]
    successes = [n for row, n in attempts if row.fate == "successful"]
    failures = [n for row, n in attempts if row.fate == "failed"]
    fates = [row.fate for row in rows]
    return {
        **{
            fate: fates.count(fate)
            for fate in (
                *("successful", "failed", "missed", "overdue", "skipped", "pending", "cancelled"),
                "replayed",
            )
        },
        "timed": sum(row.fate in DUE and row.trigger != "backfill" for row in rows),
        "on_time": sum(taken <= LATENCY_TARGET_MS for taken in latencies),
        "recovered": sum(row.fate == "failed" and row.status == "success" for row in rows),
        "retried": sum(n > 1 for _, n in attempts),
        "retried_successful": sum(n > 1 for n in successes),
        "retried_failed": sum(n > 1 for n in failures),
        "retry_1": successes.count(2),
        "retry_2": successes.count(3),
        "retry_3": successes.count(4),
        "retry_later": sum(n > 4 for n in successes),
        **summed("attempts", made),
        **summed("payload_bytes", sizes),
        **summed("latency_ms", latencies),
        **summed("lateness_ms", lateness),
    }


def counted_attempts(row: Row) -> int:
    """Of a failure those that started up to it, as far as the log has them."""
    if row.fate != "failed" or row.late is None or row.attempts == 0:
        return row.attempts
    assert row.failed_at is not None
    starts = [row.at + row.late + n * timedelta(minutes=6) for n in range(row.attempts)]
    return sum(start <= row.failed_at for start in starts)


def summed(name: str, values: Sequence[int]) -> dict[str, int | None]:
    return {
        f"{name}_sum": sum(values),
        f"{name}_n": len(values),
        f"{name}_max": max(values, default=None),
    }


def ms(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)


def counters(row: Any) -> dict[str, int | None]:
    """The counters in a row of the rollup."""
    return {name: None if row[name] is None else int(row[name]) for name in COUNTERS}
