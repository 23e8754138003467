"""Refusals about service levels: windows, thresholds, reports."""

from datetime import date, datetime

from impact_in_pipelines.errors.base import Conflict, NotFound, UsageError, refusal


@refusal("sla.window_reversed")
class WindowReversed(UsageError):
    """A window must end after it begins."""

    start: datetime
    end: datetime


@refusal("sla.window_left")
class WindowLeft(UsageError):
    """What was due in the window has been archived and is no longer in the log, at least in part: it would
    look as if nothing had been due."""

    start: datetime
    kept_from: datetime


@refusal("threshold.unknown")
class ThresholdUnknown(UsageError):
    """There is no such threshold, or nobody may have one of his own; `known` are those there are."""

    name: str
    known: tuple[str, ...]


@refusal("threshold.out_of_range")
class ThresholdOutOfRange(UsageError):
    """A threshold must be a number within its bounds."""

    name: str
    value: str
    lowest: float
    highest: float


@refusal("threshold.not_allowed")
class ThresholdNotAllowed(Conflict):
    """The operator lets no company set this one."""

    name: str


@refusal("threshold.no_scope")
class ThresholdScopeMissing(UsageError):
    """Thresholds of one's own are a company's, a platform's, or those of one on the other."""


@refusal("report.missing")
class ReportMissing(NotFound):
    """The report has not been made. `company` is the slug, None: the one on all companies."""

    period: str
    company: str | None
    starts_on: date


@refusal("report.ahead")
class ReportAhead(UsageError):
    """A report is about what has been due; this period has not begun."""

    period: str
    starts_on: date
