"""Reports: made anew and stored, read as they were stored, or made for one reader of the last days."""

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.errors.sla import ReportAhead, ReportMissing, WindowLeft
from impact_in_pipelines.progress import Tell, silent
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.sla.model import Window
from impact_in_pipelines.sla.windows import ReportPeriod, last_complete, period_of, rolling
from impact_in_pipelines.sla.wire import Document

if TYPE_CHECKING:
    from impact_in_pipelines.db.sla.reports import StoredReport


def make_report(
    runtime: Runtime,
    company: Company | None,
    period: ReportPeriod,
    day: date | None,
    tell: Tell = silent,
) -> Document:
    """Make and store the report of the week or month that `day` lies in (None: the last complete one): of
    `company`, or (None) those of each company and the one on all, which is returned; `tell` is then called
    with companies. One on what has left the log is the one that was stored in its time.

    Raises `ReportAhead` for a period that has not begun, `WindowLeft` for one that left it unreported.
    """
    now, window = runtime.clock(), _window(runtime, period, day)
    if window.start > now:
        raise ReportAhead(period.value, window.start.date())
    if kept_from := runtime.sla.kept_from(window.start, now):
        try:
            return stored_report(runtime, company, period, day)
        except ReportMissing:
            raise WindowLeft(window.start, kept_from) from None
    if company is None:
        return runtime.sla_reports.make_all(period, window, now=now, tell=tell)
    return runtime.sla_reports.make(company, period, window, now=now)


def rolling_report(runtime: Runtime, company: Company | None) -> Document:
    """The report on the past seven days up to now; not stored."""
    now = runtime.clock()
    return runtime.sla_reports.report_on(company, rolling(now), now=now)


def stored_report(
    runtime: Runtime, company: Company | None, period: ReportPeriod, day: date | None
) -> Document:
    """The stored report of the week or month that `day` lies in, or of the last complete one.

    Raises `ReportMissing`.
    """
    window = _window(runtime, period, day)
    return runtime.sla_reports.stored(company, period, window.start.date())


def stored_reports_of_all(
    runtime: Runtime, period: ReportPeriod, starts_on: date
) -> list[Document]:
    """The stored report on all companies and those on each of them, by slug."""
    return runtime.sla_reports.stored_of_all(period, starts_on)


def listed_reports(runtime: Runtime, company: Company | None) -> "Sequence[StoredReport]":
    """What there is to read about `company`, or about all, newest first."""
    return runtime.sla_reports.listed(company)


def _window(runtime: Runtime, period: ReportPeriod, day: date | None) -> Window:
    return period_of(period, day) if day else last_complete(period, runtime.clock())
