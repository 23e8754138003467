"""How far each series is from what its past lets expect, on its last days.

Three models, by what the numbers are: counts with seasons (volume, figures), failures of many (success), and
times (answers). Each compares the sums over the last 1 to 14 days with their predictive distribution, the
uncertainty of the baseline included, so that one threshold serves large series and small ones.
"""

from collections.abc import Callable

import numpy as np

from impact_in_pipelines.anomalies.fitting import fit_counts, fit_level, forgetting
from impact_in_pipelines.anomalies.kinds import AnomalyKind
from impact_in_pipelines.anomalies.model import (
    LEAST_DAYS,
    RECENT_DAYS,
    SPANS,
    Deviations,
    Floats,
)
from impact_in_pipelines.anomalies.tails import count_score, level_score

_WANDER = 0.03
"""By so much (a share) a level wanders within days without anything being wrong."""
_USUAL_FAILURES = 0.01
_PRIOR_DELIVERIES = 50.0
_PRIOR_DAYS = 20.0
_STRIKING = 16.0
_WEEKS, _DAYS = 0.3**2, 0.6**2
"""How much a rate of failures varies (its squared coefficient), for weeks and from day to day. It matters
where thousands of deliveries make the count itself nearly certain."""
_NOW_DAYS = 3
_USUAL_SPREAD = 0.1
_TAIL_DAYS = 5.0
"""Answer times have outliers that a normal does not know; sums of days have fewer."""

_Span = tuple[Floats, Floats, Floats]
"""Score, observed and expected of one span."""


def judge_volume(planned: Floats, season: Floats) -> Deviations:
    """Deliveries due a day; only fewer are an anomaly: a new schedule is none."""
    return _judge_counts(AnomalyKind.VOLUME, planned, season, lambda score: -score)


def judge_figures(figures: Floats, season: Floats) -> Deviations:
    """What a company's events add up to a day, in whole numbers; too many as well as too few."""
    return _judge_counts(AnomalyKind.FIGURES, figures, season, np.abs)


def judge_success(planned: Floats, failed: Floats) -> Deviations:
    """What did not arrive of what was due; only more failures are an anomaly."""
    used = planned.shape[1] - RECENT_DAYS
    due, lost = np.nan_to_num(planned), np.nan_to_num(failed)
    weights = forgetting(due > 0, used)
    sent, gone = (weights * due).sum(axis=1), (weights * lost).sum(axis=1)
    rate = (gone + _USUAL_FAILURES * _PRIOR_DELIVERIES) / (sent + _PRIOR_DELIVERIES)
    unsure = rate * (1 - rate) / (sent + _PRIOR_DELIVERIES)
    usual = due * rate[:, None]
    # Failures come in bursts: a series that has had some is judged by its own burstiness.
    relative = (lost - usual) ** 2 / np.maximum(usual * (1 - rate[:, None]), 1e-9)
    relative = np.minimum(np.where(due > 0, relative, 0.0), _STRIKING)
    burst = ((weights * relative).sum(axis=1) + _PRIOR_DAYS) / (weights.sum(axis=1) + _PRIOR_DAYS)
    burst = np.maximum(burst, 1.0)

    def over(days: slice) -> _Span:
        n, k = due[:, days].sum(axis=1), lost[:, days].sum(axis=1)
        mean = n * rate
        rate_varies = rate**2 * (_WEEKS * n**2 + _DAYS * (due[:, days] ** 2).sum(axis=1))
        variance = mean * (1 - rate) * burst + n**2 * unsure * burst + rate_varies
        score = count_score(k, mean, variance)
        share = k / np.maximum(n, 1.0)
        return np.where(n > 0, score, 0.0), share, np.where(n > 0, rate, 0.0)

    return _worst(AnomalyKind.SUCCESS, planned, usual, over, lambda score: score)


def judge_answers(medians_ms: Floats, season: Floats) -> Deviations:
    """How long answers take, slower as well as faster, by the day's median in ms; NaN: no answer."""
    used = medians_ms.shape[1] - RECENT_DAYS
    values = np.log(np.maximum(medians_ms, 0.1))
    fit = fit_level(values, season, used=used, spread=_USUAL_SPREAD)
    known = ~np.isnan(values)

    def over(days: slice) -> _Span:
        there = known[:, days]
        count = np.maximum(there.sum(axis=1), 1)
        rest = np.where(there, values[:, days] - fit.mean[:, days], 0.0).sum(axis=1) / count
        effects = (there[:, :, None] * season[None, days]).sum(axis=1) / count[:, None]
        unsure = np.einsum("sp,spq,sq->s", effects, fit.uncertainty, effects)
        variance = fit.variance / count + unsure + _WANDER**2
        score = np.where(there.any(axis=1), level_score(rest, variance, _TAIL_DAYS * count), 0.0)
        expected = np.where(there, fit.mean[:, days], 0.0).sum(axis=1) / count
        return score, np.exp(expected + rest), np.exp(expected)

    return _worst(AnomalyKind.ANSWERS, medians_ms, np.exp(fit.mean), over, np.abs)


def _judge_counts(
    kind: AnomalyKind, counts: Floats, season: Floats, matters: Callable[[Floats], Floats]
) -> Deviations:
    fit = fit_counts(counts, season, used=counts.shape[1] - RECENT_DAYS)
    values = np.nan_to_num(counts)
    known = ~np.isnan(counts)

    def over(days: slice) -> _Span:
        mean = np.where(known[:, days], fit.mean[:, days], 0.0)
        total, expected = values[:, days].sum(axis=1), mean.sum(axis=1)
        effects = mean @ season[days]
        unsure = np.einsum("sp,spq,sq->s", effects, fit.uncertainty, effects)
        noise = fit.scale * (expected + fit.dispersion * (mean**2).sum(axis=1))
        variance = noise + unsure + (_WANDER * expected) ** 2
        return count_score(total, expected, variance), total, expected

    return _worst(kind, counts, fit.mean, over, matters)


def _worst(
    kind: AnomalyKind,
    series: Floats,
    usual: Floats,
    over: Callable[[slice], _Span],
    matters: Callable[[Floats], Floats],
) -> Deviations:
    """The most striking of the spans, of each series of which enough is known."""
    width = series.shape[1]
    known = (~np.isnan(series[:, : width - RECENT_DAYS])).sum(axis=1) >= LEAST_DAYS
    spans = [over(slice(width - days, width)) for days in SPANS]
    scores = np.array([matters(score) for score, _, _ in spans])
    at, row = scores.argmax(axis=0), np.arange(len(series))
    return Deviations(
        kind=kind,
        score=np.where(known, scores[at, row], np.nan),
        span=np.array(SPANS)[at],
        observed=np.array([observed for _, observed, _ in spans])[at, row],
        expected=np.array([expected for _, _, expected in spans])[at, row],
        now=over(slice(width - _NOW_DAYS, width))[0],
        usual=usual,
    )
