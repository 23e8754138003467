"""Refusals about schedules: crons, time zones, calendars, windows, and what is done to a schedule.

Each is about one part of a rule; `part_of` says which, so that a door can show it at the right field.
"""

from collections.abc import Sequence
from datetime import date, datetime, time
from enum import StrEnum
from uuid import UUID

from impact_in_pipelines.errors.base import (
    Conflict,
    ImpactInError,
    InvalidSchedule,
    NotFound,
    UsageError,
    refusal,
)


class RulePart(StrEnum):
    """The part of a rule that doesn't hold."""

    CRON = "cron"
    TIMEZONE = "timezone"
    CALENDAR = "calendar"
    WINDOW = "window"
    CATCH_UP = "catch_up"
    CATCH_UP_LIMIT = "catch_up_limit"
    SPREAD = "spread"


class InvalidCron(InvalidSchedule):
    """A cron that can't be read, or that never fires; `cron` is what was written."""


@refusal("cron.empty")
class CronEmpty(InvalidCron):
    """Nothing was written."""

    cron: str


@refusal("cron.nickname")
class CronNickname(InvalidCron):
    """`@daily` and the like."""

    cron: str


@refusal("cron.too_long")
class CronTooLong(InvalidCron):
    """More than `longest` characters."""

    cron: str
    longest: int


@refusal("cron.six_fields")
class CronSixFields(InvalidCron):
    """Seconds or years, which other crons have."""

    cron: str


@refusal("cron.not_five_fields")
class CronNotFiveFields(InvalidCron):
    """Neither a preset nor five fields."""

    cron: str


@refusal("cron.minute")
class CronMinute(InvalidCron):
    """The minute `field` can't be read."""

    cron: str
    field: str


@refusal("cron.hour")
class CronHour(InvalidCron):
    """The hour `field` can't be read."""

    cron: str
    field: str


@refusal("cron.month_day")
class CronMonthDay(InvalidCron):
    """The day of month `field` can't be read."""

    cron: str
    field: str


@refusal("cron.month")
class CronMonth(InvalidCron):
    """The month `field` can't be read."""

    cron: str
    field: str


@refusal("cron.week_day")
class CronWeekDay(InvalidCron):
    """The day of week `field` can't be read."""

    cron: str
    field: str


@refusal("cron.never_fires")
class CronNeverFires(InvalidCron):
    """No such day in any year: 31 February."""

    cron: str


class PickMissing(InvalidSchedule):
    """Something that a person must pick."""


@refusal("picked.week_day_missing")
class PickedWeekDayMissing(PickMissing):
    """Weekly, on no day."""


@refusal("picked.month_day_missing")
class PickedMonthDayMissing(PickMissing):
    """Monthly, on no day."""


@refusal("picked.step_unknown")
class PickedStepUnknown(PickMissing):
    """Every so many hours, which don't divide a day."""

    step: str
    known: Sequence[int]


@refusal("picked.time_malformed")
class PickedTimeMalformed(PickMissing):
    """The text is no time of day."""

    text: str


@refusal("schedule.never_again")
class NeverFiresAgain(InvalidSchedule):
    """The holiday calendar or the window drops every fire of the cron, or time ends."""

    cron: str


@refusal("timezone.unknown")
class TimezoneUnknown(InvalidSchedule):
    """No IANA time zone has this name; `example` is the likeliest one that does."""

    timezone: str
    example: str


class InvalidCalendar(InvalidSchedule):
    """A holiday calendar that there isn't."""


@refusal("calendar.country_missing")
class CalendarCountryMissing(InvalidCalendar):
    """Neither a country nor dates of the company's own."""


@refusal("calendar.country_unknown")
class CalendarCountryUnknown(InvalidCalendar):
    """Not a country's ISO 3166 code of two letters, or one whose holidays nobody has listed."""

    country: str


@refusal("calendar.region_unknown")
class CalendarRegionUnknown(InvalidCalendar):
    """The country has no such subdivision; `known` are some that it has."""

    country: str
    region: str
    known: Sequence[str]


@refusal("calendar.policy_unknown")
class CalendarPolicyUnknown(InvalidCalendar):
    """What is to happen on holidays is none of `known`."""

    policy: str
    known: Sequence[str]


@refusal("calendar.date_malformed")
class CalendarDateMalformed(InvalidCalendar):
    """A closed day that isn't a date."""

    text: str


@refusal("calendar.option_unknown")
class CalendarOptionUnknown(InvalidCalendar):
    """A part of the calendar's text that means nothing."""

    option: str


class InvalidWindow(InvalidSchedule):
    """Delivery hours that never open."""


@refusal("window.not_whole_minutes")
class WindowNotWholeMinutes(InvalidWindow):
    """A bound with seconds or an offset."""

    at: time


@refusal("window.end_before_start")
class WindowEndsBeforeStart(InvalidWindow):
    """It would close before it opens."""

    start: time
    end: time


@refusal("window.half")
class WindowHalf(InvalidWindow):
    """A start without an end, or the other way round."""


@refusal("window.days_unknown")
class WindowDaysUnknown(InvalidWindow):
    """ISO weekdays are 1 to 7, and at least one."""

    days: Sequence[int]


@refusal("window.weekends_only")
class WindowOnWeekendsOnly(InvalidWindow):
    """It opens only on days off which the calendar's policy moves every fire."""

    window: str
    policy: str


@refusal("schedule.catch_up_unknown")
class CatchUpUnknown(InvalidSchedule):
    """None of the policies."""

    catch_up: str
    known: Sequence[str]


@refusal("schedule.catch_up_limit")
class CatchUpLimitTooShort(InvalidSchedule):
    """Less than a day."""

    days: int


@refusal("schedule.spread_range")
class SpreadOutOfRange(InvalidSchedule):
    """Not 0 to 1439 minutes."""

    minutes: int


@refusal("load.end_before_start")
class LoadEndsBeforeStart(InvalidSchedule):
    """A plan over no time."""

    start: datetime
    end: datetime


@refusal("load.capacity_missing")
class LoadCapacityMissing(InvalidSchedule):
    """The platform takes no positive number of deliveries a minute."""

    platform: str


@refusal("platform.unknown")
class PlatformUnknown(UsageError):
    """None of `known`."""

    platform: str
    known: Sequence[str]


@refusal("preview.out_of_range")
class PreviewOutOfRange(UsageError):
    """An instant before the time zones' changes are known, or too far to mean anything."""

    first: date
    last: date


@refusal("schedule.unknown")
class ScheduleUnknown(NotFound):
    """No schedule has this id, or none that the caller may see."""

    schedule: str


@refusal("schedule.deleted")
class ScheduleDeleted(NotFound):
    """It was there."""

    schedule: UUID
    deleted_at: datetime


@refusal("schedule.id_malformed")
class ScheduleIdMalformed(UsageError):
    """The text is neither an id nor the beginning of one; `shortest` counts hex digits."""

    text: str
    shortest: int


@refusal("schedule.id_ambiguous")
class ScheduleIdAmbiguous(UsageError):
    """Several ids begin with the text; `ids` are the first of them."""

    text: str
    ids: Sequence[str]


@refusal("schedule.reason_missing")
class PauseReasonMissing(UsageError):
    """A pause that nobody could understand later."""


@refusal("schedule.run_already")
class RunAlreadyPlanned(Conflict):
    """A delivery for this very instant is there."""

    at: datetime


def part_of(error: ImpactInError) -> RulePart | None:
    """The part of a rule that `error` is about; None where it is about their combination or none."""
    match error:
        case InvalidCron() | PickMissing():
            return RulePart.CRON
        case TimezoneUnknown():
            return RulePart.TIMEZONE
        case InvalidCalendar() | NeverFiresAgain():
            return RulePart.CALENDAR
        case InvalidWindow():
            return RulePart.WINDOW
        case CatchUpUnknown():
            return RulePart.CATCH_UP
        case CatchUpLimitTooShort():
            return RulePart.CATCH_UP_LIMIT
        case SpreadOutOfRange():
            return RulePart.SPREAD
    return None
