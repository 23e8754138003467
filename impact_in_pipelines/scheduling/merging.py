"""Which nominal fires go out together.

Fires that end up at the same instant merge, and the last of them decides the period. Where a
calendar moves fires past each other, they merge as well, so that `scheduled_for` increases:

- Moved forward off a closed day, a fire that would go out after a later one joins it: an hourly
  schedule sends its Saturday and Sunday fires with the first of Monday, not hour by hour beside
  Monday's own.
- Moved backward, a fire joins the last one that goes out before it: the same schedule sends them
  with the last of Friday.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from impact_in_pipelines.scheduling.calendars import HolidayPolicy
from impact_in_pipelines.scheduling.placing import Place, explain, local_date, place
from impact_in_pipelines.scheduling.rule import ScheduleRule

_DROPPED_FOR_GOOD = timedelta(days=366 * 30)


@dataclass(frozen=True, slots=True)
class Dropped:
    """`count` consecutive fires of one local day that the calendar drops: the first and the last
    nominal instant (UTC), and why."""

    first: datetime
    last: datetime
    count: int
    why: str


@dataclass(frozen=True, slots=True)
class Group:
    """The nominal fires that go out together at `scheduled_for`.

    `first` and `nominal` are the first and the last of the `size` merged ones, `day` the local day
    whose predecessors are over, `dropped` what the calendar dropped before the group or inside it.
    """

    scheduled_for: datetime
    first: datetime
    nominal: datetime
    day: date
    size: int
    note: str | None
    dropped: tuple[Dropped, ...] = ()


def merged(rule: ScheduleRule, nominals: Iterator[datetime]) -> Iterator[Group]:
    """The groups into which the fires `nominals` (UTC, increasing) merge, in order.

    Ends with `nominals`, or when every fire for thirty years was dropped.
    """
    ahead = _Ahead(rule, nominals)
    while (read := _read_group(rule, ahead)) is not None:
        yield read


def _read_group(rule: ScheduleRule, ahead: "_Ahead") -> Group | None:
    lost: list[Place] = []
    first = ahead.next()
    while first is not None and first.scheduled_for is None:
        lost.append(first)
        if first.nominal - lost[0].nominal > _DROPPED_FOR_GOOD:
            return None
        first = ahead.next()
    if first is None:
        return None
    members = _read_members(rule, ahead, first)
    lost += [fire for fire in members if fire.scheduled_for is None]
    return _group(rule, [fire for fire in members if fire.scheduled_for is not None], lost)


def _read_members(rule: ScheduleRule, ahead: "_Ahead", first: Place) -> list[Place]:
    """`first` and the fires that go out with it, the dropped ones between them included."""
    calendar = rule.holiday_calendar
    backward = calendar is not None and calendar.policy is HolidayPolicy.PREVIOUS
    members, undecided = [first], list[Place]()
    best = first.scheduled_for
    assert best is not None
    while (fire := ahead.next()) is not None:
        undecided.append(fire)
        if fire.nominal > best and not backward:
            break  # a fire never moves forward to before its own instant
        if fire.scheduled_for is None:
            continue
        if fire.scheduled_for <= best:
            members += undecided
            undecided = []
            best = best if backward else fire.scheduled_for
        elif backward or first.business_day is None:
            break
    ahead.put_back(undecided)
    return members


def _group(rule: ScheduleRule, members: list[Place], lost: list[Place]) -> Group:
    backward = rule.holiday_calendar is not None and (
        rule.holiday_calendar.policy is HolidayPolicy.PREVIOUS
    )
    first, last = members[0], members[-1]
    at = first.scheduled_for if backward else last.scheduled_for
    assert at is not None
    return Group(
        scheduled_for=at,
        first=first.nominal,
        nominal=last.nominal,
        day=min(local_date(rule, last.nominal), local_date(rule, at)),
        size=len(members),
        note=_note(rule, members),
        dropped=_by_day(rule, lost),
    )


def _note(rule: ScheduleRule, members: list[Place]) -> str | None:
    """Why the group isn't one fire at its nominal instant; None if it is."""
    reason = next((why for fire in members if (why := explain(rule, fire))), None)
    if len(members) == 1:
        return reason
    zone = rule.zone
    first, last = (members[i].nominal.astimezone(zone) for i in (0, -1))
    merged_fires = (
        f"{len(members)} fires from {first:%d %B %Y %H:%M} to {last:%d %B %Y %H:%M} go out together"
    )
    return f"{merged_fires}: {reason}" if reason else merged_fires


def _by_day(rule: ScheduleRule, lost: list[Place]) -> tuple[Dropped, ...]:
    days: list[Dropped] = []
    for fire in lost:
        if days and local_date(rule, days[-1].first) == local_date(rule, fire.nominal):
            days[-1] = replace(days[-1], last=fire.nominal, count=days[-1].count + 1)
        else:
            why = explain(rule, fire) or "dropped"
            days.append(Dropped(fire.nominal, fire.nominal, 1, why))
    return tuple(days)


class _Ahead:
    """Placed fires, read from `nominals` as needed, that can be put back."""

    def __init__(self, rule: ScheduleRule, nominals: Iterator[datetime]) -> None:
        self._rule = rule
        self._nominals = nominals
        self._waiting: deque[Place] = deque()

    def next(self) -> Place | None:
        if self._waiting:
            return self._waiting.popleft()
        nominal = next(self._nominals, None)
        if nominal is None:
            return None
        return place(self._rule, nominal)

    def put_back(self, fires: list[Place]) -> None:
        self._waiting.extendleft(reversed(fires))
