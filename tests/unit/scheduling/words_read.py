"""What an English sentence about a cron claims, read back as a person would."""

import re
from collections.abc import Iterator
from datetime import date, time, timedelta

from crons import Claim, OnDay, days_of_the_year

_DAY = timedelta(days=1)
_WEEK = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_YEAR = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_WHICH = ("first", "second", "third", "fourth", "fifth")


def claimed(words: str) -> Claim:
    """What an English sentence says."""
    months: OnDay = lambda _: True  # noqa: E731
    if found := re.search(r",? ?only in ([\w, ]+)$", words):
        numbers = _numbers(found[1], _YEAR)
        months = lambda day: day.month - 1 in numbers  # noqa: E731
        words = words[: found.start()]
    at, on = _split(words)
    days = [day for day in days_of_the_year() if months(day) and on(day)]
    return Claim(frozenset(_times(at)), frozenset(days))


def _split(words: str) -> tuple[str, OnDay]:
    """The part on the time of day, and the rule for days."""
    if found := re.fullmatch(r"Every day (at .+)", words):
        return found[1], lambda _: True
    if found := re.fullmatch(rf"Every ({'|'.join(_WEEK)}) (at .+)", words):
        weekday = _WEEK.index(found[1])
        return found[2], lambda day: day.weekday() == weekday
    if found := re.fullmatch(r"On day (\d+) of every month (at .+)", words):
        number = int(found[1])
        return found[2], lambda day: day.day == number
    found = re.match(r"(?:At|Every)[^,]*(?:, \d\d:\d\d[^,]*|, \d+[^,]*)*", words)
    assert found, words
    rest = words[found.end() :].removeprefix(", ")
    return found[0][0].lower() + found[0][1:], _on(rest) if rest else lambda _: True


def _on(words: str) -> OnDay:
    if ", if that is " in words:
        one, other = map(_on, words.split(", if that is "))
        return lambda day: one(day) and other(day)
    if ", or " in words:
        one, other = map(_on, words.split(", or ", 1))
        return lambda day: one(day) or other(day)
    if " and on " in words:
        parts = [_on(part) for part in words.replace(" and on ", "|on ").split("|")]
        return lambda day: any(part(day) for part in parts)
    if words == "on the last day of the month":
        return lambda day: (day + _DAY).day == 1
    if words == "on the last day from Monday to Friday of the month":
        return _last_workday
    if found := re.fullmatch(r"on days? ([\d, toand]+) of the month", words):
        numbers = {
            number
            for first, last in re.findall(r"(\d+)(?: to (\d+))?", found[1])
            for number in range(int(first), int(last or first) + 1)
        }
        return lambda day: day.day in numbers
    if found := re.fullmatch(r"on (the .+) of the month", words):
        wanted = re.findall(r"the (\w+) (\w+)", found[1])
        return lambda day: any(_is_the(which, weekday, day) for which, weekday in wanted)
    weekdays = _numbers(re.sub(r"^(only )?on ", "", words), _WEEK)
    assert weekdays, words
    return lambda day: day.weekday() in weekdays


def _is_the(which: str, weekday: str, day: date) -> bool:
    if day.weekday() != _WEEK.index(weekday):
        return False
    if which == "last":
        return (day + 7 * _DAY).month != day.month
    return (day.day - 1) // 7 == _WHICH.index(which)


def _last_workday(day: date) -> bool:
    later = [day + _DAY * n for n in range(1, 4)]
    ends = all(one.month != day.month or one.weekday() > 4 for one in later)
    return day.weekday() < 5 and ends


def _numbers(words: str, names: tuple[str, ...]) -> set[int]:
    """`Monday, Tuesday and Friday through Sunday` as indexes."""
    found = set()
    for part in re.split(r", | and | or ", words):
        first, _, last = part.partition(" through ")
        found |= set(range(names.index(first), names.index(last or first) + 1))
    return found


def _times(words: str) -> Iterator[time]:
    """The times of day of `at 08:30`, `every 15 minutes from …`, `every hour at minute 20`."""
    if words.startswith("at "):
        yield from (time.fromisoformat(one) for one in re.findall(r"\d\d:\d\d", words))
        return
    found = re.fullmatch(
        r"every (?:(\d+) )?(minute|hour)s?(?: from (\S+) to (\S+))?(?: at minutes? ([\d, and]+))?",
        words,
    )
    assert found, words
    step = int(found[1] or 1) * (60 if found[2] == "hour" else 1)
    first, last = (_minutes(found[n] or default) for n, default in ((3, "00:00"), (4, "23:59")))
    shifts = [int(one) for one in re.findall(r"\d+", found[5] or "0")]
    for at in range(first, last + 1, step):
        for shift in shifts:
            yield time((at + shift) // 60, (at + shift) % 60)


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)
