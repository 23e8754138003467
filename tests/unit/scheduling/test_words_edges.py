"""Where a sentence ends to be easier read than a cron, and how each part of it is worded."""

import pytest

from impact_in_pipelines.scheduling import describe_cron
from impact_in_pipelines.scheduling.crons.meaning import even_step, is_run, runs


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        # A list of six is read; of seven the five fields are.
        (
            "7 0,1,3,4,6,8 * * *",
            "Every day at 00:07, 01:07, 03:07, 04:07, 06:07 and 08:07",
        ),
        ("7 0,1,3,4,6,8,9 * * *", None),
        ("5,7 3,4,9 * * *", "Every day at 03:05, 03:07, 04:05, 04:07, 09:05 and 09:07"),
        ("5,7 3,4,9,11 * * *", None),
        ("1,2,4,5,7,8 * * * *", "Every hour at minutes 1, 2, 4, 5, 7 and 8"),
        ("1,2,4,5,7,8,11 * * * *", None),
        (
            "0 9 1,3,5,7,9,11 * *",
            "At 09:00, on days 1, 3, 5, 7, 9 and 11 of the month",
        ),
        ("0 9 1,3,5,7,9,11,13 * *", None),
        # Two neighbours are two, three are a stretch.
        ("0 9 1,2 * *", "At 09:00, on days 1 and 2 of the month"),
        ("0 9 1-3 * *", "At 09:00, on days 1 to 3 of the month"),
        ("0 9 * * 1,2", "At 09:00, only on Monday and Tuesday"),
        ("0 9 * * 1-3", "At 09:00, Monday through Wednesday"),
        ("0 9 * 3,4 *", "At 09:00, only in March and April"),
        ("0 9 * 3-5 *", "At 09:00, only in March through May"),
        ("0 9-10 * * *", "Every day at 09:00 and 10:00"),
        ("0 9-11 * * *", "Every hour from 09:00 to 11:00"),
        ("0,13 9-11 * * *", "Every day at 09:00, 09:13, 10:00, 10:13, 11:00 and 11:13"),
        # Minutes that divide the hour, within one hour or several.
        ("*/15 9 * * *", "Every day at 09:00, 09:15, 09:30 and 09:45"),
        ("*/10 9 * * *", "Every day at 09:00, 09:10, 09:20, 09:30, 09:40 and 09:50"),
        ("*/5 9 * * *", "Every 5 minutes from 09:00 to 09:55"),
        ("*/30 9-10 * * *", "Every 30 minutes from 09:00 to 10:30"),
        ("* 9 * * *", "Every minute from 09:00 to 09:59"),
        ("* * * * *", "Every minute"),
        ("*/30 * * * *", "Every 30 minutes"),
        ("*/30 9,11 * * *", "Every day at 09:00, 09:30, 11:00 and 11:30"),
        # Hours that divide the day, but for twice a day.
        ("0 */8 * * *", "Every 8 hours"),
        ("0 */12 * * *", "Every day at 00:00 and 12:00"),
        ("20 */8 * * *", "Every 8 hours at minute 20"),
        ("0 */2 * * *", "Every 2 hours"),
        ("5,9 */8 * * *", "Every day at 00:05, 00:09, 08:05, 08:09, 16:05 and 16:09"),
        # Days of the month and of the week together.
        ("0 9 L * *", "At 09:00, on the last day of the month"),
        ("0 9 LW * *", "At 09:00, on the last day from Monday to Friday of the month"),
        ("0 9 15,L * *", "At 09:00, on day 15 of the month and on the last day of the month"),
        ("0 9 1 * 1,3", "At 09:00, on day 1 of the month, or on Monday and Wednesday"),
        ("0 9 1 * 1-5", "At 09:00, on day 1 of the month, or Monday through Friday"),
        ("0 9 */15 * 1", "At 09:00, on days 1, 16 and 31 of the month, if that is Monday"),
        ("0 9 */5 * 1#2", None),
        ("0 9 * * 5L", "At 09:00, on the last Friday of the month"),
        (
            "0 9 * * 1#1,3#3",
            "At 09:00, on the first Monday and the third Wednesday of the month",
        ),
        ("0 9 * * 1,3#3", "At 09:00, only on Monday and on the third Wednesday of the month"),
        ("0 9 * * 6,7", "At 09:00, only on Saturday and Sunday"),
        ("0 9 * * *", "Every day at 09:00"),
        ("0 9 * * 0", "Every Sunday at 09:00"),
        ("0 9 * * 7", "Every Sunday at 09:00"),
        ("0 9 15 * *", "On day 15 of every month at 09:00"),
        ("0 9 15 12 *", "At 09:00, on day 15 of the month, only in December"),
        ("0 9 * 1 *", "At 09:00, only in January"),
    ],
)
def test_a_sentence_says_it_in_the_shortest_true_words(cron: str, words: str | None) -> None:
    """None: the five fields, since the sentence would be longer than they are."""
    assert describe_cron(cron) == (words or cron)


@pytest.mark.parametrize(
    ("numbers", "of", "step"),
    [
        ((0, 30), 60, 30),
        ((0,), 60, 60),
        ((5,), 60, None),
        ((0, 20), 60, None),
        ((0, 20, 40), 60, 20),
        ((0, 15, 30, 46), 60, None),
        ((0, 7, 14, 21, 28, 35, 42), 60, None),
    ],
)
def test_a_step_is_even_if_it_holds_over_the_turn_as_well(
    numbers: tuple[int, ...], of: int, step: int | None
) -> None:
    """From nought on: *every 20 minutes* from minute 5 on would be said of nought."""
    assert even_step(numbers, of) == step


@pytest.mark.parametrize(
    ("numbers", "stretches"),
    [
        ((), []),
        ((3,), [[3]]),
        ((3, 4, 5), [[3, 4, 5]]),
        ((1, 3, 4, 9), [[1], [3, 4], [9]]),
    ],
)
def test_stretches_have_no_gap(numbers: tuple[int, ...], stretches: list[list[int]]) -> None:
    """A number alone is one as well."""
    assert runs(numbers) == stretches
    if numbers:
        assert is_run(numbers) is (len(stretches) == 1)
