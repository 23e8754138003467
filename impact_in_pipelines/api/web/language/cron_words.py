"""A cron in the words of a language: days and times, without sentences that grammar would bend."""

from collections.abc import Mapping, Sequence

from impact_in_pipelines.api.web.language.words import PRESETS
from impact_in_pipelines.errors import InvalidSchedule
from impact_in_pipelines.scheduling import ScheduleFrequency, describe_cron, parse_cron
from impact_in_pipelines.scheduling.crons.describing import MOST_TIMES
from impact_in_pipelines.scheduling.crons.meaning import (
    CronMeaning,
    MonthDays,
    WeekDays,
    even_step,
    is_run,
    meaning_of,
    runs,
)
from impact_in_pipelines.wording.language.languages import DEFAULT, Language
from impact_in_pipelines.wording.marking import N_

_BY_CRON = {preset.cron: preset.value for preset in ScheduleFrequency}
_EVERY_DAY = N_("Every day")
_LAST_DAY = N_("Last day of the month")
_MONTH_DAYS = N_("Day %(days)s of the month")
_EITHER = N_("%(month_days)s, or %(weekdays)s")
_BOTH = N_("%(month_days)s, if that is %(weekdays)s")
_EVERY_MINUTE = N_("every minute")
_EVERY_HOUR = N_("every hour")
_EVERY_HOUR_AT = N_("every hour at minute %(minute)s")


def preset_of(cron: str) -> str | None:
    """The preset that a cron is, None if it is none."""
    return _BY_CRON.get(cron)


def in_words(language: Language, cron: str) -> str:
    """`cron` in words, such as "Mon–Fri · 08:30", true to its fires. What can't be said simply is the
    English sentence in English and the cron itself elsewhere."""
    try:
        parsed = parse_cron(cron)
    except InvalidSchedule:
        return cron
    preset = preset_of(parsed)
    if preset is not None:
        return language.text(PRESETS[preset])
    meaning = meaning_of(parsed)
    days, times = _days(language, meaning), _times(language, meaning)
    if days is None or times is None:
        return describe_cron(parsed) if language.code == DEFAULT else parsed
    months = ""
    if meaning.months:
        months = _spans(meaning.months, language.locale.months["stand-alone"]["abbreviated"])
    return " · ".join(part for part in (months, days, times) if part)


def _days(language: Language, meaning: CronMeaning) -> str | None:
    of_month, of_week = meaning.month_days, meaning.week_days
    if of_month is None and of_week is None:
        return language.text(_EVERY_DAY)
    month_days = _month_days(language, of_month) if of_month else None
    weekdays = _weekdays(language, of_week) if of_week else None
    if of_week is None:
        return month_days
    if of_month is None:
        return weekdays
    if month_days is None or weekdays is None:
        return None
    together = language.text(_BOTH if meaning.both else _EITHER)
    return together % {"month_days": month_days, "weekdays": weekdays}


def _month_days(language: Language, days: MonthDays) -> str | None:
    if days == MonthDays(last_day=True):
        return language.text(_LAST_DAY)
    if days.last_day or days.last_workday or len(runs(days.numbers)) > MOST_TIMES:
        return None
    names = {number: str(number) for number in days.numbers}
    return language.text(_MONTH_DAYS) % {"days": _spans(days.numbers, names)}


def _weekdays(language: Language, days: WeekDays) -> str | None:
    if days.some:
        return None
    return _spans(days.every, language.locale.days["stand-alone"]["abbreviated"])


def _times(language: Language, meaning: CronMeaning) -> str | None:
    minutes, hours = meaning.minutes, meaning.hours
    step = even_step(minutes, 60)
    if len(hours) == 24:
        if step is not None:
            return _every_minutes(language, step)
        some = ", ".join(map(str, minutes))
        short = len(minutes) <= MOST_TIMES
        return language.text(_EVERY_HOUR_AT) % {"minute": some} if short else None
    several = len(hours) > 1 or len(minutes) > MOST_TIMES
    if is_run(hours) and several and step is not None and step < 60:
        often = _every_minutes(language, step)
        return f"{often} ({_clock(hours[0], 0)}–{_clock(hours[-1], minutes[-1])})"
    if is_run(hours) and len(hours) > 2 and len(minutes) == 1:
        often = language.text(_EVERY_HOUR)
        return f"{often} ({_clock(hours[0], minutes[0])}–{_clock(hours[-1], minutes[0])})"
    hour_step = even_step(hours, 24)
    if hour_step is not None and hour_step < 12 and len(minutes) == 1:
        often = _every(language, hour_step, "every %(n)s hour", "every %(n)s hours")
        return f"{often} (xx:{minutes[0]:02d})"
    if len(hours) * len(minutes) > MOST_TIMES:
        return None
    return ", ".join(_clock(hour, minute) for hour in hours for minute in minutes)


def _every_minutes(language: Language, step: int) -> str:
    if step == 1:
        return language.text(_EVERY_MINUTE)
    if step == 60:
        return language.text(_EVERY_HOUR)
    return _every(language, step, "every %(n)s minute", "every %(n)s minutes")


def _every(language: Language, n: int, singular: str, plural: str) -> str:
    return language.texts.ngettext(singular, plural, n) % {"n": n}


def ngettext(singular: str, plural: str) -> None:
    """Marks a pair for translation."""


ngettext("every %(n)s minute", "every %(n)s minutes")
ngettext("every %(n)s hour", "every %(n)s hours")


def _clock(hour: int, minute: int) -> str:
    return f"{hour:02d}:{minute:02d}"


def _spans(numbers: Sequence[int], names: Mapping[int, str]) -> str:
    """Names joined, three or more in a row as a span."""
    texts = []
    for run in runs(numbers):
        if len(run) > 2:
            texts.append(f"{names[run[0]]}–{names[run[-1]]}")
        else:
            texts += [names[number] for number in run]
    return ", ".join(texts)
