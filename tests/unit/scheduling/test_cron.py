"""Crons, presets and time zones as people write them."""

import pytest

from impact_in_pipelines.errors.schedules import TimezoneUnknown
from impact_in_pipelines.scheduling import (
    InvalidSchedule,
    ScheduleFrequency,
    parse_cron,
    parse_timezone,
)
from impact_in_pipelines.wording import sentence


@pytest.mark.parametrize(
    ("preset", "cron"),
    [
        ("hourly", "0 * * * *"),
        ("every-6-hours", "0 */6 * * *"),
        ("daily", "0 0 * * *"),
        ("weekly", "0 0 * * 0"),
        ("monthly", "0 0 1 * *"),
    ],
)
def test_a_preset_stands_for_its_cron(preset: str, cron: str) -> None:
    """The five presets of the specification, by their names, in any case."""
    assert parse_cron(preset) == parse_cron(f" {preset.upper()} ") == cron
    assert ScheduleFrequency(preset).cron == cron


@pytest.mark.parametrize(
    ("text", "cron"),
    [
        ("30 8 * * 1-5", "30 8 * * 1-5"),
        ("  0   9\t1 jan mon#2 ", "0 9 1 JAN MON#2"),
        ("*/5 * L * *", "*/5 * L * *"),
        ("0 0 29 2 *", "0 0 29 2 *"),
        # A step ends with its range, and a range of one has one member.
        ("5-5/10 9 * * *", "5 9 * * *"),
        ("0-0/30 09-9/2,12-13/1 * mar-3/3 *", "0 09,12-13/1 * MAR *"),
        ("0 0 1-1/1 * MON-MON/2", "0 0 1 * MON"),
        ("5/10,15-55/5 1-11/5 * * *", "5/10,15-55/5 1-11/5 * * *"),
        ("0 0 31 2 MON", "0 0 31 2 MON"),  # either day is enough: Mondays in February
    ],
)
def test_a_valid_cron_is_normalised(text: str, cron: str) -> None:
    """What is stored is upper-case and single-spaced, so that equal crons are equal text."""
    assert parse_cron(text) == cron
    assert parse_cron(cron) == cron


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty: give a preset"),
        ("   ", "is empty"),
        ("@daily", "@nicknames aren't supported"),
        ("fortnightly", "doesn't have five fields: give a preset"),
        ("0 0 * *", "doesn't have five fields"),
        ("0 0 0 * * *", "six fields: seconds"),
        ("60 * * * *", "minute '60' isn't valid"),
        ("0 24 * * *", "hour '24' isn't valid"),
        ("0 0 32 * *", "day of month '32' isn't valid"),
        ("0 0 1 13 *", "month '13' isn't valid"),
        ("0 0 * * 8", "day of week '8' isn't valid"),
        ("*/0 * * * *", "minute '*/0' isn't valid"),
        ("5-1 * * * *", "minute '5-1' isn't valid"),
        ("0 x * * *", "hour 'X' isn't valid"),
        ("0 0 * * ²L", "day of week '²L' isn't valid"),
        ("0 0 31 2 *", "is never due: no month it names has such a day"),
        ("0 0 30,31 2 *", "is never due"),
        ("0 0 31 4,6,9,11 *", "is never due"),
        ("1," * 60 + "1 * * * *", "longer than 100 characters"),
    ],
)
def test_a_bad_cron_is_refused_in_one_line_that_names_the_field(text: str, says: str) -> None:
    """One clear line: what is wrong, where, and how to mend it."""
    with pytest.raises(InvalidSchedule) as refusal:
        parse_cron(text)
    assert says in sentence(refusal.value)
    assert "\n" not in sentence(refusal.value)


@pytest.mark.parametrize("name", ["Europe/Oslo", "UTC", "America/Argentina/Buenos_Aires"])
def test_a_known_zone_is_read(name: str) -> None:
    """IANA names are time zones."""
    assert parse_timezone(name).key == name


@pytest.mark.parametrize(
    ("name", "example"),
    [
        ("Europe/Olso", "Europe/Oslo"),
        ("europe/oslo", "Europe/Oslo"),
        ("Europe", "such as"),
        ("", "Europe/Oslo"),
        ("../../etc/passwd", "such as"),
        ("/etc/localtime", "such as"),
        ("localtime", "such as"),
        ("a\0b", "such as"),
        ("CEST", "such as"),
    ],
)
def test_an_unknown_zone_is_refused_with_an_example(name: str, example: str) -> None:
    """The refusal names the value and a zone that would do, the likeliest one if there is one."""
    with pytest.raises(TimezoneUnknown) as refusal:
        parse_timezone(name)
    assert "isn't known: use an IANA name" in sentence(refusal.value)
    assert f"'{name}'" in sentence(refusal.value)
    assert example in sentence(refusal.value)
