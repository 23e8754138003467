"""A stretch of days as a rule will treat them: on which something is sent, what moves, what is dropped, and
why each."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import takewhile

from impact_in_pipelines.scheduling.calendars import HolidayCalendar
from impact_in_pipelines.scheduling.clock import nominal_instants
from impact_in_pipelines.scheduling.fires import iter_groups
from impact_in_pipelines.scheduling.merging import Group
from impact_in_pipelines.scheduling.placing import local_date
from impact_in_pipelines.scheduling.rule import ScheduleRule

MOST_FIRES = 20_000
"""Fires read for one outlook; what fires every few minutes is told for its first weeks only."""

_SECOND = timedelta(seconds=1)


class Because(StrEnum):
    """Why something isn't sent on the day that the cron names."""

    HOLIDAY = "holiday"
    OWN_DAY = "own_day"
    WEEKEND = "weekend"
    WINDOW = "window"


@dataclass(frozen=True, slots=True)
class Shifted:
    """`sends` of the local `day` that go out on the day `to` instead, or not at all (None): their days are
    reported by the next one."""

    day: date
    to: date | None
    sends: int
    because: Because


@dataclass(frozen=True, slots=True)
class Outlook:
    """`days`: how many go out on each local day that has any. `shifted`: by day. `until`: the last day that
    is told in full; earlier than asked for where there were more than `MOST_FIRES`."""

    days: Mapping[date, int]
    shifted: Sequence[Shifted]
    until: date


def outlook(
    rule: ScheduleRule, *, after: datetime, first: date, last: date, most: int = MOST_FIRES
) -> Outlook:
    """What a schedule that was followed until `after` (UTC) does on the local days `first` to `last`."""
    days: Counter[date] = Counter()
    shifted: Counter[tuple[date, date | None]] = Counter()
    read, until = 0, last
    for group in iter_groups(rule, after):
        day = local_date(rule, group.scheduled_for)
        for lost in group.dropped:
            shifted[local_date(rule, lost.first), None] += lost.count
        if day > last:
            break
        days[day] += 1
        for of_day in _days_of(rule, group):
            if of_day != day:
                shifted[of_day, day] += 1
        read += group.size + sum(lost.count for lost in group.dropped)
        if read >= most:
            until = day
            break
    inside = sorted(
        (
            one
            for one in shifted.items()
            if first <= one[0][0] <= last or _in(one[0][1], first, last)
        ),
        key=lambda one: (one[0][0], one[0][1] or date.max),
    )
    return Outlook(
        {day: n for day, n in sorted(days.items()) if first <= day <= last},
        [Shifted(day, to, n, why_not(rule, day)) for (day, to), n in inside if day <= until],
        until,
    )


def why_not(rule: ScheduleRule, day: date) -> Because:
    """Why nothing that fires on the local `day` is sent on it."""
    calendar = rule.holiday_calendar
    if calendar is None:
        return Because.WINDOW
    if calendar.holiday(day):
        return _holiday(calendar, day)
    return Because.WEEKEND if calendar.closed(day) else Because.WINDOW


def _holiday(calendar: HolidayCalendar, day: date) -> Because:
    return Because.OWN_DAY if day in calendar.extra_dates else Because.HOLIDAY


def _in(day: date | None, first: date, last: date) -> bool:
    return day is not None and first <= day <= last


def _days_of(rule: ScheduleRule, group: Group) -> list[date]:
    """The local day of each fire that goes out with `group`, the dropped ones apart."""
    if group.size == 1:
        return [local_date(rule, group.nominal)]
    # A group doesn't keep its members: they are the fires from its first to its last.
    fires = nominal_instants(rule.cron, rule.zone, group.first - _SECOND)
    lost = {local_date(rule, one.first) for one in group.dropped}
    found = (local_date(rule, at) for at in takewhile(lambda at: at <= group.nominal, fires))
    return [day for day in found if day not in lost]
