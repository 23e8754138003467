"""The windows that are measured: all in UTC, weeks from Monday 00:00."""

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from impact_in_pipelines.errors.sla import WindowReversed
from impact_in_pipelines.sla.model import Window

WEEK = timedelta(days=7)


class ReportPeriod(StrEnum):
    """How often a report is made."""

    WEEKLY = "weekly"
    MONTHLY = "monthly"


class ReportKind(StrEnum):
    """What a report covers: a calendar week or month (UTC), or the days up to when it was asked for."""

    WEEKLY = "weekly"
    MONTHLY = "monthly"
    ROLLING = "rolling"


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

    Raises `WindowReversed` where the end isn't after the start.
    """
    until = end or now
    since = start or current_week(until).start
    if until <= since:
        raise WindowReversed(since, until)
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


def trend_windows(kind: ReportKind, of: Window, count: int) -> list[Window]:
    """The `count` periods before `of`, the oldest first: whole weeks or months, or, of a rolling window, as
    long as it is and ending where the next one begins."""
    windows = [of]
    for _ in range(count):
        first = windows[0]
        earlier = (
            Window(first.start - (of.end - of.start), first.start)
            if kind is ReportKind.ROLLING
            else before(ReportPeriod(kind.value), first)
        )
        windows.insert(0, earlier)
    return windows[:-1]


def days_of(of: Window) -> tuple[date, date]:
    """The first and the last UTC day that `of` touches."""
    last = (of.end - timedelta(microseconds=1)).astimezone(UTC).date()
    return of.start.astimezone(UTC).date(), last


def _next_month(first: date) -> date:
    years, month = divmod(first.month, 12)
    return date(first.year + years, month + 1, 1)
