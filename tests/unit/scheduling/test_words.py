"""The words of a cron never contradict its fires."""

import pytest
from crons import done, strange_crons
from hypothesis import given, settings
from hypothesis import strategies as st

from impact_in_pipelines.scheduling import InvalidSchedule, describe_cron, parse_cron

from .words_read import claimed


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("0 * * * *", "Every hour"),
        ("0 */6 * * *", "Every 6 hours"),
        ("0 0 * * *", "Every day at 00:00"),
        ("0 0 * * 0", "Every Sunday at 00:00"),
        ("0 0 1 * *", "On day 1 of every month at 00:00"),
        ("15 6 * 5 *", "At 06:15, only in May"),
        ("30 8 * * 1-5", "At 08:30, Monday through Friday"),
        ("*/15 9-17 * * 1-5", "Every 15 minutes from 09:00 to 17:45, Monday through Friday"),
        ("20 9-17 * * *", "Every hour from 09:20 to 17:20"),
        ("5,20 * * * *", "Every hour at minutes 5 and 20"),
        ("0 9 * * 1#2", "At 09:00, on the second Monday of the month"),
        # Either day is enough, unless a field begins with a star.
        ("0 9 1 * MON", "At 09:00, on day 1 of the month, or on Monday"),
        ("0 9 13 * */5", "At 09:00, on day 13 of the month, if that is Friday or Sunday"),
        ("0 9 1/1 * 1", "Every day at 09:00"),
        (
            "0 0 29 2 MON#5",
            "At 00:00, on day 29 of the month, or on the fifth Monday of the month, only in February",
        ),
        # Steps beyond the range, and steps that don't divide it.
        ("*/61 * * * *", "Every hour"),
        ("0 */25 * * *", "Every day at 00:00"),
        ("10-50/45 * * * *", "Every hour at minute 10"),
        ("10-10/5 9 * * *", "Every day at 09:10"),
        ("*/7 * * * *", "*/7 * * * *"),
        ("0 */5 * * *", "Every day at 00:00, 05:00, 10:00, 15:00 and 20:00"),
    ],
)
def test_a_cron_is_described_in_words(cron: str, words: str) -> None:
    """English, 24-hour clock; the five fields where a sentence would be long or untrue."""
    assert describe_cron(cron) == words
    assert words == cron or claimed(words) == done(cron)


@given(strange_crons)
@settings(derandomize=True, deadline=None, max_examples=150)
def test_words_claim_what_a_year_of_fires_does(cron: str) -> None:
    """Read back as a person would, a sentence names exactly the days and times of the fires. The words of
    a library that reads the text said "every 61 minutes", and "only on Monday" of what fires daily."""
    try:
        cron = parse_cron(cron)
    except InvalidSchedule:
        return  # 31 February
    words = describe_cron(cron)
    if words != cron:
        assert claimed(words) == done(cron)


@given(st.integers(0, 59), st.integers(0, 23), st.sampled_from(["*", "1-5", "MON,WED", "15"]))
@settings(derandomize=True, deadline=None, max_examples=20)
def test_what_people_usually_write_has_words(minute: int, hour: int, day: str) -> None:
    """The plain expression is for the unusual."""
    fields = f"{day} * *" if day.isdigit() else f"* * {day}"
    assert describe_cron(f"{minute} {hour} {fields}") != f"{minute} {hour} {fields}"
