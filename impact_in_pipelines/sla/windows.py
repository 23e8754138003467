"""The windows that are measured: all in UTC, weeks from Monday 00:00."""

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from impact_in_pipelines.errors import UsageError
from impact_in_pipelines.sla.model import Window

WEEK = timedelta(days=7)


class ReportPeriod(StrEnum):
    """How often a report is made."""

    WEEKLY = "weekly"
    MONTHLY = "monthly"


def midnight(day: date) -> datetime:
    """The first instant of a UTC day."""
    return datetime.combine(day, time(), UTC)


def current_week(now: datetime) -> Window:
    """From Monday 00:00 UTC until `now`."""
    today = now.astimezone(UTC).date()
    return Window(midnight(today - timedelta(days=today.weekday())), now)


def rolling(now: datetime, days: int = 7) -> Window:
    """The last `days` days up to `now`."""
    return Window(now - timedelta(days=days), now)


def window(now: datetime, start: datetime | None = None, end: datetime | None = None) -> Window:
    """`[start, end)` as asked for; absent: from Monday 00:00 UTC, and until `now`.

    Raises `UsageError` where the end isn't after the start.
    """
    until = end or now
    since = start or current_week(until).start
    if until <= since:
        raise UsageError(
            f"the end {until.isoformat()} must lie after the start {since.isoformat()}"
        )
    return Window(since, until)


def period_of(period: ReportPeriod, day: date) -> Window:
    """The whole week (from Monday) or month that `day` lies in."""
    if period is ReportPeriod.WEEKLY:
        start = day - timedelta(days=day.weekday())
        return Window(midnight(start), midnight(start + WEEK))
    start = day.replace(day=1)
    return Window(midnight(start), midnight(_next_month(start)))


def last_complete(period: ReportPeriod, now: datetime) -> Window:
    """The week or month before the one that `now` lies in."""
    running = period_of(period, now.astimezone(UTC).date())
    return before(period, running)


def before(period: ReportPeriod, of: Window) -> Window:
    """The period just before `of`."""
    return period_of(period, of.start.date() - timedelta(days=1))


def _next_month(first: date) -> date:
    return (first + timedelta(days=32)).replace(day=1)
