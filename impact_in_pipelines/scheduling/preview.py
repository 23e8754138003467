"""The next fires of a rule as a person wants to see them before activating it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice

from impact_in_pipelines.scheduling.due import plan_due
from impact_in_pipelines.scheduling.fires import follow, initial_cursor, iter_groups
from impact_in_pipelines.scheduling.merging import Dropped
from impact_in_pipelines.scheduling.rule import Cursor, ScheduleRule


@dataclass(frozen=True, slots=True)
class PreviewFire:
    """One line of a preview.

    `local` is `scheduled_for` (UTC) in the schedule's time zone; `nominal` the instant (UTC) that
    the cron names; the period both inclusive, None for a `dropped` fire; `why` says what moved,
    merged or dropped it, None if nothing did.
    """

    nominal: datetime
    scheduled_for: datetime
    local: datetime
    period_start: date | None
    period_end: date | None
    why: str | None
    dropped: bool = False


def preview(
    rule: ScheduleRule, count: int = 5, *, after: datetime, cursor: Cursor | None = None
) -> list[PreviewFire]:
    """The next `count` lines after the instant `after` (UTC): fires, and where a calendar drops
    some, one line for those of a day.

    Without a `cursor` (a rule that isn't saved yet) the schedule starts at `after`. With one, what
    is due already comes first, as the tick at `after` would plan it.
    """
    cursor = initial_cursor(rule, after) if cursor is None else cursor
    return list(islice(_lines(rule, cursor, after), count))


def _lines(rule: ScheduleRule, cursor: Cursor, after: datetime) -> Iterator[PreviewFire]:
    plan = plan_due(rule, cursor, after)
    for due in plan.fires:
        if due.sent:
            why = f"due now; {due.note}" if due.note else "due now"
            at, local = due.scheduled_for, due.scheduled_for.astimezone(rule.zone)
            yield PreviewFire(at, at, local, due.period_start, due.period_end, why)
    cursor = plan.cursor
    for group in iter_groups(rule, cursor.after):
        for dropped in group.dropped:
            if dropped.last > after:
                yield _dropped_line(rule, dropped)
        fire, cursor = follow(cursor, group)
        yield PreviewFire(
            fire.nominal,
            fire.scheduled_for,
            fire.scheduled_for.astimezone(rule.zone),
            fire.period_start,
            fire.period_end,
            fire.note,
        )


def _dropped_line(rule: ScheduleRule, dropped: Dropped) -> PreviewFire:
    local = dropped.first.astimezone(rule.zone)
    why = f"{dropped.why}; the next delivery covers its period"
    if dropped.count > 1:
        until = dropped.last.astimezone(rule.zone)
        why = f"{dropped.count} fires until {until:%H:%M} {why}"
    return PreviewFire(dropped.first, dropped.first, local, None, None, why, dropped=True)
