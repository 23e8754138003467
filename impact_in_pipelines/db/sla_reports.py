"""Weekly and monthly reports: read for all companies at once, put together one by one, stored as JSON.

Statements: sql/sla.sql. Whoever makes a report refreshes `sla_daily` first: trends and days come from it.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from impact_in_pipelines.db import sla_sql
from impact_in_pipelines.db.companies import Company
from impact_in_pipelines.db.engine import rows_as_json, rows_of
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.db.sla_rollup import SlaRollup
from impact_in_pipelines.db.sla_store import SlaStore
from impact_in_pipelines.errors import NotFound
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.settings import Settings
from impact_in_pipelines.sla.assessing import Assessment, ScopeKey
from impact_in_pipelines.sla.budget import ErrorBudget
from impact_in_pipelines.sla.document import document
from impact_in_pipelines.sla.model import Severity, Window
from impact_in_pipelines.sla.recommending import LATE_MS, recommend
from impact_in_pipelines.sla.report import (
    TREND_PERIODS,
    Cause,
    CrowdedMinute,
    DayPoint,
    Facts,
    IncidentLine,
    MaintenanceLine,
    Report,
    company_line,
    trend_point,
    worst_first,
)
from impact_in_pipelines.sla.thresholds import ThresholdBook, Thresholds
from impact_in_pipelines.sla.windows import ReportPeriod, before, midnight

_SQL = load("sla")
_FEWEST_AT_A_MINUTE = 3
_SAVED_AT_ONCE = 100
_HISTORY = timedelta(days=400)

Document = dict[str, Any]
Rows = list[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class StoredReport:
    """A report that can be read: its period and when it was made."""

    period: ReportPeriod
    starts_on: date
    ends_on: date
    created_at: datetime


class SlaReports:
    """Makes, stores and finds reports."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._store = SlaStore(engine, settings)
        self._rollup = SlaRollup(engine, settings)

    def generate_weekly_sla_report(
        self, company: Company | None, week: Window, *, now: datetime
    ) -> Document:
        """Make and store the report of a week (Monday to Sunday, UTC) on `company`, or on all (None);
        returns it as JSON data (docs/sla.md, "Reports")."""
        return self._one(ReportPeriod.WEEKLY, company, week, now)

    def generate_monthly_sla_report(
        self, company: Company | None, month: Window, *, now: datetime
    ) -> Document:
        """The same of a calendar month (UTC)."""
        return self._one(ReportPeriod.MONTHLY, company, month, now)

    def generate_all(self, period: ReportPeriod, window: Window, *, now: datetime) -> Document:
        """Make and store the reports of every company and the one on all, which is returned.

        One pass over the log for all of them. Made again, a report replaces the one that was there.
        """
        self._refresh(window, now)
        reading = self._read(period, window, now, None)
        overall = document(reading.report(None))
        rows = [{"company_id": None, "report": overall}]
        for company_id in reading.assessment.company_ids():
            rows.append({"company_id": company_id, "report": document(reading.report(company_id))})
            if len(rows) >= _SAVED_AT_ONCE:
                self._save(period, window, rows, now)
                rows = []
        self._save(period, window, rows, now)
        return overall

    def stored(self, company: Company | None, period: ReportPeriod, starts_on: date) -> Document:
        """The stored report. Raises `NotFound`."""
        with self._engine.connect() as connection:
            found: Document | None = connection.scalar(
                _SQL["stored_report"],
                {
                    "company_id": company.id if company else None,
                    "period": period.value,
                    "starts_on": starts_on,
                },
            )
        if found is None:
            whom = company.slug if company else "all companies"
            raise NotFound(
                f"no {period.value} report on {whom} that starts on {starts_on}; make it with: impact-in "
                f"sla report --period {period.value} --start {starts_on}"
            )
        return found

    def listed(
        self, company: Company | None, period: ReportPeriod | None = None, limit: int = 52
    ) -> list[StoredReport]:
        """What there is to read about `company`, or about all, newest first."""
        with self._engine.connect() as connection:
            rows = connection.execute(
                _SQL["stored_reports"],
                {
                    "company_id": company.id if company else None,
                    "period": period.value if period else None,
                    "limit": limit,
                },
            )
            return [
                StoredReport(ReportPeriod(row.period), row.starts_on, row.ends_on, row.created_at)
                for row in rows
            ]

    def _one(
        self, period: ReportPeriod, company: Company | None, window: Window, now: datetime
    ) -> Document:
        self._refresh(window, now)
        company_id = company.id if company else None
        report = document(self._read(period, window, now, company_id).report(company_id))
        self._save(period, window, [{"company_id": company_id, "report": report}], now)
        return report  # type: ignore[no-any-return]

    def _refresh(self, window: Window, now: datetime) -> None:
        self._rollup.refresh(min(window.start.date(), (now - _HISTORY).date()), now)

    def _save(
        self, period: ReportPeriod, window: Window, rows: Sequence[Document], now: datetime
    ) -> None:
        if not rows:
            return
        with self._engine.begin() as connection:
            connection.execute(
                _SQL["save_report"],
                {
                    "rows": rows_as_json(list(rows)),
                    "period": period.value,
                    "starts_on": window.start.date(),
                    "ends_on": window.end.date() - timedelta(days=1),
                    "now": now,
                },
            )

    def _read(
        self, period: ReportPeriod, window: Window, now: datetime, company_id: UUID | None
    ) -> "_Reading":
        at = min(now, window.end)
        assessment = self._store.assess(window, now, company_id=company_id)
        budgets = self._store.error_budgets(at, company_id=company_id)
        parameters = self._store.parameters(window, now, company_id)
        with self._engine.begin() as connection:
            connection.execute(_SQL["roomy"])
            return _Reading(
                period=period,
                now=now,
                assessment=assessment,
                budgets=budgets,
                book=self._store.thresholds(),
                names=_names(connection, company_id),
                trends=_trends(connection, period, window, company_id),
                rows=_rows(connection, window, parameters),
            )


@dataclass(frozen=True, slots=True)
class _Rows:
    """What the statements found, by company (None: of all companies together)."""

    causes: Mapping[UUID | None, Rows]
    crowded: Mapping[UUID | None, Rows]
    days: Mapping[UUID | None, Rows]
    buckets: Mapping[UUID | None, Rows]
    incidents: Rows
    maintenance: Rows


@dataclass(frozen=True, slots=True)
class _Reading:
    period: ReportPeriod
    now: datetime
    assessment: Assessment
    budgets: Mapping[ScopeKey, ErrorBudget]
    book: ThresholdBook
    names: Mapping[UUID | None, str]
    trends: Mapping[UUID | None, Mapping[date, Mapping[str, Any]]]
    rows: _Rows

    def report(self, company_id: UUID | None) -> Report:
        """The report on one company, or on all."""
        status = self.assessment.status(company_id)
        thresholds = self.book.of(company_id)
        facts = self._facts(company_id)
        return Report(
            period=self.period,
            window=self.assessment.window,
            company=status.company,
            company_name=self.names[company_id] if company_id else "All companies",
            generated_at=self.now,
            provisional=status.overall.metrics.pending + status.overall.metrics.overdue,
            thresholds=thresholds,
            facts=facts,
            recommendations=recommend(facts, thresholds, status.company),
        )

    def _facts(self, company_id: UUID | None) -> Facts:
        status = self.assessment.status(company_id)
        trend, rows = self.trends.get(company_id, {}), self.rows
        buckets = rows.buckets.get(company_id)
        return Facts(
            overall=status.overall,
            by_platform=status.by_platform,
            budget=self.budgets.get((company_id, None)),
            budget_by_platform={
                platform: self.budgets[company_id, platform]
                for platform in Platform
                if (company_id, platform) in self.budgets
            },
            trend=[
                trend_point(starts_on, trend.get(starts_on))
                for starts_on in _trend_starts(self.period, self.assessment.window)
            ],
            days=_day_points(self.assessment.window, rows.days.get(company_id, [])),
            latency_buckets=[int(n) for n in buckets[0]["latency_ms_buckets"]] if buckets else [],
            causes=[_cause(row) for row in rows.causes.get(company_id, [])],
            crowded=[_crowded(row) for row in rows.crowded.get(company_id, [])],
            incidents=[
                _incident(row, self.assessment.window, self.now)
                for row in rows.incidents
                if company_id is None or row["company_id"] in (None, company_id)
            ],
            maintenance=[
                _maintenance(row)
                for row in rows.maintenance
                if company_id is None or row["company_id"] in (None, company_id)
            ],
            companies=[] if company_id else self._worst(),
        )

    def _worst(self) -> list[Any]:
        scopes = self.assessment.scopes
        return worst_first(
            [
                company_line(self.assessment.slugs[id_], scopes[id_, None])
                for id_ in self.assessment.company_ids()
                if (id_, None) in scopes
            ]
        )


def _rows(connection: Connection, window: Window, parameters: Mapping[str, Any]) -> _Rows:
    days = {
        "first": window.start.date(),
        "last": window.end.date() - timedelta(days=1),
        "company_id": parameters["company_id"],
    }
    late = {"late_ms": LATE_MS, "fewest": _FEWEST_AT_A_MINUTE}
    return _Rows(
        causes=_by_company(connection.execute(sla_sql.CAUSES, parameters)),
        crowded=_by_company(connection.execute(sla_sql.CROWDED, {**parameters, **late})),
        days=_by_company(connection.execute(_SQL["days"], days)),
        buckets=_by_company(connection.execute(sla_sql.HISTOGRAMS, days)),
        incidents=rows_of(connection.execute(_SQL["incidents_within"], parameters)),
        maintenance=rows_of(connection.execute(_SQL["maintenance_within"], parameters)),
    )


def _by_company(result: Any) -> dict[UUID | None, Rows]:
    found: defaultdict[UUID | None, Rows] = defaultdict(list)
    for row in rows_of(result):
        found[row["company_id"]].append(row)
    return found


def _names(connection: Connection, company_id: UUID | None) -> dict[UUID | None, str]:
    rows = connection.execute(_SQL["listed_companies"], {"company_id": company_id})
    return {row.id: row.name for row in rows}


def _trend_starts(period: ReportPeriod, window: Window) -> list[date]:
    windows = [window]
    for _ in range(TREND_PERIODS):
        windows.append(before(period, windows[-1]))
    return [each.start.date() for each in reversed(windows)]


def _trends(
    connection: Connection, period: ReportPeriod, window: Window, company_id: UUID | None
) -> dict[UUID | None, dict[date, Mapping[str, Any]]]:
    starts = _trend_starts(period, window)
    ends = [*starts[1:], window.end.date()]
    periods = [
        {"starts_on": first, "ends_on": after - timedelta(days=1)}
        for first, after in zip(starts, ends, strict=True)
    ]
    found: defaultdict[UUID | None, dict[date, Mapping[str, Any]]] = defaultdict(dict)
    rows = connection.execute(
        sla_sql.TRENDS, {"periods": rows_as_json(periods), "company_id": company_id}
    )
    for row in rows_of(rows):
        found[row["company_id"]][row["starts_on"]] = row
    return found


def _day_points(window: Window, rows: Rows) -> list[DayPoint]:
    known = {row["day"]: row for row in rows}
    count = (window.end - window.start).days
    days = [window.start.date() + timedelta(days=n) for n in range(count)]
    return [
        DayPoint(day, int(known[day]["successful"]), int(known[day]["not_arrived"]))
        if day in known
        else DayPoint(day, 0, 0)
        for day in days
    ]


def _cause(row: Mapping[str, Any]) -> Cause:
    values = {name: value for name, value in row.items() if name != "company_id"}
    return Cause(**{**values, "platform": Platform(row["platform"])})


def _crowded(row: Mapping[str, Any]) -> CrowdedMinute:
    return CrowdedMinute(
        Platform(row["platform"]),
        row["at"],
        row["deliveries"],
        float(row["average_lateness_ms"]),
        float(row["max_lateness_ms"]),
    )


def _incident(row: Mapping[str, Any], window: Window, now: datetime) -> IncidentLine:
    until = row["closed_at"] or now
    return IncidentLine(
        id=row["id"],
        type=row["type"],
        severity=Severity(row["severity"]),
        company=row["company"],
        platform=Platform(row["platform"]) if row["platform"] else None,
        opened_at=row["opened_at"],
        closed_at=row["closed_at"],
        duration_ms=max(0.0, (until - row["opened_at"]).total_seconds() * 1000),
        low_confidence=row["low_confidence"],
        muted_by=row["muted_by"],
    )


def _maintenance(row: Mapping[str, Any]) -> MaintenanceLine:
    values = {name: value for name, value in row.items() if name != "company_id"}
    return MaintenanceLine(
        **{**values, "platform": Platform(row["platform"]) if row["platform"] else None}
    )
