"""A row of `scheduled_deliveries` as a value, and what changes it: pure functions, no SQL.

What a change may do is decided here (design D6): what has fired never fires again, and no day since
`covered_until` is left out without a word.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Any, TypedDict
from uuid import UUID

from impact_in_pipelines.db.deliveries.queueing.planning import (
    calendar_of,
    cursor_of,
    rule_of,
    window_of,
)
from impact_in_pipelines.errors import InvalidSchedule
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.scheduling import (
    CalendarNote,
    CatchUp,
    Cursor,
    DeliveryWindow,
    HolidayCalendar,
    ScheduleRule,
    cursor_after_change,
    describe_cron,
)
from impact_in_pipelines.scheduling import (
    plan_due as due_of,
)

_DAY = timedelta(days=1)
_SAVED = (
    *("id", "schedule", "timezone", "active", "next_run", "paused_reason", "last_error"),
    *("holiday_calendar", "window_start", "window_end", "window_days", "catch_up"),
    *("catch_up_limit_days", "spread_minutes", "fired_until", "covered_until", "deleted_at"),
)


class RuleChanges(TypedDict, total=False):
    """What `ScheduleStore.update` can change; None for a calendar or a window takes it off."""

    cron: str
    timezone: str
    holiday_calendar: HolidayCalendar | None
    window: DeliveryWindow | None
    catch_up: CatchUp
    catch_up_limit_days: int
    spread_minutes: int


@dataclass(frozen=True, slots=True)
class DaysLeftOut:
    """Days that fell into a pause and that nothing sends by itself, since they lie beyond the catch-up limit
    of so many days, or since the schedule doesn't catch up (`beyond_limit_days` None)."""

    start: date
    end: date
    beyond_limit_days: int | None

    @property
    def days(self) -> int:
        """How many."""
        return (self.end - self.start).days + 1


@dataclass(frozen=True)
class Schedule:
    """One row of `scheduled_deliveries`; `company` is the slug, instants are UTC.

    `schedule` is the five-field cron; `holiday_calendar` the text of `HolidayCalendar.to_text`;
    `window_days` ISO weekdays (1 is Monday); `fired_until` and `covered_until` the cursor; `notice`
    what a person should know of the change that gave this value, never stored.
    """

    id: UUID
    company_id: UUID
    company: str
    platform: Platform
    schedule: str
    timezone: str
    active: bool
    next_run: datetime | None
    last_run: datetime | None
    last_status: str | None
    last_error: str | None
    consecutive_failures: int
    paused_reason: str | None
    holiday_calendar: str | None
    window_start: time | None
    window_end: time | None
    window_days: tuple[int, ...] | None
    catch_up: str
    catch_up_limit_days: int
    spread_minutes: int
    fired_until: datetime
    covered_until: date
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None
    notice: DaysLeftOut | InvalidSchedule | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "platform", Platform(self.platform))
        if self.window_days is not None:
            object.__setattr__(self, "window_days", tuple(self.window_days))

    @property
    def problem(self) -> InvalidSchedule | None:
        """Why its stored rule no longer holds (a zone that is gone, say); None if it does."""
        try:
            self.rule  # noqa: B018 - read for its refusal
        except InvalidSchedule as error:
            return error
        return None

    @cached_property
    def rule(self) -> ScheduleRule:
        """When it fires. Raises `InvalidSchedule` for a stored rule that no longer holds."""
        return rule_of(vars(self))

    @property
    def cursor(self) -> Cursor:
        """How far it has been followed."""
        return cursor_of(vars(self))

    @property
    def in_words(self) -> str:
        """The cron in English, such as "At 08:30, Monday through Friday"; the cron itself if it no
        longer holds."""
        try:
            return describe_cron(self.schedule)
        except InvalidSchedule:
            return self.schedule

    def with_rule(self, rule: ScheduleRule) -> "Schedule":
        """The same schedule under another rule."""
        return replace(self, **rule_columns(rule))

    def with_cursor(self, cursor: Cursor) -> "Schedule":
        """The same schedule, followed as far as `cursor`."""
        return replace(self, fired_until=cursor.after, covered_until=cursor.covered_until)


@dataclass(frozen=True, slots=True)
class ScheduleTwin:
    """Another schedule of the same company and platform that fires alike. Two are allowed: what one has
    delivered the other skips (D4). Nobody means it, though."""

    other: Schedule


Note = ScheduleTwin | CalendarNote | DaysLeftOut | InvalidSchedule
"""Something that a person should know of a change, worded by `wording.notes`."""


def changed_rule(schedule: Schedule, changes: RuleChanges) -> ScheduleRule:
    """The schedule's rule with `changes`; what they replace needn't hold any more, so that a rule whose zone
    is gone can be mended. Raises `InvalidSchedule`."""
    parts: RuleChanges = {
        "cron": schedule.schedule,
        "timezone": schedule.timezone,
        "catch_up": CatchUp(schedule.catch_up),
        "catch_up_limit_days": schedule.catch_up_limit_days,
        "spread_minutes": schedule.spread_minutes,
    }
    if "holiday_calendar" not in changes:
        parts["holiday_calendar"] = calendar_of(vars(schedule))
    if "window" not in changes:
        parts["window"] = window_of(vars(schedule))
    parts.update(changes)
    return ScheduleRule(**parts)


def rule_columns(rule: ScheduleRule) -> dict[str, Any]:
    """The columns that keep `rule`; `planning.rule_of` reads them back."""
    calendar, window = rule.holiday_calendar, rule.window
    return {
        "schedule": rule.cron,
        "timezone": rule.timezone,
        "holiday_calendar": calendar.to_text() if calendar else None,
        "window_start": window.start if window else None,
        "window_end": window.end if window else None,
        "window_days": tuple(sorted(window.days)) if window else None,
        "catch_up": rule.catch_up.value,
        "catch_up_limit_days": rule.catch_up_limit_days,
        "spread_minutes": rule.spread_minutes,
    }


def saved_columns(schedule: Schedule) -> dict[str, Any]:
    """Every column that a change may write, with the id."""
    # Not `asdict`: its deep copies cost ten times the statement for ten thousand schedules.
    return {name: getattr(schedule, name) for name in _SAVED}


def updated(schedule: Schedule, rule: ScheduleRule, now: datetime) -> Schedule:
    """`schedule` under `rule` from `now` (UTC) on; what was due until then must be planned already.

    A fire of the day that a calendar, window or spread still holds back stays to come, if the new
    rule puts it after `now`. With a new cron or zone, fires until `now` are over and the next one
    covers their days. A paused schedule keeps its cursor: `resumed` decides.

    Raises `InvalidSchedule` for a rule that never fires.
    """
    changed = schedule.with_rule(rule)
    if not schedule.active:
        return changed
    same_clock = (schedule.schedule, schedule.timezone) == (rule.cron, rule.timezone)
    plan = due_of(rule, schedule.cursor, now)
    if not same_clock or plan.fires:
        changed = changed.with_cursor(cursor_after_change(rule, schedule.cursor, now))
        plan = due_of(rule, changed.cursor, now)
    return replace(changed, next_run=plan.next_run)


def paused(schedule: Schedule, reason: str) -> Schedule:
    """`schedule` without a next run, for `reason`."""
    return replace(schedule, active=False, next_run=None, paused_reason=reason)


def resumed(schedule: Schedule, now: datetime) -> Schedule:
    """`schedule` active again from `now` (UTC) on.

    The fires of the pause were not missed by us: none is written down, none counts against the SLA.
    Their days go to the next fire, unless the rule says otherwise: with `catch_up` none they are
    left out, and so are those whose fires lie beyond the catch-up limit; `notice` names them.

    Raises `InvalidSchedule` for a rule that never fires again.
    """
    rule, before = schedule.rule, schedule.cursor
    plan = due_of(rule, before, now)
    covered = plan.cursor.covered_until
    delivered = [fire for fire in plan.fires if fire.sent]
    if delivered and rule.catch_up is not CatchUp.NONE:
        covered = max(before.covered_until, delivered[0].period_start - _DAY)
    cursor = cursor_after_change(rule, Cursor(plan.cursor.after, covered), now)
    return replace(
        schedule.with_cursor(cursor),
        active=True,
        paused_reason=None,
        next_run=due_of(rule, cursor, now).next_run,
        notice=_left_out(schedule, before.covered_until + _DAY, cursor.covered_until),
    )


def _left_out(schedule: Schedule, start: date, end: date) -> DaysLeftOut | None:
    if end < start:
        return None
    caught_up = schedule.catch_up != CatchUp.NONE
    return DaysLeftOut(start, end, schedule.catch_up_limit_days if caught_up else None)


def run_at(schedule: Schedule, now: datetime) -> tuple[date, date, Schedule]:
    """The period of a delivery at `now` (UTC), both days inclusive, and the schedule after it.

    It is a fire like any other: it reports the whole days since `covered_until`, which move on with
    it, so that the regular fires go on tiling; if none is left, it reports today so far. A fire of
    today that a window or spread still holds back is taken by it.

    Raises `InvalidSchedule` for a stored rule that no longer holds.
    """
    rule, cursor = schedule.rule, schedule.cursor
    today = now.astimezone(rule.zone).date()
    start, end = min(cursor.covered_until + _DAY, today), today - _DAY
    if end < start:
        end = today
    covered = max(cursor.covered_until, min(end, today - _DAY))
    after = schedule.with_cursor(Cursor(max(cursor.after, now), covered))
    if schedule.active:
        after = replace(after, next_run=due_of(rule, after.cursor, now).next_run)
    return start, end, after
