"""The cockpit's words for a cron never contradict its fires, in any language."""

import re
from collections.abc import Iterator, Mapping
from datetime import date, time, timedelta

import pytest
from crons import Claim, OnDay, days_of_the_year, done, strange_crons
from hypothesis import given, settings

from impact_in_pipelines.api.web.language.cron_words import in_words, preset_of
from impact_in_pipelines.scheduling import InvalidSchedule, describe_cron, parse_cron
from impact_in_pipelines.wording.language.languages import CODES, Language, language

_SPAN = re.compile(r"(.+)–(.+)")


def _language(code: str) -> Language:
    found = language(code)
    assert found is not None
    return found


def _template(text: str) -> str:
    """A translated text as an expression with a group for each of its values."""
    return re.sub(r"%\\\((\w+)\\\)s", r"(?P<\1>.+)", re.escape(text))


def _numbers(text: str, names: Mapping[int, str]) -> set[int] | None:
    """The numbers behind `Mon–Wed, Fri`; None if it is anything else."""
    by_name = {name: number for number, name in names.items()}
    found: set[int] = set()
    for part in text.split(", "):
        span = _SPAN.fullmatch(part)
        ends = span.groups() if span else (part, part)
        if not set(ends) <= set(by_name):
            return None
        found |= set(range(by_name[ends[0]], by_name[ends[1]] + 1))
    return found


def claimed(words: str, of: Language) -> Claim:
    """What the cockpit's words say."""
    *before, at = words.split(" · ")
    months = set(range(1, 13))
    if len(before) == 2:
        found = _numbers(before[0], of.locale.months["stand-alone"]["abbreviated"])
        assert found, words
        months = found
    on = _on(before[-1], of)
    days = [day for day in days_of_the_year() if day.month in months and on(day)]
    return Claim(frozenset(_times(at, of)), frozenset(days))


def _on(words: str, of: Language) -> OnDay:
    if words == of.text("Every day"):
        return lambda _: True
    if words == of.text("Last day of the month"):
        return lambda day: (day + timedelta(days=1)).day == 1
    if found := re.fullmatch(_template(of.text("%(month_days)s, if that is %(weekdays)s")), words):
        both = [_on(found[name], of) for name in ("month_days", "weekdays")]
        return lambda day: all(rule(day) for rule in both)
    if found := re.fullmatch(_template(of.text("%(month_days)s, or %(weekdays)s")), words):
        either = [_on(found[name], of) for name in ("month_days", "weekdays")]
        return lambda day: any(rule(day) for rule in either)
    if found := re.fullmatch(_template(of.text("Day %(days)s of the month")), words):
        numbers = _numbers(found["days"], {n: str(n) for n in range(1, 32)})
        assert numbers, words
        return lambda day: day.day in numbers
    weekdays = _numbers(words, of.locale.days["stand-alone"]["abbreviated"])
    assert weekdays, words
    return lambda day: day.weekday() in weekdays


def _times(words: str, of: Language) -> Iterator[time]:
    found = re.fullmatch(r"(.+?)(?: \((\d\d):(\d\d)–(\d\d):(\d\d)\)| \(xx:(\d\d)\))?", words)
    assert found
    often, span, at = found[1], found.groups()[1:5], int(found[6] or 0)
    first, last = 0, 24 * 60 - 1
    if span[0]:
        first, last = (int(span[n]) * 60 + int(span[n + 1]) for n in (0, 2))
    minutes = _step(often, of)
    if minutes is None:
        at_minute = re.fullmatch(_template(of.text("every hour at minute %(minute)s")), often)
        shifts = at_minute["minute"].split(", ") if at_minute else []
        yield from (time(hour, int(one)) for hour in range(24) for one in shifts)
        yield from (time.fromisoformat(one) for one in re.findall(r"\d\d:\d\d", often))
        return
    for passed in range(first, last + 1, minutes):
        yield time((passed + at) // 60, (passed + at) % 60)


def _step(often: str, of: Language) -> int | None:
    """The minutes from one fire to the next."""
    words = {of.text("every minute"): 1, of.text("every hour"): 60}
    for n in range(2, 31):
        for unit, factor in (("minute", 1), ("hour", 60)):
            text = of.texts.ngettext(f"every %(n)s {unit}", f"every %(n)s {unit}s", n)
            words[text % {"n": n}] = n * factor
    return words.get(often)


@pytest.mark.parametrize("code", CODES)
@given(cron=strange_crons)
@settings(derandomize=True, deadline=None, max_examples=60)
def test_words_claim_what_a_year_of_fires_does(code: str, cron: str) -> None:
    """Read back in the language they are in; a sentence of ours in English, or the plain cron, where the
    cockpit has no words of its own."""
    try:
        cron = parse_cron(cron)
    except InvalidSchedule:
        return
    words = in_words(_language(code), cron)
    if " · " in words:
        assert claimed(words, _language(code)) == done(cron)
    else:
        assert words in (cron, describe_cron(cron)) or preset_of(cron)


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize(
    "cron", ["0 9 1 * 1", "0 9 13 * */5", "*/61 3 * * *", "0,30 8-17 * 2,3 1-5", "0 6 L * *"]
)
def test_the_usual_traps_have_words_in_every_language(code: str, cron: str) -> None:
    """Days that combine, steps beyond the range, spans of hours."""
    words = in_words(_language(code), cron)
    assert claimed(words, _language(code)) == done(cron)


def test_the_day_fields_combine_by_or_and_by_and_with_a_star() -> None:
    """As they fire (docs/scheduling.md)."""
    english = _language("en")
    assert in_words(english, "0 9 1 * 1") == "Day 1 of the month, or Mon · 09:00"
    assert in_words(english, "0 9 13 * */5") == "Day 13 of the month, if that is Fri, Sun · 09:00"
    assert done("0 9 1/1 * 1").days >= {date(2028, 12, 1), date(2028, 12, 2)}
