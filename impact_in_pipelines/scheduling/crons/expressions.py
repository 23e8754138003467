"""Cron expressions as people write them: parsed, or refused with a reason."""

from enum import StrEnum
from functools import lru_cache

from cronsim import CronSim, CronSimError

from impact_in_pipelines.errors.schedules import (
    CronEmpty,
    CronHour,
    CronMinute,
    CronMonth,
    CronMonthDay,
    CronNeverFires,
    CronNickname,
    CronNotFiveFields,
    CronSixFields,
    CronTooLong,
    CronWeekDay,
    InvalidCron,
)
from impact_in_pipelines.scheduling.clock import EPOCH

LONGEST_CRON = 100
"""Characters; the width of the column `scheduled_deliveries.schedule`."""


class ScheduleFrequency(StrEnum):
    """The presets a person can name instead of a cron."""

    HOURLY = "hourly"
    EVERY_6_HOURS = "every-6-hours"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"

    @property
    def cron(self) -> str:
        """The five-field cron of the preset."""
        return _PRESETS[self]


_PRESETS = {
    ScheduleFrequency.HOURLY: "0 * * * *",
    ScheduleFrequency.EVERY_6_HOURS: "0 */6 * * *",
    ScheduleFrequency.DAILY: "0 0 * * *",
    ScheduleFrequency.WEEKLY: "0 0 * * 0",
    ScheduleFrequency.MONTHLY: "0 0 1 * *",
}

_NAMES = {
    name: number
    for first, names in (
        (0, "SUN MON TUE WED THU FRI SAT"),
        (1, "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC"),
    )
    for number, name in enumerate(names.split(), first)
}

_FIELDS: tuple[type[InvalidCron], ...] = (
    CronMinute,
    CronHour,
    CronMonthDay,
    CronMonth,
    CronWeekDay,
)


@lru_cache(maxsize=8192)
def parse_cron(text: str) -> str:
    """The five-field cron that a preset name or a cron stands for, upper-case, single-spaced, without
    steps on ranges of one.

    Days of month and of week are joined as Debian's cron does: both must match if one of the fields
    starts with `*`, otherwise either is enough.

    Raises:
        InvalidCron: with the field that can't be read; a cron that never fires is refused as well.
    """
    shown = _shown(text)
    if text.strip().lower() in _PRESETS:
        return _PRESETS[ScheduleFrequency(text.strip().lower())]
    fields = text.upper().split()
    if not fields:
        raise CronEmpty(shown)
    if fields[0].startswith("@"):
        raise CronNickname(shown)
    if len(text) > LONGEST_CRON:
        raise CronTooLong(shown, LONGEST_CRON)
    if len(fields) == 6:
        raise CronSixFields(shown)
    if len(fields) != 5:
        raise CronNotFiveFields(shown)
    for position, field in enumerate(fields):
        _check_field(shown, position, field)
    cron = " ".join(",".join(map(_without_idle_step, field.split(","))) for field in fields)
    _check_fires(shown, cron)
    return cron


def _shown(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


def _check_field(shown: str, position: int, field: str) -> None:
    alone = ["*"] * 5
    alone[position] = field
    try:
        CronSim(" ".join(alone), EPOCH)
    except CronSimError:
        raise _FIELDS[position](shown, _shown(field)) from None


def _without_idle_step(term: str) -> str:
    """`5-5/10` as `5`: a step ends with its range, which has one member here. cronsim takes it for `5/10`."""
    span, _, step = term.partition("/")
    first, _, last = span.partition("-")
    if step and last and _number(first) == _number(last):
        return first
    return term


def _number(text: str) -> int:
    return _NAMES[text] if text in _NAMES else int(text)


def _check_fires(shown: str, cron: str) -> None:
    """cronsim refuses some impossible dates at once and gives up on the others after fifty
    years."""
    try:
        next(CronSim(cron, EPOCH))
    except (CronSimError, StopIteration):
        raise CronNeverFires(shown) from None
