"""A cron in the words of a language: days and times, without sentences that grammar would bend."""

import re

from impact_in_pipelines.api.web.language.languages import DEFAULT, Language
from impact_in_pipelines.api.web.language.words import PRESETS
from impact_in_pipelines.errors import InvalidSchedule
from impact_in_pipelines.scheduling import ScheduleFrequency, describe_cron, parse_cron
from impact_in_pipelines.wording.marking import N_

_BY_CRON = {preset.cron: preset.value for preset in ScheduleFrequency}
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_EVERY_DAY = N_("Every day")
_LAST_DAY = N_("Last day of the month")
_MONTH_DAYS = N_("Day %(days)s of the month")
_EVERY_MINUTE = N_("every minute")
_EVERY_HOUR = N_("every hour at minute %(minute)s")


def preset_of(cron: str) -> str | None:
    """The preset that a cron is, None if it is none."""
    return _BY_CRON.get(cron)


def in_words(language: Language, cron: str) -> str:
    """`cron` in words, such as "Mon–Fri · 08:30". What can't be said simply is the English sentence in
    English and the cron itself elsewhere."""
    try:
        parsed = parse_cron(cron)
    except InvalidSchedule:
        return cron
    preset = preset_of(parsed)
    if preset is not None:
        return language.text(PRESETS[preset])
    minute, hour, month_day, month, week_day = parsed.split()
    parts = [
        _months(language, month),
        _days(language, month_day, week_day),
        _time(language, minute, hour),
    ]
    if None in parts:
        return describe_cron(parsed) if language.code == DEFAULT else parsed
    return " · ".join(part for part in parts if part)


def _months(language: Language, field: str) -> str | None:
    if field == "*":
        return ""
    names = language.locale.months["stand-alone"]["abbreviated"]
    found = _numbers(field, _MONTHS, first=1)
    return _spans(found, {number: names[number] for number in range(1, 13)}) if found else None


def _days(language: Language, month_day: str, week_day: str) -> str | None:
    if month_day == "*" and week_day == "*":
        return language.text(_EVERY_DAY)
    if week_day == "*" and month_day == "L":
        return language.text(_LAST_DAY)
    if week_day == "*" and re.fullmatch(r"\d+([,-]\d+)*", month_day):
        days = month_day.replace("-", "–").replace(",", ", ")
        return language.text(_MONTH_DAYS) % {"days": days}
    found = _numbers(week_day, _DAYS, first=0) if month_day == "*" else None
    if not found:
        return None
    names = language.locale.days["stand-alone"]["abbreviated"]
    # Babel counts from Monday, cron from Sunday.
    monday_first = sorted({(number - 1) % 7 for number in found})
    return _spans(monday_first, dict(enumerate(names[day] for day in range(7))))


def _time(language: Language, minute: str, hour: str) -> str | None:
    step = re.fullmatch(r"\*/(\d+)", minute)
    if hour == "*" and minute == "*":
        return language.text(_EVERY_MINUTE)
    if hour == "*" and step:
        return _every(language, int(step[1]), "every %(n)s minute", "every %(n)s minutes")
    if not minute.isdecimal():
        return None
    if hour == "*":
        return language.text(_EVERY_HOUR) % {"minute": minute}
    if re.fullmatch(r"\d+(,\d+)*", hour):
        return ", ".join(f"{int(one):02d}:{int(minute):02d}" for one in hour.split(","))
    steps = re.fullmatch(r"\*/(\d+)", hour)
    if steps:
        often = _every(language, int(steps[1]), "every %(n)s hour", "every %(n)s hours")
        return f"{often} (xx:{int(minute):02d})"
    return None


def _every(language: Language, n: int, singular: str, plural: str) -> str:
    return language.texts.ngettext(singular, plural, n) % {"n": n}


def ngettext(singular: str, plural: str) -> None:
    """Marks a pair for translation."""


ngettext("every %(n)s minute", "every %(n)s minutes")
ngettext("every %(n)s hour", "every %(n)s hours")


def _numbers(field: str, names: tuple[str, ...], *, first: int) -> list[int]:
    """The numbers in a list of numbers, names and ranges; empty if it is anything else."""
    found: set[int] = set()
    for part in field.split(","):
        ends = [_number(one, names, first) for one in part.split("-")]
        known = [end for end in ends if end is not None]
        if len(known) != len(ends) or len(known) > 2 or known[0] > known[-1]:
            return []
        found.update(range(known[0], known[-1] + 1))
    return sorted(found)


def _number(text: str, names: tuple[str, ...], first: int) -> int | None:
    if text in names:
        return names.index(text) + first
    return int(text) if text.isdecimal() else None


def _spans(numbers: list[int], names: dict[int, str]) -> str:
    """Names joined, three or more in a row as a span."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    texts = []
    for run in runs:
        if len(run) > 2:
            texts.append(f"{names[run[0]]}–{names[run[-1]]}")
        else:
            texts += [names[number] for number in run]
    return ", ".join(texts)
