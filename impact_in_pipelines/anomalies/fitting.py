"""Regression of many series on the effects of their days, at once.

The estimator is the textbook's: a generalised linear model with logarithmic link, ridge priors on the
effects, Huber's weights against outliers, and exponential forgetting. Libraries fit one series at a time, in
milliseconds each, which is minutes for a fleet; here each step is one matrix product for thousands.
"""

from dataclasses import dataclass

import numpy as np

from impact_in_pipelines.anomalies.model import Floats
from impact_in_pipelines.anomalies.seasons import EFFECT_SPREAD

_HALF_LIFE_DAYS = 60.0
_HUBER = 2.0
_CLIPPED = 0.925
"""The mean of min(Z², 4) of a standard normal Z, with which clipped squares estimate a variance."""
_STEPS = 7
_PRIOR_DAYS = 10.0
_DISPERSIONS = np.array([0.0, 0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28])


@dataclass(frozen=True, slots=True)
class CountFit:
    """`mean`: what each day was expected to be; `effects` and their covariance (`uncertainty`). A day's
    variance is `scale * (mean + dispersion * mean²)`: `dispersion` beyond Poisson's, `scale` below it where a
    series is more regular than chance."""

    mean: Floats
    effects: Floats
    uncertainty: Floats
    dispersion: Floats
    scale: Floats


@dataclass(frozen=True, slots=True)
class LevelFit:
    """The same of a normal series: `mean` of each day, its `variance` a day, and the days it rests on."""

    mean: Floats
    uncertainty: Floats
    variance: Floats
    days: Floats


def forgetting(known: np.ndarray, used: int) -> Floats:
    """How much each day counts: the first `used` columns where something is known, the older the less."""
    age = used - 1 - np.arange(known.shape[1], dtype=float)
    weights = np.where(age >= 0, 0.5 ** (np.maximum(age, 0) / _HALF_LIFE_DAYS), 0.0)
    return np.asarray(known * weights)


def fit_counts(counts: Floats, season: Floats, *, used: int) -> CountFit:
    """Fit the first `used` days of each series of counts; the mean is given for all days."""
    weights = forgetting(~np.isnan(counts), used)
    values = np.nan_to_num(counts)
    products = _products(season)
    precision = EFFECT_SPREAD**-2.0
    total = np.maximum(weights.sum(axis=1), 1e-9)
    start = np.log((values * weights).sum(axis=1) / total + 0.1)
    effects = np.zeros((len(counts), season.shape[1]))
    effects[:, 0] = start
    prior = np.zeros_like(effects)
    prior[:, 0] = start
    dispersion = np.full(len(counts), 0.02)
    scale = np.ones(len(counts))
    normal = np.empty((len(counts), season.shape[1], season.shape[1]))
    for step in range(_STEPS):
        log_mean, mean = _means(effects, season)
        variance = _variance(mean, dispersion, scale)
        rest = values - mean
        huber = np.minimum(1.0, _HUBER / np.maximum(np.abs(rest) / np.sqrt(variance), 1e-9))
        information = weights * huber * mean**2 / variance
        normal = (information @ products).reshape(normal.shape) + np.diag(precision)
        wanted = (information * (log_mean + rest / mean)) @ season + prior * precision
        change = np.linalg.solve(normal, wanted[:, :, None])[:, :, 0] - effects
        effects = effects + np.clip(change, -2.0, 2.0)
        if step in (2, _STEPS - 2):
            dispersion, scale = _spread(values, _means(effects, season)[1], weights)
    return CountFit(_means(effects, season)[1], effects, _inverse(normal), dispersion, scale)


def fit_level(values: Floats, season: Floats, *, used: int, spread: float) -> LevelFit:
    """Fit the first `used` days of each series of real numbers, each of which varies by about `spread`."""
    weights = forgetting(~np.isnan(values), used)
    known = np.nan_to_num(values)
    products = _products(season)
    total = np.maximum(weights.sum(axis=1), 1e-9)
    level = (known * weights).sum(axis=1) / total
    # A platform has no weekend: effects of the day's kind are small.
    precision = np.array([0.05, 0.15, *[0.15] * 7, 0.1, 0.1, 0.1])
    precision = np.where(np.arange(len(precision)) == 0, 20.0, precision) ** -2.0
    prior = np.zeros((len(values), season.shape[1]))
    prior[:, 0] = level
    effects = prior
    variance = np.full(len(values), spread**2)
    normal = np.empty((len(values), season.shape[1], season.shape[1]))
    for _ in range(_STEPS):
        rest = known - effects @ season.T
        striking = np.abs(rest) / np.sqrt(variance)[:, None]
        huber = np.minimum(1.0, _HUBER / np.maximum(striking, 1e-9))
        information = weights * huber / variance[:, None]
        normal = (information @ products).reshape(normal.shape) + np.diag(precision)
        wanted = (information * known) @ season + prior * precision
        effects = np.linalg.solve(normal, wanted[:, :, None])[:, :, 0]
        rest = known - effects @ season.T
        clipped = np.minimum(rest**2, _HUBER**2 * variance[:, None]) / _CLIPPED
        variance = ((weights * clipped).sum(axis=1) + _PRIOR_DAYS * spread**2) / (
            weights.sum(axis=1) + _PRIOR_DAYS
        )
    return LevelFit(effects @ season.T, _inverse(normal), variance, weights.sum(axis=1))


def _products(season: Floats) -> Floats:
    """The products of each two effects of each day, so that all normal equations are one matrix product."""
    return np.asarray((season[:, :, None] * season[:, None, :]).reshape(len(season), -1))


def _inverse(normal: Floats) -> Floats:
    return np.asarray(np.linalg.inv(normal), dtype=np.float64)


def _means(effects: Floats, season: Floats) -> tuple[Floats, Floats]:
    log_mean = np.clip(effects @ season.T, -7.0, 20.0)
    return log_mean, np.exp(log_mean)


def _variance(mean: Floats, dispersion: Floats, scale: Floats) -> Floats:
    return np.asarray(scale[:, None] * (mean + dispersion[:, None] * mean**2))


def _spread(values: Floats, mean: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """The dispersion at which clipped squared residuals are as large as they should be, and the scale that is
    left where even none is too much (or all too little)."""
    squares = (values - mean) ** 2
    total = weights.sum(axis=1)
    sizes = []
    for dispersion in _DISPERSIONS:
        relative = np.minimum(squares / (mean + dispersion * mean**2), _HUBER**2) / _CLIPPED
        sizes.append(((weights * relative).sum(axis=1) + _PRIOR_DAYS) / (total + _PRIOR_DAYS))
    table = np.array(sizes)  # falls with the dispersion
    at = np.clip((table > 1.0).sum(axis=0), 0, len(_DISPERSIONS) - 1)
    column = np.arange(table.shape[1])
    before = np.maximum(at - 1, 0)
    high, low = table[before, column], table[at, column]
    part = np.where(at > 0, np.clip((high - 1.0) / np.maximum(high - low, 1e-9), 0.0, 1.0), 1.0)
    found = _DISPERSIONS[before] + part * (_DISPERSIONS[at] - _DISPERSIONS[before])
    scale = np.where((at == 0) | (low > 1.0), low, 1.0)
    return np.asarray(found), np.asarray(scale)
