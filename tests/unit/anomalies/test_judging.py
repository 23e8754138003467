"""What the detector finds and what it lets pass, on histories with a planted fault."""

from datetime import date, timedelta

import numpy as np
import pytest

from impact_in_pipelines.anomalies.judging import (
    judge_answers,
    judge_figures,
    judge_success,
    judge_volume,
)
from impact_in_pipelines.anomalies.kinds import AnomalyKind
from impact_in_pipelines.anomalies.model import (
    HISTORY_DAYS,
    LEAST_DAYS,
    RECENT_DAYS,
    Floats,
)
from impact_in_pipelines.anomalies.saying import amount
from impact_in_pipelines.anomalies.seasons import season
from impact_in_pipelines.anomalies.tails import count_score
from impact_in_pipelines.anomalies.thresholds import accepted, threshold

DAYS = [date(2026, 3, 31) - timedelta(days=n) for n in reversed(range(HISTORY_DAYS))]
HOLIDAYS = frozenset({date(2025, 12, 25), date(2025, 12, 26), date(2026, 1, 1)})
SEASON = season(DAYS, HOLIDAYS)
SERIES = 40


def _workdays(level: float) -> Floats:
    """Much on working days, a fifth at weekends and on holidays."""
    quiet = [day.weekday() > 4 or day in HOLIDAYS for day in DAYS]
    return np.tile(np.where(quiet, level / 5, level), (SERIES, 1))


def _drawn(mean: Floats) -> Floats:
    return np.random.default_rng(7).poisson(mean).astype(float)


def test_a_week_with_its_weekend_is_no_anomaly() -> None:
    """Four of five fewer on a Sunday is what Sundays are like: a z-score would never hear of Mondays."""
    judged = judge_figures(_drawn(_workdays(50)), SEASON)
    assert np.mean(judged.told >= threshold(AnomalyKind.FIGURES, 1)) < 0.05


@pytest.mark.parametrize("share", [0.5, 2.0])
def test_figures_that_halve_or_double_for_five_days_are_found(share: float) -> None:
    """Both sides count: too much is as suspicious as too little."""
    mean = _workdays(50)
    mean[:, -5:] *= share
    judged = judge_figures(_drawn(mean), SEASON)
    assert np.mean(judged.told >= threshold(AnomalyKind.FIGURES, 1)) > 0.9
    assert np.all(np.sign(judged.effect) == np.sign(share - 1))


def test_a_working_day_that_looks_like_a_sunday_is_found_the_same_day() -> None:
    """The value is quite usual, only not on this weekday."""
    mean = _workdays(50)
    mean[:, -1] = 10
    judged = judge_figures(_drawn(mean), SEASON)
    assert np.mean(judged.told >= threshold(AnomalyKind.FIGURES, 1)) > 0.95
    assert np.all(judged.span == 1)


def test_more_volume_is_no_anomaly_and_less_is() -> None:
    """A new schedule is nobody's fault."""
    more, less = _workdays(24), _workdays(24)
    more[:, -5:] *= 2
    less[:, -5:] *= 0.4
    bar = threshold(AnomalyKind.VOLUME, 1)
    assert not np.any(judge_volume(_drawn(more), SEASON).told >= bar)
    assert np.mean(judge_volume(_drawn(less), SEASON).told >= bar) > 0.95


def test_a_tenth_more_failures_of_24_a_day_is_found_in_a_week() -> None:
    """No single day shows it; the sum of seven does."""
    due = np.full((SERIES, HISTORY_DAYS), 24.0)
    rate = np.full_like(due, 0.005)
    rate[:, -7:] += 0.10
    failed = np.random.default_rng(3).binomial(24, rate).astype(float)
    judged = judge_success(due, failed)
    assert np.mean(judged.told >= threshold(AnomalyKind.SUCCESS, 1)) > 0.9
    assert judged.observed.mean() > judged.expected.mean()


def test_one_failure_in_a_blameless_history_is_no_anomaly() -> None:
    """Once, a normal distribution made seven standard deviations of it."""
    due = np.full((1, HISTORY_DAYS), 3.0)
    failed = np.zeros_like(due)
    failed[0, -1] = 1
    assert judge_success(due, failed).score[0] < threshold(AnomalyKind.SUCCESS, 1)
    assert count_score(np.array([1.0]), np.array([0.0188]), np.array([0.0188]))[0] < 3


@pytest.mark.parametrize("factor", [1 / 2, 2.0])
def test_answer_times_are_judged_on_both_sides(factor: float) -> None:
    """Twice as fast may be an error page."""
    times = np.exp(np.random.default_rng(5).normal(5, 0.1, (SERIES, HISTORY_DAYS)))
    times[:, -2:] *= factor
    judged = judge_answers(times, SEASON)
    assert np.mean(judged.told >= threshold(AnomalyKind.ANSWERS, 1)) > 0.9
    assert np.all(np.sign(judged.effect) == np.sign(factor - 1))


def test_what_is_over_is_not_told() -> None:
    """A collapse of last week lies in the longer spans for a fortnight; it is told while it lasts."""
    mean = _workdays(50)
    mean[:, -9:-4] *= 0.1
    judged = judge_figures(_drawn(mean), SEASON)
    bar = threshold(AnomalyKind.FIGURES, 1)
    assert np.mean(judged.score >= bar) > 0.9
    assert np.mean(judged.told >= bar) < 0.2
    assert np.mean(judged.goes_on(bar, np.full(SERIES, -1))) < 0.2


def test_what_goes_on_is_known_by_its_last_three_days() -> None:
    """An incident stays open as long as the series deviates in the same direction."""
    mean = _workdays(50)
    mean[:, -10:] *= 0.4
    judged = judge_figures(_drawn(mean), SEASON)
    bar = threshold(AnomalyKind.FIGURES, 1)
    assert np.all(judged.goes_on(bar, np.full(SERIES, -1)))
    assert not np.any(judged.goes_on(bar, np.full(SERIES, 1)))


def test_a_short_history_is_not_judged() -> None:
    """A company of four weeks has no season yet."""
    mean = _workdays(50)
    mean[:, -1] = 0
    counts = _drawn(mean)
    counts[:, : HISTORY_DAYS - RECENT_DAYS - LEAST_DAYS + 1] = np.nan
    judged = judge_figures(counts, SEASON)
    assert np.all(np.isnan(judged.score))
    assert not np.any(judged.told)


def test_a_first_holiday_is_uncertain_and_no_anomaly() -> None:
    """Without a holiday in its history nobody knows what the series does on one."""
    holidays = frozenset({DAYS[-1]})
    mean = _workdays(50)
    mean[:, -1] = 12
    judged = judge_figures(_drawn(mean), season(DAYS, holidays))
    assert np.mean(judged.told >= threshold(AnomalyKind.FIGURES, 1)) < 0.1


def test_a_season_knows_weekday_holiday_and_month_end() -> None:
    """The last two working days of a month are its end; a holiday on a Sunday is a Sunday."""
    days = [date(2026, 1, 29), date(2026, 1, 30), date(2026, 1, 31), date(2026, 2, 2)]
    table = season(days, frozenset({date(2026, 1, 31)}))
    assert table[:, 10].tolist() == [1, 1, 0, 0]
    assert table[:, 11].tolist() == [0, 0, 0, 1]
    assert table[:, 9].tolist() == [0, 0, 0, 0]
    assert table[0, 2 + 3] == 1


def test_fewer_false_alarms_need_higher_scores() -> None:
    """Also beyond what was measured."""
    rates = (100, 3, 1, 0.1, 0.01, 0.0001)
    for kind in AnomalyKind:
        bars = [threshold(kind, rate) for rate in rates]
        assert bars == sorted(bars)
        assert bars[-1] > bars[-2]


def test_all_companies_share_a_days_false_alarms() -> None:
    """Ten thousand companies with one a quarter each would be a hundred a day for the same two people."""
    assert accepted(1, 1, 10) == 1
    assert accepted(1, 1, 9_100) == pytest.approx(0.01)


def test_a_share_of_failures_is_never_said_as_less_than_it_is() -> None:
    """2.001 % failed where 2 % may: "2.0 %" would read as if the target were kept."""
    said = [amount(AnomalyKind.SUCCESS, share) for share in (0.02001, 0.02, 0.0, 1.0, 0.00001)]
    assert said == ["2.1 %", "2.0 %", "0.0 %", "100.0 %", "0.1 %"]
