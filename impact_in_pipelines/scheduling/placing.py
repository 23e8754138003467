"""Where the calendar, the window and the spread put one nominal fire."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from impact_in_pipelines.scheduling.calendars import HolidayCalendar, HolidayPolicy
from impact_in_pipelines.scheduling.clock import to_instant
from impact_in_pipelines.scheduling.rule import ScheduleRule
from impact_in_pipelines.scheduling.windows import DeliveryWindow

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_LONGEST_CLOSURE = 400
"""Days searched for the next opening before a fire is dropped."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the fire `nominal` goes (instants in UTC).

    `scheduled_for`: None if the fire is dropped. `closed`: why the calendar takes it off its day;
    `business_day`: the day it moves to instead; `opening`: the opening of the window it waits for.
    """

    nominal: datetime
    scheduled_for: datetime | None
    closed: str | None = None
    business_day: date | None = None
    opening: datetime | None = None


def place(rule: ScheduleRule, nominal: datetime) -> Place:
    """The place of the fire `nominal` (UTC): first the calendar moves it, then the window, then the
    spread; the spread stays inside the window."""
    calendar, window = rule.holiday_calendar, rule.window
    if calendar is None and window is None:
        return Place(nominal, _spread(rule, nominal))
    zone = rule.zone
    at, local = nominal, nominal.astimezone(zone)
    business_day, opening = None, None
    closed = calendar.closed(local.date()) if calendar else None
    if calendar and closed:
        if calendar.policy is not HolidayPolicy.SKIP:
            business_day = calendar.business_day(local.date())
        if business_day is None:
            return Place(nominal, None, closed)
        at = to_instant(datetime.combine(business_day, local.time()), zone)
        local = at.astimezone(zone)
    if window and not window.contains(local):
        opening = _next_opening(window, calendar, zone, at)
        if opening is None:
            return Place(nominal, None, closed, business_day)
        at = opening
    return Place(nominal, _spread(rule, at), closed, business_day, opening)


def explain(rule: ScheduleRule, put: Place) -> str | None:
    """Why the fire isn't at its nominal instant, for people; None if it is."""
    local = put.nominal.astimezone(rule.zone)
    reasons = []
    if put.closed and put.business_day is None:
        return f"dropped: {local:%d %B %Y} is {put.closed}"
    if put.scheduled_for is None:
        return f"dropped: the window {rule.window} doesn't open within {_LONGEST_CLOSURE} days"
    if put.business_day and rule.holiday_calendar:
        reasons.append(
            f"moved to {put.business_day:%A %d %B %Y}: {local:%d %B} is {put.closed}, "
            f"policy {rule.holiday_calendar.policy.value}"
        )
    if put.opening:
        opening = put.opening.astimezone(rule.zone)
        reasons.append(f"moved to {opening:%A %d %B %Y %H:%M}: outside the window {rule.window}")
    if rule.spread_minutes:
        reasons.append(f"up to {rule.spread_minutes} min later to spread the load")
    return "; ".join(reasons) or None


def local_date(rule: ScheduleRule, at: datetime) -> date:
    """The day, in the schedule's time zone, in which the instant `at` lies."""
    if rule.timezone == "UTC":
        return at.astimezone(UTC).date()
    return at.astimezone(rule.zone).date()


def _spread(rule: ScheduleRule, at: datetime) -> datetime:
    if rule.spread_minutes == 0:
        return at
    later = at + rule.spread_minutes * _MINUTE
    if rule.window is None:
        return later
    # The window is a promise to the company, the spread only a wish of ours.
    return max(at, min(later, rule.window.last_minute(local_date(rule, at), rule.zone)))


def _next_opening(
    window: DeliveryWindow, calendar: HolidayCalendar | None, zone: ZoneInfo, at: datetime
) -> datetime | None:
    """The first opening (UTC) at or after `at` on a day that the calendar leaves open."""
    day = at.astimezone(zone).date()
    for _ in range(_LONGEST_CLOSURE):
        opening = window.opening(day, zone, at)
        if opening is not None and not (calendar and calendar.closed(day)):
            return opening
        day += _DAY
    return None
