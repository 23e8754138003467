"""A cron in English words, true to its fires; what can't be said simply stays a cron."""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from impact_in_pipelines.scheduling.crons.expressions import parse_cron
from impact_in_pipelines.scheduling.crons.meaning import (
    LAST,
    CronMeaning,
    MonthDays,
    WeekDays,
    even_step,
    is_run,
    meaning_of,
    runs,
)

_WEEK = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_YEAR = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_WHICH = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", LAST: "last"}
MOST_TIMES = 6
"""Times of day, minutes or stretches of days that a sentence lists; more are easier read as a cron."""


@lru_cache(maxsize=8192)
def describe_cron(cron: str) -> str:
    """`cron` in English words, 24-hour clock, e.g. "Every day at 00:00" or "At 08:30, Monday through
    Friday"; the five fields themselves where words would be long.

    Raises:
        InvalidSchedule: as `parse_cron`.
    """
    fields = parse_cron(cron)
    meaning = meaning_of(fields)
    at = _times(meaning)
    days = _days(meaning)
    if at is None or days is None:
        return fields
    months = f"only in {_named(meaning.months, _YEAR, first=1)}" if meaning.months else ""
    if at.startswith("At ") and not months and (plain := _plainer(meaning, at)):
        return plain
    return ", ".join(part for part in (at, days, months) if part)


def _plainer(meaning: CronMeaning, at: str) -> str | None:
    """ "At 00:00" alone leaves open how often that is."""
    at = at.replace("At ", "at ")
    match meaning:
        case CronMeaning(month_days=None, week_days=None):
            return f"Every day {at}"
        case CronMeaning(month_days=None, week_days=WeekDays(every=(day,), some=())):
            return f"Every {_WEEK[day]} {at}"
        case CronMeaning(month_days=MonthDays((day,), False, False), week_days=None):
            return f"On day {day} of every month {at}"
    return None


def _times(meaning: CronMeaning) -> str | None:
    minutes, hours = meaning.minutes, meaning.hours
    step = even_step(minutes, 60)
    if len(hours) == 24:
        if step is not None:
            return _every(step, "minute") if step < 60 else "Every hour"
        return (
            f"Every hour at {_counted('minute', minutes)}" if len(minutes) <= MOST_TIMES else None
        )
    several = len(hours) > 1 or len(minutes) > MOST_TIMES
    if is_run(hours) and several and step is not None and step < 60:
        return f"{_every(step, 'minute')} from {_clock(hours[0], 0)} to {_clock(hours[-1], minutes[-1])}"
    if is_run(hours) and len(hours) > 2 and len(minutes) == 1:
        return f"Every hour from {_clock(hours[0], minutes[0])} to {_clock(hours[-1], minutes[0])}"
    often = even_step(hours, 24)
    if often is not None and often < 12 and len(minutes) == 1:
        return _every(often, "hour") + (f" at minute {minutes[0]}" if minutes[0] else "")
    if len(hours) * len(minutes) > MOST_TIMES:
        return None
    return "At " + _listed(_clock(hour, minute) for hour in hours for minute in minutes)


def _days(meaning: CronMeaning) -> str | None:
    """Empty for every day; None where words would be long."""
    days, week = meaning.month_days, meaning.week_days
    if days is None:
        return _week_days(week, alone=True) if week else ""
    of_month = _month_days(days)
    if of_month is None or week is None:
        return of_month
    if meaning.both:
        if week.some:
            return None
        return f"{of_month}, if that is {_named(week.every, _WEEK, last='or')}"
    return f"{of_month}, or {_week_days(week, alone=False)}"


def _month_days(days: MonthDays) -> str | None:
    parts = []
    if days.numbers:
        stretches = runs(days.numbers)
        if len(stretches) > MOST_TIMES:
            return None
        texts = [
            f"{run[0]} to {run[-1]}" if len(run) > 2 else _listed(map(str, run))
            for run in stretches
        ]
        noun = "day" if len(days.numbers) < 2 else "days"
        parts.append(f"on {noun} {_listed(texts)} of the month")
    if days.last_day:
        parts.append("on the last day of the month")
    if days.last_workday:
        parts.append("on the last day from Monday to Friday of the month")
    return " and ".join(parts)


def _week_days(week: WeekDays, *, alone: bool) -> str:
    parts = []
    if week.every:
        named = _named(week.every, _WEEK)
        spoken = "through" in named and "and" not in named
        parts.append(named if spoken else f"{'only on' if alone else 'on'} {named}")
    some = [f"the {_WHICH[which]} {_WEEK[day]}" for day, which in week.some]
    if some:
        parts.append(f"on {_listed(some)} of the month")
    return " and ".join(parts)


def _named(
    numbers: Sequence[int] | None, names: Sequence[str], *, first: int = 0, last: str = "and"
) -> str:
    parts = []
    for run in runs(numbers or ()):
        texts = [names[number - first] for number in run]
        parts += [f"{texts[0]} through {texts[-1]}"] if len(run) > 2 else texts
    return _listed(parts, last)


def _every(step: int, noun: str) -> str:
    return f"Every {noun}" if step == 1 else f"Every {step} {noun}s"


def _counted(noun: str, numbers: Sequence[int]) -> str:
    return f"{noun}{'s' if len(numbers) > 1 else ''} {_listed(map(str, numbers))}"


def _clock(hour: int, minute: int) -> str:
    return f"{hour:02d}:{minute:02d}"


def _listed(parts: Iterable[str], last: str = "and") -> str:
    *before, final = parts
    return f"{', '.join(before)} {last} {final}" if before else final
