"""The best hour is claimed where the calls say so, and nowhere else."""

import random
from collections import Counter

import pytest

from impact_in_pipelines.analytics.answers import bin_of
from impact_in_pipelines.analytics.hours import HourCalls, HourVerdict, best_hour
from impact_in_pipelines.analytics.written.view import hour_ranges


def _hour(
    rng: random.Random, hour: int, *, calls: int = 400, fails: float = 0.03, middle_ms: float = 200
) -> HourCalls:
    answers = Counter(bin_of(rng.lognormvariate(0, 0.5) * middle_ms) for _ in range(calls))
    failed = sum(rng.random() < fails for _ in range(calls))
    return HourCalls(hour, calls, failed, answers)


def test_three_samples_say_nothing() -> None:
    """Three calls that all succeed beside three that all fail, or one busy hour alone: too few."""
    few = [HourCalls(6, 3, 0, {50: 3}), HourCalls(7, 3, 3, {90: 3})]
    assert best_hour(few).verdict is HourVerdict.FEW
    assert best_hour([HourCalls(6, 900, 3, {50: 900})]).verdict is HourVerdict.FEW
    assert best_hour([]).verdict is HourVerdict.FEW


def test_hours_that_are_alike_are_rarely_told_apart() -> None:
    """Of 200 days whose 24 hours only differ by chance, at most one in ten gets a best hour."""
    rng = random.Random(5)
    found = [best_hour([_hour(rng, n, calls=120) for n in range(24)]) for _ in range(200)]
    claimed = [one for one in found if one.verdict is not HourVerdict.ALIKE]
    assert len(claimed) <= 20
    assert all(one.hours == () for one in found if one.verdict is HourVerdict.ALIKE)


def test_hours_in_which_more_calls_succeed_are_found() -> None:
    """A platform that fails a fifth of its calls from 9 to 17 is best outside of these hours."""
    rng = random.Random(6)
    hours = [_hour(rng, n, fails=0.2 if 9 <= n < 17 else 0.01) for n in range(24)]

    found = best_hour(hours)

    assert found.verdict is HourVerdict.MORE_SUCCEED
    assert not set(found.hours) & set(range(9, 17))
    assert found.best is not None
    assert found.others is not None
    assert found.best.success
    assert found.others.success
    assert found.best.success.low > found.others.success.high


def test_among_hours_that_succeed_alike_the_faster_ones_are_best() -> None:
    """A platform that takes twice as long all day but from 2 to 5."""
    rng = random.Random(7)
    hours = [_hour(rng, n, middle_ms=100 if 2 <= n < 5 else 200) for n in range(24)]

    found = best_hour(hours)

    assert (found.verdict, sorted(found.hours)) == (HourVerdict.FASTER, [2, 3, 4])
    assert found.best is not None
    assert found.best.answer_p50_ms == pytest.approx(100, rel=0.1)


def test_a_difference_too_small_to_matter_is_none() -> None:
    """Half a million calls tell 200 from 195 ms; nobody moves a schedule for it."""
    rng = random.Random(8)
    slow, fast = (_hour(rng, n, calls=20_000, middle_ms=ms) for n, ms in ((1, 200), (2, 195)))
    hours = [slow, fast]
    assert best_hour(hours).verdict is HourVerdict.ALIKE


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        ([5, 6, 7, 12], "05:00–08:00, 12:00–13:00"),
        ([23, 0, 1], "23:00–02:00"),
        ([4], "04:00–05:00"),
        (list(range(24)), "00:00–00:00"),
    ],
)
def test_hours_are_said_as_spans(hours: list[int], said: str) -> None:
    """Over midnight too."""
    assert hour_ranges(hours) == said
