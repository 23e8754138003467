"""The SLA in PostgreSQL: what was measured, judged by `sla/`. Statements: sla.sql, statements.py.

One pass over the log measures all companies; nothing here asks once per company.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, TextClause

from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.engine import rows_of
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.db.sla import rows as sla_rows
from impact_in_pipelines.db.sla import statements as sla_sql
from impact_in_pipelines.db.sla.rows import (
    back,
    burn_of,
    key_of,
    platform_of,
    since_when,
    threshold_book,
)
from impact_in_pipelines.delivery.sanitising import sanitised
from impact_in_pipelines.delivery.states import DeliveryStatus, Trigger
from impact_in_pipelines.errors import UsageError
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.settings import Settings
from impact_in_pipelines.sla.assessing import (
    Assessment,
    Burn,
    Measured,
    ScopeKey,
    assess,
    since_wanted,
    with_since,
)
from impact_in_pipelines.sla.budget import (
    BUDGET_DAYS,
    BURN_WINDOWS,
    PRESENT_DAYS,
    ErrorBudget,
    Errors,
    error_budget,
)
from impact_in_pipelines.sla.metrics import metrics_of
from impact_in_pipelines.sla.model import Metrics, SlaStatus, Window
from impact_in_pipelines.sla.thresholds import ThresholdBook, Thresholds, checked
from impact_in_pipelines.sla.windows import rolling, window

_SQL = load("sla/sla")
_BURNS = sla_sql.ends_within(BURN_WINDOWS)
_BUDGET_WINDOWS = (timedelta(days=PRESENT_DAYS), timedelta(days=BUDGET_DAYS))
_BUDGETS = sla_sql.ends_within(_BUDGET_WINDOWS)

TIMELINE_MOST = 100


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One delivery as a timeline shows it; `payload_sample` is its payload without personal data, instants
    are UTC, `latency_ms` is from `scheduled_for` to `delivered_at`."""

    id: UUID
    platform: Platform
    trigger: Trigger
    status: DeliveryStatus
    period_start: date
    period_end: date
    scheduled_for: datetime
    created_at: datetime
    attempt_count: int
    next_attempt_at: datetime | None
    delivered_at: datetime | None
    failed_at: datetime | None
    latency_ms: float | None
    error_kind: str | None
    last_error: str | None
    http_status: int | None
    transaction_id: str | None
    payload_bytes: int | None
    payload_sample: Mapping[str, Any] | None
    duplicate_of: UUID | None
    replay_of: UUID | None
    recovered: bool


@dataclass(frozen=True, slots=True)
class Override:
    """Thresholds of a company (slug; None: all), a platform, or one on the other."""

    company: str | None
    platform: Platform | None
    thresholds: Mapping[str, Any]
    updated_by: str
    updated_at: datetime


class SlaStore:
    """Measures and judges; writes nothing but thresholds."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._defaults = Thresholds.from_settings(settings)
        self._window_days = settings.sla_window_days

    def get_sla_status(
        self,
        company: Company | None,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        now: datetime,
    ) -> SlaStatus:
        """The status of `company`, or of all (None), in `[start, end)`, by default from Monday 00:00 UTC
        until `now`. Raises `UsageError` where the end isn't after the start."""
        company_id = company.id if company else None
        assessment = self.assess(window(now, start, end), now, company_id=company_id)
        return assessment.status(company_id)

    def current(self, now: datetime) -> Assessment:
        """Every company and platform over the last SLA_WINDOW_DAYS days, in one pass; without lateness,
        which no rule judges."""
        return self.assess(rolling(now, self._window_days), now, lateness=False)

    def assess(
        self,
        window: Window,
        now: datetime,
        *,
        company_id: UUID | None = None,
        lateness: bool = True,
    ) -> Assessment:
        """Judge a window at `now`: every company and platform in it, or those of one company."""
        with self._engine.begin() as connection:
            connection.execute(_SQL["roomy"])
            statement = sla_sql.MEASURE if lateness else sla_sql.MEASURE_WITHOUT_LATENESS
            measured = self._measured(connection, statement, window, now, company_id)
            book = self._book(connection, company_id)
            slugs = sla_rows.slugs(connection, company_id)
            assessment = assess(measured, book, slugs, now)
            wanted = since_wanted(assessment)
            if not wanted:
                return assessment
            parameters = self.parameters(window, now, company_id)
            since = since_when(connection, sla_sql.SINCE_WHEN, wanted, parameters)
            return with_since(assessment, since)

    def error_budgets(
        self, now: datetime, *, company_id: UUID | None = None
    ) -> dict[ScopeKey, ErrorBudget]:
        """The error budget of every scope over the 28 days up to `now`, in one pass; scopes in which
        nothing came to its end are absent."""
        with self._engine.connect() as connection:
            book = self._book(connection, company_id)
            rows = rows_of(
                connection.execute(
                    _BUDGETS,
                    self.parameters(back(now, _BUDGET_WINDOWS[-1]), now, company_id),
                )
            )
        return {
            key: error_budget(
                Errors(row["due_1"], row["errors_1"]),
                Errors(row["due_0"], row["errors_0"]),
                book.of(*key),
                now,
            )
            for row in rows
            for key in [key_of(row)]
        }

    def get_delivery_timeline(self, company_id: UUID, limit: int = 30) -> list[TimelineEntry]:
        """The latest `limit` (at most 100) deliveries of a company, the latest due first.

        Raises `UsageError` for a limit outside 1 to 100.
        """
        if not 1 <= limit <= TIMELINE_MOST:
            raise UsageError(f"limit must be from 1 to {TIMELINE_MOST}; it was {limit}")
        with self._engine.connect() as connection:
            rows = rows_of(
                connection.execute(_SQL["timeline"], {"company_id": company_id, "limit": limit})
            )
        return [_entry(row) for row in rows]

    def thresholds(self) -> ThresholdBook:
        """The thresholds in force for every scope."""
        with self._engine.connect() as connection:
            return self._book(connection, None)

    def overrides(self) -> list[Override]:
        """What differs from the settings, by company and platform."""
        with self._engine.connect() as connection:
            rows = rows_of(connection.execute(_SQL["thresholds"], {"company_id": None}))
        return [
            Override(
                row["company"],
                platform_of(row["platform"]),
                row["thresholds"],
                row["updated_by"],
                row["updated_at"],
            )
            for row in rows
        ]

    def set_thresholds(
        self,
        company: Company | None,
        platform: Platform | None,
        values: Mapping[str, Any],
        *,
        now: datetime,
        actor: str = "cli",
    ) -> None:
        """Give a company, a platform, or one on the other its own `values`; none clears them.

        Raises `UsageError` for an unknown name, a number out of range, or neither company nor platform.
        """
        if company is None and platform is None:
            raise UsageError(
                "name a company, a platform or both; for all of them set SLA_… variables"
            )
        action = "set_thresholds" if values else "clear_thresholds"
        parameters = {
            "company_id": company.id if company else None,
            "platform": platform.value if platform else None,
            "thresholds": json.dumps(checked(values)) if values else None,
            "actor": actor,
            "action": action,
            "now": now,
        }
        with self._engine.begin() as connection:
            connection.execute(_SQL["audit_thresholds"], parameters)
            connection.execute(_SQL[action], parameters)

    def _measured(
        self,
        connection: Connection,
        statement: TextClause,
        window: Window,
        now: datetime,
        company_id: UUID | None,
    ) -> Measured:
        parameters = self.parameters(window, now, company_id)
        rows = rows_of(connection.execute(statement, parameters))
        burns: dict[ScopeKey, Burn] = {}
        if window.end >= now:
            burning = self.parameters(back(now, BURN_WINDOWS[-1]), now, company_id)
            found = rows_of(connection.execute(_BURNS, burning))
            burns = {key_of(row): burn_of(row) for row in found}
        return Measured(
            window,
            {key_of(row): _metrics(row) for row in rows},
            sla_rows.streaks(connection, _SQL["streaks"], parameters),
            burns,
        )

    def _book(self, connection: Connection, company_id: UUID | None) -> ThresholdBook:
        return threshold_book(connection, self._defaults, company_id)

    def parameters(self, window: Window, now: datetime, company_id: UUID | None) -> dict[str, Any]:
        return sla_rows.parameters(window, now, self._defaults, company_id)


def _metrics(row: Mapping[str, Any]) -> Metrics:
    counters = dict(row)
    for name in ("latency", "lateness"):
        p50, p95 = row[f"{name}_percentiles"] or (None, None)
        counters |= {f"{name}_ms_p50": p50, f"{name}_ms_p95": p95}
    return metrics_of(counters, oldest_overdue=row["oldest_overdue"])


def _entry(row: Mapping[str, Any]) -> TimelineEntry:
    values = dict(row)
    delivered_at, payload = values["delivered_at"], values.pop("payload")
    values |= {
        "platform": Platform(row["platform"]),
        "trigger": Trigger(row["trigger"]),
        "status": DeliveryStatus(row["status"]),
        "latency_ms": (delivered_at - row["scheduled_for"]).total_seconds() * 1000
        if delivered_at
        else None,
        "payload_sample": sanitised(payload) if payload is not None else None,
        "recovered": row["status"] == "success" and row["failed_at"] is not None,
    }
    return TimelineEntry(**values)
