"""What a report is read from, for all companies at once, and how it becomes the report on one of them."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
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
    Cause,
    CompanyLine,
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
from impact_in_pipelines.sla.thresholds import ThresholdBook
from impact_in_pipelines.sla.windows import ReportPeriod, before

_SQL = load("sla/sla")
_FEWEST_AT_A_MINUTE = 3

Found = list[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Rows:
    """What the statements found, by company (None: of all companies together)."""

    causes: Mapping[UUID | None, Found]
    crowded: Mapping[UUID | None, Found]
    days: Mapping[UUID | None, Found]
    buckets: Mapping[UUID | None, Found]
    incidents: Found
    maintenance: Found


@dataclass(frozen=True, slots=True)
class Reading:
    period: ReportPeriod
    now: datetime
    assessment: Assessment
    budgets: Mapping[ScopeKey, ErrorBudget]
    book: ThresholdBook
    names: Mapping[UUID | None, str]
    trends: Mapping[UUID | None, Mapping[date, Mapping[str, Any]]]
    rows: Rows

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
            latency_buckets=_whole(buckets),
            causes=[_cause(row) for row in rows.causes.get(company_id, [])],
            crowded=[_crowded(row) for row in rows.crowded.get(company_id, [])],
            incidents=[
                _incident(row, self.now)
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

    def _worst(self) -> list[CompanyLine]:
        scopes = self.assessment.scopes
        return worst_first(
            [
                company_line(self.assessment.slugs[id_], scopes[id_, None])
                for id_ in self.assessment.company_ids()
                if (id_, None) in scopes
            ]
        )


def read_rows(connection: Connection, window: Window, parameters: Mapping[str, Any]) -> Rows:
    days = {
        "first": window.start.date(),
        "last": window.end.date() - timedelta(days=1),
        "company_id": parameters["company_id"],
    }
    late = {"late_ms": LATE_MS, "fewest": _FEWEST_AT_A_MINUTE}
    return Rows(
        causes=_by_company(connection.execute(sla_sql.CAUSES, parameters)),
        crowded=_by_company(connection.execute(sla_sql.CROWDED, {**parameters, **late})),
        days=_by_company(connection.execute(_SQL["days"], days)),
        buckets=_by_company(connection.execute(sla_sql.HISTOGRAMS, days)),
        incidents=rows_of(connection.execute(_SQL["incidents_within"], parameters)),
        maintenance=rows_of(connection.execute(_SQL["maintenance_within"], parameters)),
    )


def _by_company(result: Any) -> dict[UUID | None, Found]:
    found: defaultdict[UUID | None, Found] = defaultdict(list)
    for row in rows_of(result):
        found[row["company_id"]].append(row)
    return found


def read_names(connection: Connection, company_id: UUID | None) -> dict[UUID | None, str]:
    rows = connection.execute(_SQL["listed_companies"], {"company_id": company_id})
    return {row.id: row.name for row in rows}


def _trend_starts(period: ReportPeriod, window: Window) -> list[date]:
    windows = [window]
    for _ in range(TREND_PERIODS):
        windows.append(before(period, windows[-1]))
    return [each.start.date() for each in reversed(windows)]


def read_trends(
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


def _whole(histogram: Found | None) -> list[int]:
    """The counts of a histogram; a sum over nothing is null."""
    return [int(n or 0) for n in histogram[0]["latency_ms_buckets"]] if histogram else []


def _day_points(window: Window, rows: Found) -> list[DayPoint]:
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
