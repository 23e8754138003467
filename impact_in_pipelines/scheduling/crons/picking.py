"""Crons that a form's fields can express: how often, at what time, on which days; and back from a cron to the
fields.

Both directions go by what a cron means, not by how it is written: `0 8 * * MON-FRI` opens as the five days
ticked, and what the fields write fires at the times that they show.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time
from enum import StrEnum

from impact_in_pipelines.errors.schedules import (
    PickedMonthDayMissing,
    PickedStepUnknown,
    PickedWeekDayMissing,
)
from impact_in_pipelines.scheduling.crons.expressions import parse_cron
from impact_in_pipelines.scheduling.crons.meaning import CronMeaning, even_step, meaning_of, runs

HOUR_STEPS = (2, 3, 4, 6, 8, 12)
"""Every so many hours: those that divide a day, so that midnight changes nothing."""
LAST_DAY = 32
"""Stands for the last day of the month among the days of a month."""


class Often(StrEnum):
    """How often something is sent."""

    HOURLY = "hourly"
    HOURS = "hours"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


@dataclass(frozen=True, slots=True)
class Picked:
    """What a person picked. What `often` doesn't need is ignored: of `at` the hour for the hourly ones,
    `weekdays` (ISO, 1 is Monday) unless weekly, `month_days` (1 to 31, `LAST_DAY`) unless monthly.

    Raises:
        InvalidSchedule: no day is picked where one must be, or a step that doesn't divide a day.
    """

    often: Often
    at: time = time(0)
    every_hours: int = 6
    weekdays: tuple[int, ...] = ()
    month_days: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "weekdays", tuple(sorted(set(self.weekdays))))
        object.__setattr__(self, "month_days", tuple(sorted(set(self.month_days))))
        if self.often is Often.WEEKLY and not set(self.weekdays) & set(range(1, 8)):
            raise PickedWeekDayMissing()
        if self.often is Often.MONTHLY and not set(self.month_days) & set(range(1, LAST_DAY + 1)):
            raise PickedMonthDayMissing()
        if self.often is Often.HOURS and self.every_hours not in HOUR_STEPS:
            raise PickedStepUnknown(str(self.every_hours), HOUR_STEPS)

    @property
    def cron(self) -> str:
        """The five-field cron."""
        minute, hour = self.at.minute, self.at.hour
        match self.often:
            case Often.HOURLY:
                return f"{minute} * * * *"
            case Often.HOURS:
                return f"{minute} */{self.every_hours} * * *"
            case Often.DAILY:
                return f"{minute} {hour} * * *"
            case Often.WEEKLY:
                # Cron's Sunday is 0.
                return f"{minute} {hour} * * {_spans([day % 7 for day in self.weekdays])}"
            case Often.MONTHLY:
                numbers = [day for day in self.month_days if day < LAST_DAY]
                days = [*([_spans(numbers)] if numbers else [])]
                days += ["L"] if LAST_DAY in self.month_days else []
                return f"{minute} {hour} {','.join(days)} * *"


def picked_from(cron: str) -> Picked | None:
    """The fields that mean what `cron` (or a preset's name) means; None where they can't.

    Raises:
        InvalidCron: nothing that fires.
    """
    meaning = meaning_of(parse_cron(cron))
    if meaning.months or len(meaning.minutes) != 1:
        return None
    minute, every_day = meaning.minutes[0], not (meaning.month_days or meaning.week_days)
    if len(meaning.hours) == 24:
        return Picked(Often.HOURLY, time(0, minute)) if every_day else None
    step = even_step(meaning.hours, 24)
    if step in HOUR_STEPS and every_day:
        return Picked(Often.HOURS, time(0, minute), step)
    if len(meaning.hours) != 1:
        return None
    return _on_days(meaning, time(meaning.hours[0], minute))


def _on_days(meaning: CronMeaning, at: time) -> Picked | None:
    of_month, of_week = meaning.month_days, meaning.week_days
    if of_month is None and of_week is None:
        return Picked(Often.DAILY, at)
    if of_month is None and of_week is not None:
        if of_week.some:
            return None
        return Picked(Often.WEEKLY, at, weekdays=tuple(day + 1 for day in of_week.every))
    if of_week is not None or of_month is None or of_month.last_workday:
        return None
    last = (LAST_DAY,) if of_month.last_day else ()
    return Picked(Often.MONTHLY, at, month_days=(*of_month.numbers, *last))


def _spans(numbers: Sequence[int]) -> str:
    """Numbers as a cron lists them, three or more in a row as a range."""
    parts = []
    for run in runs(sorted(numbers)):
        parts += [f"{run[0]}-{run[-1]}"] if len(run) > 2 else [str(number) for number in run]
    return ",".join(parts)
