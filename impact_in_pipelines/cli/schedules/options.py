"""The options that make up a schedule's rule, as people type them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, time
from typing import Annotated

import typer

from impact_in_pipelines.db.deliveries.queueing.planning import calendar_of, window_of
from impact_in_pipelines.db.schedules.rows import RuleChanges, Schedule
from impact_in_pipelines.errors import UsageError
from impact_in_pipelines.scheduling import (
    CatchUp,
    DeliveryWindow,
    HolidayCalendar,
    HolidayPolicy,
    ScheduleRule,
)

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WINDOW = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")
_NONE = "none"

Timezone = Annotated[
    str | None, typer.Option(metavar="TZ", help="IANA zone whose days and hours count.")
]
Holidays = Annotated[
    str | None,
    typer.Option(metavar="CC[-SUB]", help="Public holidays, e.g. NO or DE-BY; none removes them."),
]
Policy = Annotated[
    HolidayPolicy | None, typer.Option("--holiday-policy", help="What a closed day does to a fire.")
]
ExtraHolidays = Annotated[
    list[str] | None,
    typer.Option(
        "--extra-holiday", metavar="DATE", help="A closed day of your own; may be repeated."
    ),
]
Window = Annotated[
    str | None,
    typer.Option(
        metavar="HH:MM-HH:MM", help="Local hours for deliveries; none removes the window."
    ),
]
WindowDays = Annotated[
    str | None, typer.Option(metavar="DAYS", help="Days of the window: mon-fri or mon,wed,fri.")
]
CatchUpOption = Annotated[
    CatchUp | None, typer.Option("--catch-up", help="What happens to fires missed in a downtime.")
]
CatchUpLimit = Annotated[
    int | None,
    typer.Option(
        metavar="DAYS", help="Days of fires missed longer ago are not sent automatically."
    ),
]
Spread = Annotated[
    int | None, typer.Option(metavar="MIN", help="Minutes later than the cron, to spread the load.")
]


@dataclass(frozen=True, slots=True)
class RuleOptions:
    """What was typed; None for what was not."""

    timezone: str | None = None
    holidays: str | None = None
    holiday_policy: HolidayPolicy | None = None
    extra_holidays: list[str] | None = None
    window: str | None = None
    window_days: str | None = None
    catch_up: CatchUp | None = None
    catch_up_limit: int | None = None
    spread: int | None = None

    def rule(self, cron: str, default_timezone: str) -> ScheduleRule:
        """A new rule. Raises `InvalidSchedule` or `UsageError` for what can't be one."""
        base = ScheduleRule(cron, self.timezone or default_timezone)
        return replace(base, **self.changes(base))

    def changes_of(self, schedule: Schedule) -> RuleChanges:
        """As `changes`, of a saved schedule, whose rule needn't hold any more."""
        row = vars(schedule)
        return self._changes(lambda: calendar_of(row), lambda: window_of(row))

    def changes(self, rule: ScheduleRule) -> RuleChanges:
        """What differs from `rule` by what was typed; the rest of its calendar and window stays.

        Raises `InvalidSchedule` or `UsageError`.
        """
        return self._changes(lambda: rule.holiday_calendar, lambda: rule.window)

    def _changes(
        self,
        calendar: Callable[[], HolidayCalendar | None],
        window: Callable[[], DeliveryWindow | None],
    ) -> RuleChanges:
        changes = RuleChanges()
        if self.timezone is not None:
            changes["timezone"] = self.timezone
        if any(part is not None for part in (self.holidays, self.holiday_policy)) or (
            self.extra_holidays
        ):
            changes["holiday_calendar"] = self._calendar(calendar())
        if self.window is not None or self.window_days is not None:
            changes["window"] = self._window(window())
        if self.catch_up is not None:
            changes["catch_up"] = self.catch_up
        if self.catch_up_limit is not None:
            changes["catch_up_limit_days"] = self.catch_up_limit
        if self.spread is not None:
            changes["spread_minutes"] = self.spread
        return changes

    def _calendar(self, old: HolidayCalendar | None) -> HolidayCalendar | None:
        country, subdivision = (old.country, old.subdivision) if old else (None, None)
        extra = old.extra_dates if old else ()
        policy = self.holiday_policy or (old.policy if old else HolidayPolicy.SKIP)
        if self.extra_holidays:
            extra = tuple(_date(text) for text in self.extra_holidays)
        if self.holidays is not None:
            if self.holidays.strip().lower() == _NONE:
                if not self.extra_holidays:
                    return None
                country, subdivision = None, None
            else:
                head, _, tail = self.holidays.strip().partition("-")
                country, subdivision = head, tail or None
        if country is None and not extra:
            raise UsageError("--holiday-policy needs a calendar: add --holidays NO, for example")
        return HolidayCalendar(country, subdivision, extra, policy)

    def _window(self, old: DeliveryWindow | None) -> DeliveryWindow | None:
        if self.window is not None and self.window.strip().lower() == _NONE:
            return None
        if self.window is not None:
            start, end = _hours(self.window)
        elif old is not None:
            start, end = old.start, old.end
        else:
            raise UsageError("--window-days needs a window: add --window 08:00-18:00, for example")
        if self.window_days is not None:
            return DeliveryWindow(start, end, _days(self.window_days))
        return DeliveryWindow(start, end, old.days) if old else DeliveryWindow(start, end)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(
            f"--extra-holiday {text!r} isn't a date, write it like 2026-12-24"
        ) from None


def _hours(text: str) -> tuple[time, time]:
    """`08:00-18:00`; an end of 24:00 is midnight."""
    match = _WINDOW.fullmatch(text.strip())
    if match:
        start_hour, start_minute, end_hour, end_minute = map(int, match.groups())
        if (end_hour, end_minute) == (24, 0):
            end_hour = 0
        try:
            return time(start_hour, start_minute), time(end_hour, end_minute)
        except ValueError:
            pass
    raise UsageError(f"--window {text!r} must be local hours such as 08:00-18:00, or none")


def _days(text: str) -> frozenset[int]:
    """ISO weekdays of `mon-fri`, `mon,wed,fri` or `sat-tue`."""
    numbers: Mapping[str, int] = {name: at for at, name in enumerate(_DAYS, start=1)}
    days: set[int] = set()
    for part in text.lower().replace(" ", "").split(","):
        first, dash, last = part.partition("-")
        first, last = first[:3], (last if dash else first)[:3]
        if first not in numbers or last not in numbers:
            raise UsageError(
                f"--window-days {text!r} must be of {', '.join(_DAYS)}, as a list or a range such "
                "as mon-fri"
            )
        length = (numbers[last] - numbers[first]) % 7
        days |= {(numbers[first] - 1 + step) % 7 + 1 for step in range(length + 1)}
    return frozenset(days)
