"""The rule of a schedule and the cursor that says how far it has been followed."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from impact_in_pipelines.errors.schedules import (
    CatchUpLimitTooShort,
    CatchUpUnknown,
    SpreadOutOfRange,
    WindowOnWeekendsOnly,
)
from impact_in_pipelines.scheduling.calendars import HolidayCalendar, HolidayPolicy
from impact_in_pipelines.scheduling.crons.expressions import parse_cron
from impact_in_pipelines.scheduling.windows import DeliveryWindow
from impact_in_pipelines.scheduling.zones import parse_timezone

_DAYS_SEARCHED = 400
_DAY = timedelta(days=1)


class CatchUp(StrEnum):
    """What happens to the fires missed in a downtime (design D6)."""

    COALESCE = "coalesce"
    ALL = "all"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class ScheduleRule:
    """When a schedule fires: everything but whose it is.

    `cron` may be a preset name; it is stored as its five fields. `catch_up_limit_days` is the age,
    in days, beyond which a missed fire is left to a person. `spread_minutes` moves every fire later
    by as many minutes, inside its window; the SLA clock starts at the moved time.

    Raises:
        InvalidSchedule: with the part that can't be a rule.
    """

    cron: str
    timezone: str = "UTC"
    holiday_calendar: HolidayCalendar | None = None
    window: DeliveryWindow | None = None
    catch_up: CatchUp = CatchUp.COALESCE
    catch_up_limit_days: int = 31
    spread_minutes: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "cron", parse_cron(self.cron))
        parse_timezone(self.timezone)
        object.__setattr__(self, "catch_up", _catch_up(self.catch_up))
        if self.catch_up_limit_days < 1:
            raise CatchUpLimitTooShort(self.catch_up_limit_days)
        if not 0 <= self.spread_minutes < 24 * 60:
            raise SpreadOutOfRange(self.spread_minutes)
        self._check_open_days()

    @property
    def zone(self) -> ZoneInfo:
        """The time zone whose days the schedule reports on."""
        return parse_timezone(self.timezone)

    def _check_open_days(self) -> None:
        """A window that opens on closed days only would wait for ever."""
        calendar, window = self.holiday_calendar, self.window
        if calendar is None or window is None or calendar.policy is HolidayPolicy.SKIP:
            return
        monday = date(2024, 1, 1)
        week = [monday + _DAY * offset for offset in range(7)]
        if all(calendar.weekend(day) for day in week if day.isoweekday() in window.days):
            raise WindowOnWeekendsOnly(str(window), calendar.policy.value)


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a schedule has been followed.

    `after`: the last nominal cron instant (UTC) that has been handled; strictly later ones are
    still to come. `covered_until`: the last local day that has been reported in full.
    """

    after: datetime
    covered_until: date


def _catch_up(value: str) -> CatchUp:
    try:
        return CatchUp(value)
    except ValueError:
        raise CatchUpUnknown(value, [policy.value for policy in CatchUp]) from None
