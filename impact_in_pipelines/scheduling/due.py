"""What a tick has to plan for one schedule, catch-up after a downtime included (design D6)."""

from collections import deque
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal

from impact_in_pipelines.errors.schedules import NeverFiresAgain
from impact_in_pipelines.plurals import count
from impact_in_pipelines.scheduling.clock import most_fires_a_day
from impact_in_pipelines.scheduling.fires import Fire, follow, iter_groups, next_group
from impact_in_pipelines.scheduling.merging import Group
from impact_in_pipelines.scheduling.rule import CatchUp, Cursor, ScheduleRule

MOST_PLANNED = 1_000
"""Fires of one schedule that one tick lists one by one."""

_MOST_READ = 10_000
"""Nominal fires that are read to find them: a minutely cron in a weekly window merges as many."""

_DAY = timedelta(days=1)

Disposition = Literal["deliver", "missed", "catch_up"]


@dataclass(frozen=True, slots=True)
class PlannedFire:
    """A fire that became due (UTC) with the local days it reports on, both inclusive.

    `deliver`: a delivery is to be made; `missed`: it is only to be written down, since it was due
    while nothing ran, and counts against the SLA (design D7); `catch_up`: written down in the same way, and
    its period is sent all the same, by a delivery that doesn't count.
    """

    scheduled_for: datetime
    period_start: date
    period_end: date
    disposition: Disposition
    note: str | None = None

    @property
    def sent(self) -> bool:
        """Whether its period goes out by a delivery of its own."""
        return self.disposition != "missed"


@dataclass(frozen=True, slots=True)
class DuePlan:
    """What is due, the cursor once that is written down, and the next `scheduled_for` (UTC).

    `fires` are in order, `scheduled_for` strictly increasing. `needs_person`, if not None, is a
    sentence on what was left out and how to send it.
    """

    fires: tuple[PlannedFire, ...]
    cursor: Cursor
    next_run: datetime
    needs_person: str | None = None


def plan_due(rule: ScheduleRule, cursor: Cursor, now: datetime) -> DuePlan:
    """Everything with `scheduled_for` at or before `now` (UTC) that `cursor` hasn't handled yet.

    A single fire is delivered. Of several, which means a downtime, the latest is delivered and the others
    were missed, whatever `catch_up` says: it decides what is sent. `coalesce` delivers the latest with the
    periods of all, `all` sends the missed ones' as well, `none` delivers the latest with its own.
    Fires older than `catch_up_limit_days` are always `missed` and left to a person. At most
    `MOST_PLANNED` fires are listed, the latest ones; the first of them then covers the periods of the
    unlisted ones.

    Raises:
        NeverFiresAgain: the calendar drops every fire for good.
    """
    first = _required(rule, next_group(rule, cursor.after))
    if first.scheduled_for > now:
        return DuePlan((), cursor, first.scheduled_for)
    second = _required(rule, next_group(rule, first.nominal))
    if second.scheduled_for > now and first.scheduled_for >= _cutoff(rule, now):
        fire, cursor = follow(cursor, first)
        return DuePlan((_planned(fire, "deliver"),), cursor, second.scheduled_for)
    return _catch_up(rule, cursor, first, now)


def _required(rule: ScheduleRule, group: Group | None) -> Group:
    if group is None:
        raise NeverFiresAgain(rule.cron)
    return group


def _cutoff(rule: ScheduleRule, now: datetime) -> datetime:
    return now - timedelta(days=rule.catch_up_limit_days)


def _catch_up(rule: ScheduleRule, cursor: Cursor, first: Group, now: datetime) -> DuePlan:
    cutoff = _cutoff(rule, now)
    groups, whole, following = _due_groups(rule, cursor, now)
    oldest = cursor.covered_until + _DAY
    # The unlisted fires may reach beyond the limit: their days are not the first listed one's.
    if first.scheduled_for < cutoff <= groups[0].scheduled_for:
        cursor = replace(cursor, covered_until=_covered_at(rule, cursor, cutoff))
    left_until = cursor.covered_until
    too_old: list[Fire] = []
    recent: list[Fire] = []
    for group in groups:
        fire, cursor = follow(cursor, group)
        if fire.scheduled_for < cutoff:
            too_old.append(fire)
            left_until = cursor.covered_until
        else:
            recent.append(fire)
    fires = [_planned(fire, "missed", _too_old(rule)) for fire in too_old]
    fires += _decide(rule.catch_up, recent)
    asks = [_left_out(rule, oldest, left_until)] if left_until >= oldest else []
    if not whole:
        asks.append(
            f"Only the latest {len(groups)} missed fires are listed one by one: the first of them "
            "stands for the earlier ones and their days."
        )
    return DuePlan(tuple(fires), cursor, following.scheduled_for, " ".join(asks) or None)


def _due_groups(
    rule: ScheduleRule, cursor: Cursor, now: datetime
) -> tuple[list[Group], bool, Group]:
    """The due groups, whether these are all or the latest only, and the group after them.

    A minutely schedule after three years has missed a million and a half fires. Reading them takes
    half a minute, so it starts where few enough are left to read: first from the cursor, then from
    ever earlier instants before `now`, until the list is full or the reading long enough.
    """
    found = _read(rule, cursor.after, now, at_most=_MOST_READ)
    if found is not None:
        return found[0], True, found[1]
    span = timedelta(days=MOST_PLANNED / most_fires_a_day(rule.cron))
    while True:
        start = max(now - span, cursor.after)
        found = _read(rule, start, now, partial=start > cursor.after)
        assert found is not None
        groups, following, read = found
        if groups and (len(groups) == MOST_PLANNED or read > _MOST_READ or start <= cursor.after):
            return groups, False, following
        span *= 2


def _read(
    rule: ScheduleRule,
    start: datetime,
    now: datetime,
    *,
    at_most: int | None = None,
    partial: bool = False,
) -> tuple[list[Group], Group, int] | None:
    """The last `MOST_PLANNED` groups due after `start`, the one after them, and the number of
    nominal fires read; None if there are more groups, or more than `at_most` fires to read."""
    groups: deque[Group] = deque(maxlen=MOST_PLANNED)
    read = 0
    for group in iter_groups(rule, start):
        if group.scheduled_for > now:
            return list(groups), group, read
        read += group.size + sum(dropped.count for dropped in group.dropped)
        if at_most is not None and (len(groups) == MOST_PLANNED or read > at_most):
            return None
        # Moved backward to before a start in the middle: a part of a group that went out earlier.
        if group.scheduled_for > start or not partial:
            groups.append(group)
    _required(rule, None)
    return None


def _covered_at(rule: ScheduleRule, cursor: Cursor, cutoff: datetime) -> date:
    """The last day that the fires before `cutoff` report on in full, the cursor's own at least."""
    span = _DAY
    while True:
        start = max(cutoff - span, cursor.after)
        last = None
        for group in iter_groups(rule, start):
            if group.scheduled_for >= cutoff:
                break
            last = group
        if last is not None and (last.scheduled_for > start or start == cursor.after):
            return max(cursor.covered_until, last.day - _DAY)
        if start == cursor.after:
            return cursor.covered_until
        span *= 2


def _decide(policy: CatchUp, fires: list[Fire]) -> list[PlannedFire]:
    """What becomes of the fires inside the limit, the latest of which is always delivered."""
    if not fires:
        return []
    *earlier, latest = fires
    # What was missed is a fact and what is sent a choice: no policy makes 100 % of an outage.
    disposition: Disposition = "catch_up" if policy is CatchUp.ALL else "missed"
    missed = [_planned(fire, disposition, "missed in a downtime") for fire in earlier]
    if policy is CatchUp.COALESCE and earlier:
        latest = replace(latest, period_start=fires[0].period_start)
        catches = f"catches up {count(len(earlier), 'missed fire')}"
        return [*missed, _planned(latest, "deliver", catches)]
    return [*missed, _planned(latest, "deliver")]


def _planned(fire: Fire, disposition: Disposition, why: str | None = None) -> PlannedFire:
    note = "; ".join(part for part in (why, fire.note) if part) or None
    return PlannedFire(fire.scheduled_for, fire.period_start, fire.period_end, disposition, note)


def _too_old(rule: ScheduleRule) -> str:
    return f"missed more than {count(rule.catch_up_limit_days, 'day')} ago, left to a person"


def _left_out(rule: ScheduleRule, start: date, end: date) -> str:
    limit = count(rule.catch_up_limit_days, "day")
    if start == end:
        return (
            f"{start} was missed more than {limit} ago and is not sent by itself: send that day of this "
            "company and platform, or backfill its partition."
        )
    days = count((end - start).days + 1, "day")
    return (
        f"{start} to {end} ({days}) were missed more than {limit} ago "
        "and are not sent by themselves: send those days of this company and platform, or backfill "
        "their partitions."
    )
