"""The fires of a rule, in order, and the period each reports on.

The rule for periods, which makes them tile time whatever a calendar, a window or a spread does:

- A fire belongs to a local day, its *day*: that of its nominal instant, or that of `scheduled_for`
  if it was moved to an earlier one. The days before it are over when the fire goes out.
- `period_start` is always the day after `covered_until`.
- If the day before the fire's day isn't covered yet, the period ends with it, and `covered_until`
  moves there: daily, weekly and monthly schedules, and the first fire of a day of an hourly one.
- Otherwise the fire reports its day so far; `covered_until` stays, since that day will be reported
  whole by a later fire.

So a day is lost by no move: one that a fire didn't report is still ahead of `covered_until`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

from impact_in_pipelines.scheduling.clock import nominal_instants, previous_instant
from impact_in_pipelines.scheduling.merging import Group, merged
from impact_in_pipelines.scheduling.placing import explain, local_date, place
from impact_in_pipelines.scheduling.rule import Cursor, ScheduleRule

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Fire:
    """One instant at which a schedule is due, and the local days it reports on, both inclusive.

    `nominal`: the instant (UTC) of the cron, the last one if several fires merged; `scheduled_for`:
    the instant (UTC) after calendar, window and spread; `note`: why it was moved or merged, for
    people. A `dropped` fire is only ever shown: its period goes to the next one.
    """

    nominal: datetime
    scheduled_for: datetime
    period_start: date
    period_end: date
    note: str | None = None
    dropped: bool = False


def next_fire(rule: ScheduleRule, cursor: Cursor) -> tuple[Fire, Cursor] | None:
    """The next fire that is delivered and the cursor once it is handled, None if none ever is."""
    group = next_group(rule, cursor.after)
    return None if group is None else follow(cursor, group)


def iter_fires(rule: ScheduleRule, cursor: Cursor) -> Iterator[tuple[Fire, Cursor]]:
    """All later fires that are delivered, each with the cursor once it is handled."""
    for group in iter_groups(rule, cursor.after):
        fire, cursor = follow(cursor, group)
        yield fire, cursor


def follow(cursor: Cursor, group: Group) -> tuple[Fire, Cursor]:
    """The fire that `group` is after `cursor`, with its period, and the cursor once it is
    handled."""
    start = min(cursor.covered_until + _DAY, group.day)
    end = group.day - _DAY
    if end < start:
        end, covered = group.day, cursor.covered_until
    else:
        covered = end
    fire = Fire(group.nominal, group.scheduled_for, start, end, group.note)
    return fire, Cursor(group.nominal, covered)


def initial_cursor(rule: ScheduleRule, now: datetime) -> Cursor:
    """The cursor of a schedule that starts at `now` (UTC): it fires for the first time after `now`,
    and its first period begins where the cron's previous one would have ended."""
    fired = previous_instant(rule.cron, rule.zone, now)
    day = local_date(rule, fired if fired is not None else now)
    return Cursor(_skip_past(rule, now, now), day - _DAY)


def cursor_after_change(rule: ScheduleRule, cursor: Cursor, now: datetime) -> Cursor:
    """The cursor of a schedule whose rule became `rule` at `now` (UTC), or that is resumed.

    Nothing at or before `now` fires (again); the days since `covered_until` go to the next fire.
    What is due at `now` under the old rule is to be planned with `plan_due` first.
    """
    # In a zone further west the day that was reported in full may not be over yet.
    yesterday = local_date(rule, now) - _DAY
    after = _skip_past(rule, max(cursor.after, now), now)
    return Cursor(after, min(cursor.covered_until, yesterday))


def _skip_past(rule: ScheduleRule, after: datetime, now: datetime) -> datetime:
    """`after`, or the last later fire that `previous_business_day` moves to `now` or before."""
    while True:
        group = next_group(rule, after)
        if group is None or group.scheduled_for > now:
            return after
        after = group.nominal


@lru_cache(maxsize=65_536)
def next_group(rule: ScheduleRule, after: datetime) -> Group | None:
    """The first group whose nominal fires are strictly later than `after` (UTC); cached, since
    thousands of schedules share rule and cursor."""
    return next(iter_groups(rule, after), None)


def iter_groups(rule: ScheduleRule, after: datetime) -> Iterator[Group]:
    """The groups of fires with nominal instants strictly later than `after` (UTC), `scheduled_for`
    strictly increasing."""
    if rule.holiday_calendar is None and rule.window is None:
        for nominal in nominal_instants(rule.cron, rule.zone, after):
            put = place(rule, nominal)
            assert put.scheduled_for is not None
            day = local_date(rule, nominal)
            yield Group(put.scheduled_for, nominal, nominal, day, 1, explain(rule, put))
        return
    yield from merged(rule, nominal_instants(rule.cron, rule.zone, after))
