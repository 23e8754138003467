"""What a cron means, as sets rather than as text: the one source of every sentence about it.

Words made from the text contradict the fires: `*/61` in the minutes isn't every 61 minutes but minute 0, and
`0 */25` isn't every 25 hours but midnight. So the fields are read by the library that finds the fires, and
whoever words a cron, in whatever language, words these sets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from cronsim import CronSim

from impact_in_pipelines.scheduling.clock import template

LAST_DAY, LAST_WORKDAY = "L", "LW"
LAST = -1
"""For the last such weekday of a month, where others have 1 to 5."""

_ALL_DAYS, _ALL_MONTHS = frozenset(range(1, 32)), frozenset(range(1, 13))


@dataclass(frozen=True, slots=True)
class MonthDays:
    """Days of a month: numbers from 1, the last day, the last day from Monday to Friday."""

    numbers: tuple[int, ...] = ()
    last_day: bool = False
    last_workday: bool = False


@dataclass(frozen=True, slots=True)
class WeekDays:
    """Weekdays, 0 is Monday: `every` one of them, or `some`: (weekday, which of the month or `LAST`)."""

    every: tuple[int, ...] = ()
    some: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class CronMeaning:
    """The minutes, hours and months (None: every one) at which a cron fires, sorted, and its days.

    Without `month_days` and `week_days` it fires on every day. With both, either is enough, unless `both`.
    """

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    months: tuple[int, ...] | None
    month_days: MonthDays | None
    week_days: WeekDays | None
    both: bool


@lru_cache(maxsize=8192)
def meaning_of(cron: str) -> CronMeaning:
    """The meaning of a cron that `parse_cron` returned."""
    parsed = template(cron)
    month_days, week_days = _month_days(parsed), _week_days(parsed)
    if not parsed.day_and and (month_days is None or week_days is None):
        # Either field is enough, and one of them lets every day through (`1/1`).
        month_days = week_days = None
    both = parsed.day_and and month_days is not None and week_days is not None
    months = frozenset(parsed.months)
    return CronMeaning(
        tuple(sorted(parsed.minutes)),
        tuple(sorted(parsed.hours)),
        None if months == _ALL_MONTHS else tuple(sorted(months)),
        month_days,
        week_days,
        both,
    )


def _month_days(parsed: CronSim) -> MonthDays | None:
    found = frozenset(parsed.days)
    if found >= _ALL_DAYS:
        return None
    numbers = tuple(sorted(day for day in found if day > 0))
    return MonthDays(numbers, CronSim.LAST in found, CronSim.LAST_WEEKDAY in found)


def _week_days(parsed: CronSim) -> WeekDays | None:
    # Cron counts from Sunday, which is 0 and 7.
    every = {(day - 1) % 7 for day in parsed.weekdays if isinstance(day, int)}
    if len(every) == 7:
        return None
    some = {
        ((day[0] - 1) % 7, LAST if day[1] == CronSim.LAST else day[1])
        for day in parsed.weekdays
        if not isinstance(day, int)
    }
    return WeekDays(tuple(sorted(every)), tuple(sorted(one for one in some if one[0] not in every)))


def even_step(numbers: Sequence[int], of: int) -> int | None:
    """The step with which `numbers` divide `of` evenly, from 0 on, so that *every n* is true over the
    turn as well; None if there is none (`*/7` in the minutes waits 4 minutes at the full hour)."""
    if of % len(numbers):
        return None
    step = of // len(numbers)
    return step if list(numbers) == list(range(0, of, step)) else None


def is_run(numbers: Sequence[int]) -> bool:
    """Whether `numbers` (increasing) follow each other without a gap."""
    return numbers[-1] - numbers[0] == len(numbers) - 1


def runs(numbers: Sequence[int]) -> list[list[int]]:
    """`numbers` (increasing) in stretches without a gap."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][-1] + 1:
            found[-1].append(number)
        else:
            found.append([number])
    return found
