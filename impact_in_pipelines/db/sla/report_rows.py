"""What a report is read from, for all companies at once, and how it becomes the report on one of them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from impact_in_pipelines.db.engine import rows_as_json, rows_of
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.db.sla import statements as sla_sql
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sla.assessing import Assessment, ScopeKey
from impact_in_pipelines.sla.budget import ErrorBudget
from impact_in_pipelines.sla.model import Severity, Window
from impact_in_pipelines.sla.reports.recommending import LATE_MS, recommend
from impact_in_pipelines.sla.reports.report import (
    TREND_PERIODS,
    CompanyLine,
    CrowdedMinute,
    Facts,
    FailureCause,
    IncidentLine,
    MaintenanceLine,
    Report,
    company_line,
    day_points,
    trend_end,
    trend_point,
    worst_first,
)
from impact_in_pipelines.sla.thresholds import ThresholdBook
from impact_in_pipelines.sla.windows import ReportKind, days_of, midnight, trend_windows

_SQL = load("sla/reports")
FEWEST_AT_A_MINUTE = 3

Found = list[Mapping[str, Any]]
Trends = Mapping[UUID | None, Mapping[datetime, Mapping[str, Any]]]
"""Counters by company (None: all), then by the beginning of their period."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What the statements found, by company (None: of all companies together)."""

    causes: Mapping[UUID | None, Found]
    crowded: Mapping[UUID | None, Found]
    days: Mapping[UUID | None, Found]
    happenings: "Happenings"


@dataclass(frozen=True, slots=True)
class Happenings:
    """The incidents and the maintenance windows of a window, everybody's or those of one company."""

    incidents: Found
    maintenance: Found


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything that was read for the reports on a window."""

    kind: ReportKind
    now: datetime
    assessment: Assessment
    budgets: Mapping[ScopeKey, ErrorBudget]
    book: ThresholdBook
    names: Mapping[UUID | None, str]
    trends: Trends
    rows: Rows
    worst: Sequence[CompanyLine]
    """The companies in trouble, of all."""

    def report(self, company_id: UUID | None) -> Report:
        """The report on one company, or on all."""
        status = self.assessment.status(company_id)
        thresholds = self.book.of(company_id)
        facts = self._facts(company_id)
        return Report(
            kind=self.kind,
            window=self.assessment.window,
            company_id=company_id,
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
        window, rows = self.assessment.window, self.rows
        trend, days = self.trends.get(company_id, {}), rows.days.get(company_id, [])
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
                *(
                    trend_point(earlier, trend.get(earlier.start))
                    for earlier in trend_windows(self.kind, window, TREND_PERIODS)
                ),
                trend_end(window, status.overall.metrics),
            ],
            days=day_points(*days_of(window), days),
            latency_buckets=_added_buckets(days),
            causes=[_cause(row) for row in rows.causes.get(company_id, [])],
            crowded=[_crowded(row) for row in rows.crowded.get(company_id, [])],
            incidents=[
                _incident(row, self.now)
                for row in rows.happenings.incidents
                if company_id is None or row["company_id"] in (None, company_id)
            ],
            maintenance=[
                _maintenance(row)
                for row in rows.happenings.maintenance
                if company_id is None or row["company_id"] in (None, company_id)
            ],
            companies=[] if company_id else self.worst,
        )


def worst_of(assessment: Assessment, others: Sequence[CompanyLine] = ()) -> list[CompanyLine]:
    """The companies in trouble among those of `assessment` and `others`, the worst first."""
    scopes = assessment.scopes
    lines = [
        company_line(assessment.slugs[id_], scopes[id_, None])
        for id_ in assessment.company_ids()
        if (id_, None) in scopes
    ]
    return worst_first([*others, *lines])


def read_rows(connection: Connection, parameters: Mapping[str, Any]) -> Rows:
    """What the reports on one window list; `parameters` are those of the window."""
    late = {**parameters, "late_ms": LATE_MS, "fewest": FEWEST_AT_A_MINUTE}
    return Rows(
        causes=by_company(connection.execute(sla_sql.CAUSES, parameters)),
        crowded=by_company(connection.execute(sla_sql.CROWDED, late)),
        days=by_company(connection.execute(sla_sql.DAY_COUNTS, parameters)),
        happenings=read_happenings(connection, parameters),
    )


def read_happenings(connection: Connection, parameters: Mapping[str, Any]) -> Happenings:
    """Those of the window of `parameters`."""
    return Happenings(
        rows_of(connection.execute(_SQL["incidents_within"], parameters)),
        rows_of(connection.execute(_SQL["maintenance_within"], parameters)),
    )


def by_company(result: Any) -> dict[UUID | None, Found]:
    """Rows by their `company_id` (None: of all)."""
    found: defaultdict[UUID | None, Found] = defaultdict(list)
    for row in rows_of(result):
        found[row["company_id"]].append(row)
    return found


def read_names(connection: Connection, company_id: UUID | None) -> dict[UUID | None, str]:
    """The name of one company, or of all (None)."""
    rows = connection.execute(_SQL["listed_companies"], {"company_id": company_id})
    return {row.id: row.name for row in rows}


def read_trends(
    connection: Connection, kind: ReportKind, window: Window, parameters: Mapping[str, Any]
) -> Trends:
    """The counters of the periods before `window`, by the instant at which each begins: of whole days from
    `sla_daily`, of others from the log."""
    earlier = trend_windows(kind, window, TREND_PERIODS)
    found: defaultdict[UUID | None, dict[datetime, Mapping[str, Any]]] = defaultdict(dict)
    if kind is ReportKind.ROLLING:
        periods = [{"starts_at": one.start, "ends_at": one.end} for one in earlier]
        values = {
            **parameters,
            "start": earlier[0].start,
            "end": window.start,
            "periods": rows_as_json(periods),
        }
        for row in rows_of(connection.execute(sla_sql.LOG_TRENDS, values)):
            found[row["company_id"]][row["starts_at"].astimezone(UTC)] = row
        return found
    company_id = parameters["company_id"]
    return read_daily_trends(connection, kind, window, company_id, company_id)


def read_daily_trends(
    connection: Connection,
    kind: ReportKind,
    window: Window,
    first_company: UUID | None,
    last_company: UUID | None,
) -> Trends:
    """The same of whole days, of the companies between two (None: of all)."""
    earlier = trend_windows(kind, window, TREND_PERIODS)
    days = [dict(zip(("starts_on", "ends_on"), days_of(one), strict=True)) for one in earlier]
    values = {
        "periods": rows_as_json(days),
        "first_company": first_company,
        "last_company": last_company,
    }
    found: defaultdict[UUID | None, dict[datetime, Mapping[str, Any]]] = defaultdict(dict)
    for row in rows_of(connection.execute(sla_sql.TRENDS, values)):
        found[row["company_id"]][midnight(row["starts_on"])] = row
    return found


def _added_buckets(days: Found) -> list[int]:
    return [
        sum(counts) for counts in zip(*(row["latency_ms_buckets"] for row in days), strict=True)
    ]


def _cause(row: Mapping[str, Any]) -> FailureCause:
    values = {name: value for name, value in row.items() if name != "company_id"}
    return FailureCause(**{**values, "platform": Platform(row["platform"])})


def _crowded(row: Mapping[str, Any]) -> CrowdedMinute:
    return CrowdedMinute(
        Platform(row["platform"]),
        row["at"],
        row["deliveries"],
        float(row["average_lateness_ms"]),
        float(row["max_lateness_ms"]),
    )


def _incident(row: Mapping[str, Any], now: datetime) -> IncidentLine:
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
