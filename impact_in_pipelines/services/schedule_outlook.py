"""What a schedule will do, said beforehand: its year, what a run now would report, what deleting it cancels.
Nothing here changes anything."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from impact_in_pipelines.db.schedules.rows import Schedule, resumed, run_at
from impact_in_pipelines.db.schedules.store import Deletion
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.scheduling.outlook import Outlook, outlook
from impact_in_pipelines.services.schedules import find

YEARS_AHEAD = 2
"""How many years beyond the present one can be looked at: holidays further ahead are guesses."""

_BEFORE = timedelta(days=40)
"""Read before the year's first day: what a calendar moves into the year fires before it."""


@dataclass(frozen=True, slots=True)
class ScheduleYear:
    """A year of a schedule, from today on in the present one; `years` are those that can be asked for."""

    schedule: Schedule
    year: int
    years: Sequence[int]
    first: date
    outlook: Outlook


@dataclass(frozen=True, slots=True)
class RunAhead:
    """The days, both inclusive, that a run now would report."""

    schedule: Schedule
    period_start: date
    period_end: date


def year_of(
    runtime: Runtime,
    id_: UUID | str,
    year: int | None = None,
    *,
    company_ids: Sequence[UUID] | None = None,
) -> ScheduleYear:
    """On which days of a year (in the schedule's zone; the present one by default, and where another can't be
    told) it sends, and what moves or is dropped. A paused one is told as if it were resumed now.

    Raises `ScheduleUnknown`, `InvalidSchedule` for a stored rule that no longer holds.
    """
    schedule, now = find(runtime, id_, company_ids), runtime.clock()
    rule = schedule.rule
    today = now.astimezone(rule.zone).date()
    years = range(today.year, today.year + YEARS_AHEAD + 1)
    told = year if year is not None and year in years else today.year
    cursor = (schedule if schedule.active else resumed(schedule, now)).cursor
    first, last = max(date(told, 1, 1), today), date(told, 12, 31)
    after = max(cursor.after, datetime.combine(first, time(), UTC) - _BEFORE)
    return ScheduleYear(
        schedule, told, years, first, outlook(rule, after=after, first=first, last=last)
    )


def run_ahead(
    runtime: Runtime, id_: UUID | str, *, company_ids: Sequence[UUID] | None = None
) -> RunAhead:
    """What `run_now` would report at this moment. Raises `ScheduleUnknown`, `InvalidSchedule`."""
    schedule = find(runtime, id_, company_ids)
    start, end, _ = run_at(schedule, runtime.clock())
    return RunAhead(schedule, start, end)


def deletion_ahead(
    runtime: Runtime, id_: UUID | str, *, company_ids: Sequence[UUID] | None = None
) -> tuple[Schedule, Deletion]:
    """What deleting the schedule would cancel at this moment. Raises `ScheduleUnknown`."""
    schedule = find(runtime, id_, company_ids)
    return schedule, runtime.schedules.deletion(schedule.id, now=runtime.clock())
