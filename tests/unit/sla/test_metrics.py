"""Counters that add up, percentiles from a histogram, thresholds that are taken over, figures in words."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impact_in_pipelines.errors.sla import ThresholdOutOfRange
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.settings import read_settings
from impact_in_pipelines.sla.metrics import (
    COUNTERS,
    LARGEST,
    LATENCY_BUCKETS_MS,
    Quantile,
    added,
    histogram_percentile,
    metrics_of,
)
from impact_in_pipelines.sla.model import RetryDistribution
from impact_in_pipelines.sla.thresholds import NAMES, ThresholdBook, Thresholds, checked
from impact_in_pipelines.sla.wording import duration, percent

ROWS = st.lists(
    st.fixed_dictionaries(
        {
            n: st.none() | st.integers(0, 10**6) if n in LARGEST else st.integers(0, 10**6)
            for n in COUNTERS
        }
    ),
    max_size=8,
)


@given(ROWS)
def test_days_add_up_to_their_week(rows: list[dict[str, int | None]]) -> None:
    """In whatever groups they are added."""
    halves = [added(rows[: len(rows) // 2]), added(rows[len(rows) // 2 :])]

    assert added(halves) == added(rows)


def test_what_is_shown_and_left_out_is_in_the_total() -> None:
    """Due is what was planned; cancelled is nowhere but in its own count."""
    counters = dict.fromkeys(COUNTERS, 0) | {
        "successful": 5,
        "failed": 2,
        "missed": 1,
        "overdue": 1,
        "skipped": 3,
        "pending": 4,
        "cancelled": 9,
        "retry_1": 2,
        "retry_later": 1,
    }

    found = metrics_of(counters)

    assert (found.due, found.total, found.cancelled) == (9, 16, 9)
    assert found.retry_distribution == RetryDistribution(2, 0, 0, 1)
    assert found.latency is None
    assert found.avg_retries is None


@given(st.lists(st.integers(1, 3_600_000), min_size=1, max_size=200), st.sampled_from([0.5, 0.95]))
def test_a_histograms_percentile_lies_in_the_right_bucket(values: list[int], share: float) -> None:
    """It is approximate by no more than the bucket is wide."""
    bounds = [0, *LATENCY_BUCKETS_MS]
    buckets = [sum(a < v <= b for v in values) for a, b in pairwise(bounds)]
    exact = sorted(values)[max(0, -(-len(values) * int(share * 100) // 100) - 1)]

    found = histogram_percentile([*buckets, 0], share)

    assert found is not None
    low, high = next((a, b) for a, b in pairwise(bounds) if a < exact <= b)
    assert low <= found.ms <= high
    assert not found.capped


def test_an_empty_histogram_has_no_percentile() -> None:
    """And what lies above the last bound is that bound, and says that it is more."""
    assert histogram_percentile([0] * 10, 0.5) is None
    assert histogram_percentile([0] * 9 + [5], 0.95) == Quantile(
        LATENCY_BUCKETS_MS[-1], capped=True
    )


def test_every_threshold_is_a_setting_with_the_same_default() -> None:
    """D8: the specification's numbers, unless the environment says otherwise."""
    assert Thresholds.from_settings(read_settings({})) == Thresholds()
    numbers = [name for name in NAMES if name != "page_policy"]
    changed = {f"SLA_{name.upper()}": "7" for name in numbers}
    changed["SLA_PAGE_POLICY"] = "significant"
    found: dict[str, object] = dict(vars_of(Thresholds.from_settings(read_settings(changed))))
    assert found.pop("page_policy") == "significant"
    assert set(found.values()) == {7}


def vars_of(thresholds: Thresholds) -> dict[str, float]:
    return {name: getattr(thresholds, name) for name in NAMES}


def test_the_narrowest_threshold_wins() -> None:
    """Company on platform, then company, then platform, then the settings; each number for itself."""
    import uuid

    acme = uuid.uuid4()
    book = ThresholdBook(
        Thresholds(),
        {
            (None, Platform.WORKDAY): {"latency_target_ms": 1.0, "min_deliveries": 2},
            (acme, None): {"latency_target_ms": 3.0},
            (acme, Platform.WORKDAY): {"consecutive_failures_critical": 4},
        },
    )

    found = book.of(acme, Platform.WORKDAY)

    assert (found.latency_target_ms, found.min_deliveries) == (3.0, 2)
    assert found.consecutive_failures_critical == 4
    assert book.of(None, Platform.WORKDAY).latency_target_ms == 1.0
    assert book.of(uuid.uuid4(), Platform.GOODERA) == Thresholds()


@pytest.mark.parametrize("value", ["", "x", None, True, -1, 101, float("nan")])
def test_a_threshold_out_of_range_is_refused(value: object) -> None:
    """With the range, and what it was."""
    with pytest.raises(ThresholdOutOfRange) as refused:
        checked({"success_rate_target_percent": value})
    assert (refused.value.lowest, refused.value.highest) == (0, 100)
    assert refused.value.value == str(value)


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (None, "–"),
        (0, "0 ms"),
        (850, "850 ms"),
        (12_340, "12.4 s"),
        (12_500, "12.5 s"),
        (59_950, "1 min"),
        (60_000, "1 min"),
        (300_000, "5 min"),
        (300_000.4, "5 min 1 s"),
        (5 * 3_600_000 + 1, "5 h 1 min"),
        (68_000, "1 min 8 s"),
        (301_000, "5 min 1 s"),
        (3_600_000, "1 h"),
        (9_000_000, "2 h 30 min"),
        (259_200_000, "3 days"),
        (3 * 86_400_000 + 3_600_000, "3 days 1 h"),
        (30 * 86_400_000 + 3_600_000, "31 days"),
    ],
)
def test_durations_are_said_as_people_say_them(ms: float | None, text: str) -> None:
    """Everywhere alike; the unit grows with the number, two of them at most. What is more than a limit never
    reads as the limit: durations go up."""
    assert duration(ms) == text


def test_a_rate_of_nothing_is_a_dash() -> None:
    """Not 0 %."""
    assert (percent(None), percent(97.8873)) == ("–", "97.88 %")
