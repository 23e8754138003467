"""A week of a company with trouble of several kinds, and of one without."""

from impact_in_pipelines.db.accounts.companies import Company, CompanyStore
from impact_in_pipelines.db.sla.reports import SlaReports
from impact_in_pipelines.settings import read_settings
from impact_in_pipelines.sla.windows import ReportPeriod, last_complete

from .logs import NOW, Log

WEEK = last_complete(ReportPeriod.WEEKLY, NOW)
MONDAY = WEEK.start.date()
WEEKLY = ReportPeriod.WEEKLY


def reports(log: Log) -> SlaReports:
    return SlaReports(log.engine, read_settings({}))


def company(log: Log, slug: str) -> Company:
    return CompanyStore(log.engine).find(slug)
