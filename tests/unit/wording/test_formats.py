"""Numbers, times and crons as people of a language write them."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from impact_in_pipelines.api.web.language.cron_words import in_words
from impact_in_pipelines.wording.language.formats import Formats
from impact_in_pipelines.wording.language.languages import CODES, language

NOW = datetime(2026, 3, 10, 0, 0, 30, tzinfo=UTC)


def _formats(code: str = "en") -> Formats:
    found = language(code)
    assert found is not None
    return Formats(found, ZoneInfo("Europe/Oslo"), 2026)


def _plain(text: str) -> str:
    """With ordinary spaces for the narrow and the unbreakable ones."""
    return text.replace("\u00a0", " ").replace("\u202f", " ").replace("\u2009", " ")


@pytest.mark.parametrize("value", [97.96, 97.999, 97.90])
def test_a_missed_target_never_reads_as_met(value: float) -> None:
    """Rates are cut: 97.96 % rounded would read as the 98 % that it has missed."""
    assert _formats().percent(value) == "97.9%"


def test_what_may_fail_is_cut_too() -> None:
    """One failure where 0.98 are allowed has overspent the budget."""
    assert [_formats().allowance(n) for n in (0.98, 1.0, 1234.56)] == ["0.9", "1", "1,234.5"]


def test_whole_rates_carry_no_empty_decimals() -> None:
    """100 % is 100 %, and floating point doesn't make 98.2 of it 98.1."""
    assert _formats().percent(100.0) == "100%"
    assert _formats().percent(98.2) == "98.2%"


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (None, "–"),
        (0.4, "1ms"),
        (420, "420ms"),
        (999.6, "1s"),
        (59_600, "1m"),
        (72_000, "1m 12s"),
        (300_000, "5m"),
        (300_000.4, "5m 1s"),
        (3_605_000, "1h 1m"),
        (90_061_000, "1d 2h"),
    ],
)
def test_durations_show_their_two_largest_units(milliseconds: float | None, text: str) -> None:
    """As exact as one reads, and never less than it took: what is over five minutes doesn't read as five."""
    assert _formats().duration(milliseconds) == text


@pytest.mark.parametrize(
    ("code", "number", "share", "lasting"),
    [
        ("en", "12,345.7", "96.7%", "1m 12s"),
        ("nb", "12 345,7", "96,7 %", "1 min 12 sek"),
        ("es", "12.345,7", "96,7 %", "1 min 12 s"),
        ("uk", "12 345,7", "96,7%", "1 хв 12 с"),
    ],
)
def test_numbers_follow_the_language(code: str, number: str, share: str, lasting: str) -> None:
    """Separators, percent signs and units are the locale's (CLDR)."""
    formats = _formats(code)
    assert _plain(formats.number(12_345.67, 1)) == number
    assert _plain(formats.percent(96.78)) == share
    assert _plain(formats.duration(72_000)) == lasting


def test_instants_are_shown_in_the_companys_zone() -> None:
    """Half past midnight UTC is half past one in Oslo."""
    assert _formats().when(NOW) == "10 Mar, 01:00"
    assert _formats().exact(NOW) == "Tuesday, 10 March 2026, 01:00:30 CET"


def test_the_year_is_said_where_it_is_another_one() -> None:
    """This year's days need no year; last year's do, and reports always have it."""
    formats = _formats()
    assert formats.days(date(2026, 3, 2), date(2026, 3, 8)) == "2–8 Mar"
    assert formats.days(date(2026, 3, 2), date(2026, 3, 2)) == "2 Mar"
    assert formats.days(date(2026, 3, 2), date(2026, 3, 8), with_year=True) == "2–8 Mar 2026"
    assert "2025" in formats.days(date(2025, 12, 29), date(2026, 1, 4))


def test_ages_are_said_in_words() -> None:
    """Past and future, in the language's own way."""
    assert _formats().ago(NOW - timedelta(hours=3), NOW) == "3 hours ago"
    assert _formats("nb").ago(NOW + timedelta(minutes=7), NOW) == "om 7 minutter"
    assert _formats("uk").ago(NOW - timedelta(hours=2), NOW) == "2 години тому"


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("0 0 * * *", "Every day at midnight"),
        ("0 * * * *", "Every hour"),
        ("30 8 * * 1-5", "Mon–Fri · 08:30"),
        ("30 8 * * MON,THU", "Mon, Thu · 08:30"),
        ("0 9 * * 0", "Sun · 09:00"),
        ("0 9 * * 6,7", "Sat, Sun · 09:00"),
        ("0 8,14 1,15 * *", "Day 1, 15 of the month · 08:00, 14:00"),
        ("0 6 L * *", "Last day of the month · 06:00"),
        ("*/15 * * * *", "Every day · every 15 minutes"),
        ("20 * * * *", "Every day · every hour at minute 20"),
        ("5 */4 * * *", "Every day · every 4 hours (xx:05)"),
        ("0 9 * 1-3 1", "Jan–Mar · Mon · 09:00"),
        ("0 9 * * 1#2", "At 09:00, on the second Monday of the month"),
    ],
)
def test_crons_are_said_in_words(cron: str, words: str) -> None:
    """What a cron does, without having to read crons; the unusual ones as a sentence."""
    found = language("en")
    assert found is not None
    assert in_words(found, cron) == words


@pytest.mark.parametrize("code", CODES)
def test_a_cron_is_never_said_in_another_language(code: str) -> None:
    """What can't be said simply is the cron itself outside English, and what is none stays as it is."""
    found = language(code)
    assert found is not None
    unusual = in_words(found, "0 9 * * 1#2")
    assert unusual == "0 9 * * 1#2" or code == "en"
    assert "Mon" not in in_words(found, "30 8 * * 1-5") or code == "en"
    assert in_words(found, "no cron") == "no cron"
