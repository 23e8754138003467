"""Weekly and monthly reports: read for many companies at once, put together one by one, stored as JSON.

Statements: reports.sql. Whoever makes a report refreshes `sla_daily` first: trends come from it.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import Engine

from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.engine import rows_as_json
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.db.sla.outcomes import SlaOutcomes, by_columns
from impact_in_pipelines.db.sla.report_blocks import BlockReader
from impact_in_pipelines.db.sla.report_rows import (
    Reading,
    read_names,
    read_rows,
    read_trends,
    worst_of,
)
from impact_in_pipelines.db.sla.rollup import SlaRollup
from impact_in_pipelines.db.sla.rows import slugs
from impact_in_pipelines.db.sla.statuses import SlaStatuses
from impact_in_pipelines.db.sla.thresholds import SlaThresholds
from impact_in_pipelines.db.sla.unplanned import as_parameter, unplanned_fires
from impact_in_pipelines.errors.sla import ReportMissing
from impact_in_pipelines.progress import Steps, Tell, silent
from impact_in_pipelines.settings import Settings
from impact_in_pipelines.sla.model import Window
from impact_in_pipelines.sla.reports.earlier import in_todays_form
from impact_in_pipelines.sla.thresholds import Thresholds
from impact_in_pipelines.sla.windows import ReportKind, ReportPeriod
from impact_in_pipelines.sla.wire import Document, report_document

_SQL, _STATUSES = load("sla/reports"), load("sla/statuses")
_SAVED_AT_ONCE = 100
_HISTORY = timedelta(days=400)


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
        self._statuses = SlaStatuses(engine, settings)
        self._thresholds = SlaThresholds(engine, settings)
        self._rollup = SlaRollup(engine, settings)
        self._outcomes = SlaOutcomes(engine, settings)
        self._defaults = Thresholds.from_settings(settings)

    def make(
        self, company: Company, period: ReportPeriod, window: Window, *, now: datetime
    ) -> Document:
        """Make and store the report of a week or month on `company`; returns it as JSON data
        (docs/sla.md, "Reports")."""
        self._refresh(window, now)
        reading = self.read_at_once(ReportKind(period.value), window, now, company.id)
        report = report_document(reading.report(company.id))
        self._save(period, window, [{"company_id": company.id, "report": report}], now)
        return report

    def report_on(self, company: Company | None, window: Window, *, now: datetime) -> Document:
        """The report on any window, made for this reader and not stored; its trend is by periods as long as
        the window is."""
        if company is not None:
            reading = self.read_at_once(ReportKind.ROLLING, window, now, company.id)
            return report_document(reading.report(company.id))
        # The last block has the report on all; the others are not kept.
        for reading, _ in self.readings(ReportKind.ROLLING, window, now):
            last = reading
        return report_document(last.report(None))

    def make_all(
        self, period: ReportPeriod, window: Window, *, now: datetime, tell: Tell = silent
    ) -> Document:
        """Make and store the reports of every company and the one on all, which is returned.

        One pass over the log for all of them. Made again, a report replaces the one that was there.
        `tell` is called with companies; one of which nothing was measured is passed with those around it.
        """
        self._refresh(window, now)
        with self._engine.connect() as connection:
            everybody = sorted(slugs(connection, None))
        steps = Steps(len(everybody) + 1, tell)
        overall: Document = {}
        rows: list[Document] = []
        for reading, companies in self.readings(ReportKind(period.value), window, now):
            for company_id in companies:
                report = report_document(reading.report(company_id))
                rows.append({"company_id": company_id, "report": report})
                if company_id is None:
                    overall = report
                else:
                    steps.up_to(bisect_right(everybody, company_id))
                if len(rows) >= _SAVED_AT_ONCE:
                    self._save(period, window, rows, now)
                    rows = []
        self._save(period, window, rows, now)
        steps.end()
        return overall

    def stored(self, company: Company | None, period: ReportPeriod, starts_on: date) -> Document:
        """The stored report, in today's form. Raises `ReportMissing`."""
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
            raise ReportMissing(period.value, company.slug if company else None, starts_on)
        return in_todays_form(found)

    def stored_of_all(self, period: ReportPeriod, starts_on: date) -> list[Document]:
        """The stored report on all companies and those on each of them, by slug: what a CSV of all needs."""
        with self._engine.connect() as connection:
            found = connection.scalars(
                _SQL["stored_of_all"], {"period": period.value, "starts_on": starts_on}
            )
            return [in_todays_form(one) for one in found]

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

    def _refresh(self, window: Window, now: datetime) -> None:
        self._outcomes.refresh(now)
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

    def readings(
        self, kind: ReportKind, window: Window, now: datetime
    ) -> Iterator[tuple[Reading, Sequence[UUID | None]]]:
        """What was read for everybody's reports, with whose it is for; that of all together (None) is the
        last."""
        if by_columns(window):
            budgets = self._statuses.budgets(min(now, window.end))
            yield from BlockReader(self._engine, self._defaults, kind, window, now, budgets).read()
        else:
            reading = self.read_at_once(kind, window, now, None)
            yield reading, [*reading.assessment.company_ids(), None]

    def read_at_once(
        self, kind: ReportKind, window: Window, now: datetime, company_id: UUID | None
    ) -> Reading:
        """What was read for the report on one company, or (None) for everybody's in one go, by statements."""
        assessment = self._statuses.assess(window, now, company_id=company_id)
        budgets = self._statuses.error_budgets(min(now, window.end), company_id=company_id)
        parameters = self._statuses.parameters(window, now, company_id)
        with self._engine.begin() as connection:
            connection.execute(_STATUSES["roomy"])
            parameters["unplanned"] = as_parameter(unplanned_fires(connection, parameters))
            return Reading(
                kind=kind,
                now=now,
                assessment=assessment,
                budgets=budgets,
                book=self._thresholds.book(),
                names=read_names(connection, company_id),
                trends=read_trends(connection, kind, window, parameters),
                rows=read_rows(connection, parameters),
                worst=worst_of(assessment),
            )
