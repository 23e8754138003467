"""The calendar of a company: what became of each of its local days, and sending one that is missing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from uuid import UUID, uuid4

from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.corrections.staleness import StaleFilter
from impact_in_pipelines.db.deliveries.calendar import CalendarReader
from impact_in_pipelines.db.deliveries.queueing.selections import SelectedDay
from impact_in_pipelines.errors.deliveries import DayNotOver, DaysTooMany
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.scheduling import parse_timezone
from impact_in_pipelines.services.accounts.connections import usable
from impact_in_pipelines.services.deliveries.drain_requests import (
    DrainStart,
    DrainStarter,
    NextTick,
)

LONGEST_DAYS = 400
"""A year, and what is left of the month around it."""


class DayState(StrEnum):
    """The state of a local day on a platform. `stale`: it arrived, and its events have changed since;
    `corrected`: they had changed, and a correction has arrived. `hole`: there are figures, and no delivery of
    them; `nothing`: there was nothing to report.
    """

    ARRIVED = "arrived"
    CORRECTED = "corrected"
    STALE = "stale"
    WAITING = "waiting"
    HELD = "held"
    FAILED = "failed"
    MISSED = "missed"
    CANCELLED = "cancelled"
    HOLE = "hole"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """One local day on one platform, the delivery that decides its state (None: there is none), and how many
    deliveries cover it."""

    day: date
    state: DayState
    delivery_id: UUID | None = None
    deliveries: int = 0


def calendar(
    runtime: Runtime, company: Company, first: date, last: date
) -> dict[Platform, list[CalendarDay]]:
    """Every day from `first` to `last` that is over at the company, on each platform that it has ever
    reported to. Raises `DaysTooMany` for a span of more than `LONGEST_DAYS`."""
    if (last - first).days >= LONGEST_DAYS:
        raise DaysTooMany(LONGEST_DAYS)
    last = min(last, last_day_over(runtime, company))
    reader = CalendarReader(runtime.database.reads)
    begun = reader.begun(company.id)
    reported = {(one.platform, one.day): one for one in reader.reported(company.id, first, last)}
    figures = reader.days_with_figures(company.id, first, last)
    changed = StaleFilter([company.id], first_day=first, last_day=last)
    stale = {
        (one.platform, one.day) for one in runtime.staleness.stale(changed, corrections=False).days
    }
    span = [first + timedelta(days=n) for n in range((last - first).days + 1)]

    def judged(platform: Platform, day: date) -> CalendarDay:
        if found := reported.get((platform, day)):
            state = DayState(found.state)
            if (platform, day) in stale and state in (DayState.ARRIVED, DayState.CORRECTED):
                state = DayState.STALE
            return CalendarDay(day, state, found.id, found.deliveries)
        missing = day in figures and day >= begun[platform]
        return CalendarDay(day, DayState.HOLE if missing else DayState.NOTHING)

    return {
        platform: [judged(platform, day) for day in span]
        for platform in Platform
        if platform in begun
    }


def last_day_over(runtime: Runtime, company: Company) -> date:
    """The company's local yesterday."""
    local = runtime.clock().astimezone(parse_timezone(company.timezone))
    return local.date() - timedelta(days=1)


def send_day(
    runtime: Runtime,
    company: Company,
    platform: Platform,
    day: date,
    *,
    actor: str,
    drains: DrainStarter | None = None,
) -> Mapping[Platform, DrainStart]:
    """Queue one local day now, whatever the schedules say; the 24-hour window still skips what has arrived.

    Raises `DayNotOver` for a day that is still running there, and `ConnectionMissing`.
    """
    if day > last_day_over(runtime, company):
        raise DayNotOver(day)
    usable(runtime, company, platform)
    runtime.selections.add_asked_for(
        platform,
        SelectedDay(company.id, company.timezone, day),
        request_id=str(uuid4()),
        actor=actor,
        now=runtime.clock(),
    )
    return (drains or NextTick()).start_drains([platform], f"{actor} sends {company.slug} {day}")
