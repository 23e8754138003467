"""Schedules on the wire."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import time
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BeforeValidator, Field, WithJsonSchema

from impact_in_pipelines.api.deliveries.schemas import Status
from impact_in_pipelines.api.http.problems import naming
from impact_in_pipelines.api.http.schemas import (
    NO_NUL,
    Day,
    Flag,
    Input,
    InputDay,
    Instant,
    Model,
    Moment,
    PlatformName,
    ShownPlatform,
    Whole,
)
from impact_in_pipelines.db.schedules.rows import Note, ScheduleTwin
from impact_in_pipelines.db.schedules.rows import Schedule as StoredSchedule
from impact_in_pipelines.delivery.showing.sanitising import sanitised
from impact_in_pipelines.errors import UsageError
from impact_in_pipelines.errors.schedules import RulePart, part_of
from impact_in_pipelines.scheduling import (
    CatchUp,
    DeliveryWindow,
    HolidayCalendar,
    HolidayPolicy,
    ScheduleRule,
    parse_cron,
    parse_timezone,
)
from impact_in_pipelines.wording.notes import note_sentence

Cron = Annotated[
    str,
    Field(
        min_length=1,
        max_length=100,
        pattern=NO_NUL,
        description="five cron fields, or hourly, every-6-hours, daily, weekly, monthly",
        examples=["daily", "30 8 * * 1-5"],
    ),
]
Zone = Annotated[str, Field(min_length=1, max_length=64, pattern=NO_NUL, examples=["Europe/Oslo"])]
Reason = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")]
CatchUpName = Literal["coalesce", "all", "none"]


_LOCAL_TIME = r"^([01]\d|2[0-3]):[0-5]\d(:00)?$"


def _local(value: object) -> time:
    if isinstance(value, time):
        return value
    if not isinstance(value, str) or not re.fullmatch(_LOCAL_TIME, value, re.ASCII):
        raise ValueError("must be local hours and minutes such as 08:00")
    return time.fromisoformat(value)


# JSON Schema's own `time` has an offset (RFC 3339).
LocalTime = Annotated[
    time,
    BeforeValidator(_local),
    WithJsonSchema({"type": "string", "pattern": _LOCAL_TIME, "examples": ["08:00:00"]}),
]


class Calendar(Input):
    """Public holidays of a country and closed days of the company's own, and what they do to a fire."""

    country: Annotated[str | None, Field(max_length=2, pattern=NO_NUL, examples=["NO"])] = None
    subdivision: Annotated[str | None, Field(max_length=10, pattern=NO_NUL)] = None
    extra_dates: Annotated[list[InputDay], Field(max_length=366, default_factory=list)]
    policy: Literal["skip", "next_business_day", "previous_business_day"] = "skip"

    @classmethod
    def of(cls, calendar: HolidayCalendar) -> "Calendar":
        return cls(
            country=calendar.country,
            subdivision=calendar.subdivision,
            extraDates=list(calendar.extra_dates),
            policy=calendar.policy.value,
        )

    def value(self) -> HolidayCalendar:
        """Raises `InvalidSchedule`."""
        return HolidayCalendar(
            self.country, self.subdivision, tuple(self.extra_dates), HolidayPolicy(self.policy)
        )


class WindowView(Model):
    """Local hours, and the ISO weekdays (1 is Monday), in which deliveries may go out. An end of 00:00 is
    midnight."""

    start: LocalTime
    end: LocalTime
    days: Annotated[
        list[Annotated[Whole, Field(ge=1, le=7)]],
        Field(min_length=1, max_length=7, default_factory=lambda: list(range(1, 8))),
    ]

    @classmethod
    def of(cls, window: DeliveryWindow) -> "WindowView":
        return cls(start=window.start, end=window.end, days=sorted(window.days))

    def value(self) -> DeliveryWindow:
        """Raises `InvalidSchedule`."""
        return DeliveryWindow(self.start, self.end, frozenset(self.days))


def check_cron_and_zone(cron: str | None, zone: str | None) -> None:
    """Raises a 422 problem that names the field; what is None isn't looked at."""
    if cron is not None:
        with naming("schedule"):
            parse_cron(cron)
    if zone is not None:
        with naming("timezone"):
            parse_timezone(zone)


_FIELDS: Mapping[RulePart, str] = {
    RulePart.CRON: "schedule",
    RulePart.TIMEZONE: "timezone",
    RulePart.CALENDAR: "holidayCalendar",
    RulePart.WINDOW: "window",
    RulePart.CATCH_UP: "catchUp",
    RulePart.CATCH_UP_LIMIT: "catchUpLimitDays",
    RulePart.SPREAD: "spreadMinutes",
}


@contextmanager
def naming_part(
    *, only: str | None = None, otherwise: str = "schedule", location: str = "body"
) -> Iterator[None]:
    """What is refused inside is a 422 problem at the field of the rule's part that doesn't hold, or at
    `only`, if given."""
    try:
        yield
    except UsageError as error:
        part = part_of(error)
        with naming(only or (_FIELDS[part] if part else otherwise), location):
            raise


def calendar_value(calendar: Calendar | None) -> HolidayCalendar | None:
    """The calendar. Raises a 422 problem that names it."""
    with naming("holidayCalendar"):
        return calendar.value() if calendar else None


def window_value(window: WindowView | None) -> DeliveryWindow | None:
    """The window. Raises a 422 problem that names it."""
    with naming("window"):
        return window.value() if window else None


class RuleFields(Input):
    """When a schedule fires, besides its cron and zone."""

    holiday_calendar: Calendar | None = None
    window: WindowView | None = None
    catch_up: CatchUpName = "coalesce"
    catch_up_limit_days: Annotated[Whole, Field(ge=1, le=3660)] = 31
    spread_minutes: Annotated[Whole, Field(ge=0, le=1439)] = 0


class NewRule(RuleFields):
    """A rule that isn't saved."""

    schedule: Cron
    timezone: Zone | None = None

    def rule(self, default_zone: str) -> ScheduleRule:
        """The rule. Raises a 422 problem that names the field."""
        zone = self.timezone or default_zone
        check_cron_and_zone(self.schedule, zone)
        calendar = calendar_value(self.holiday_calendar)
        window = window_value(self.window)
        with naming_part():
            return ScheduleRule(
                self.schedule,
                zone,
                calendar,
                window,
                CatchUp(self.catch_up),
                self.catch_up_limit_days,
                self.spread_minutes,
            )


class NewSchedule(NewRule):
    """A schedule to create; the zone is the company's if none is given."""

    company_id: UUID
    platform: PlatformName
    active: Flag = True


class PreviewRequest(NewRule):
    """A rule to try out."""

    count: Annotated[Whole, Field(ge=1, le=100)] = 5
    start: Annotated[
        Instant | None, Field(alias="from", description="from then on, not from now")
    ] = None


class ScheduleBody(Input):
    """What is changed; what is absent stays. null removes a calendar or a window."""

    schedule: Cron | None = None
    timezone: Zone | None = None
    holiday_calendar: Calendar | None = None
    window: WindowView | None = None
    catch_up: CatchUpName | None = None
    catch_up_limit_days: Annotated[Whole | None, Field(ge=1, le=3660)] = None
    spread_minutes: Annotated[Whole | None, Field(ge=0, le=1439)] = None


class Pause(Input):
    """Why a schedule is paused; others read it."""

    reason: Annotated[Reason, Field(examples=["the account is being moved"])]


class ScheduleView(Model):
    """One schedule. `nextRun` is null while it is paused; `reportedUntil` the last day that is reported."""

    id: UUID
    company_id: UUID
    company: str
    platform: ShownPlatform
    schedule: str = Field(examples=["0 0 * * *"])
    description: str = Field(examples=["Every day at 00:00"])
    timezone: str
    active: bool
    next_run: Moment | None
    next_run_local: Moment | None
    last_run: Moment | None
    last_status: Status | None
    last_error: str | None
    consecutive_failures: int
    paused_reason: str | None
    holiday_calendar: Calendar | None
    window: WindowView | None
    catch_up: CatchUpName
    catch_up_limit_days: int
    spread_minutes: int
    reported_until: Day
    created_at: Moment
    updated_at: Moment
    notice: str | None = Field(
        description="what a person should know: days that stay unsent, another schedule that does the same"
    )
    twin_id: UUID | None = Field(
        None,
        description="another schedule of the company with the same fires: what one delivers, the other skips",
    )


class SchedulePage(Model):
    """A page of schedules, by company, platform and id."""

    data: list[ScheduleView]
    next_cursor: str | None


class FireView(Model):
    """One line of a preview; `why` says what moved, merged or dropped it."""

    nominal: Moment
    scheduled_for: Moment
    local: Moment
    period_start: Day | None
    period_end: Day | None
    why: str | None
    dropped: bool


class PreviewView(Model):
    """The next fires of a rule."""

    schedule: str
    description: str
    timezone: str
    fires: list[FireView]
    notices: list[str] = Field(description="notes about the holiday calendar")


class CountsView(Model):
    """How many schedules there are, and in which state."""

    total: int
    active: int
    paused: int
    failing: int
    overdue: int
    next_due: Moment | None


class PlatformCounts(CountsView):
    """The counts of one platform."""

    platform: ShownPlatform


class ScheduleStatsView(Model):
    """The counts of all schedules and of each platform's."""

    overall: CountsView
    by_platform: list[PlatformCounts]


class DeletedView(Model):
    """A deleted schedule; its history stays."""

    id: UUID
    cancelled_deliveries: int = Field(description="planned, never tried, and cancelled with it")


def shown(one: StoredSchedule, notes: Sequence[Note] = ()) -> ScheduleView:
    """A stored schedule as it goes out; a rule that no longer holds shows neither calendar nor window, and a
    notice that says why."""
    rule = None if one.problem else one.rule
    said = [note_sentence(note) for note in [*([one.problem] if one.problem else []), *notes]]
    calendar, window = (rule.holiday_calendar, rule.window) if rule else (None, None)
    return ScheduleView(
        id=one.id,
        company_id=one.company_id,
        company=one.company,
        platform=one.platform.value,
        schedule=one.schedule,
        description=one.in_words,
        timezone=one.timezone,
        active=one.active,
        next_run=one.next_run,
        next_run_local=one.next_run.astimezone(rule.zone) if one.next_run and rule else None,
        last_run=one.last_run,
        last_status=one.last_status,
        last_error=sanitised(one.last_error),
        consecutive_failures=one.consecutive_failures,
        paused_reason=one.paused_reason,
        holiday_calendar=Calendar.of(calendar) if calendar else None,
        window=WindowView.of(window) if window else None,
        catch_up=one.catch_up,
        catch_up_limit_days=one.catch_up_limit_days,
        spread_minutes=one.spread_minutes,
        reported_until=one.covered_until,
        created_at=one.created_at,
        updated_at=one.updated_at,
        notice="; ".join(said) or None,
        twin_id=next((note.other.id for note in notes if isinstance(note, ScheduleTwin)), None),
    )
