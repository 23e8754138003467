"""How improbable a value is, as a score: the standard normal's quantile of its tail. `scipy.special` has the
exact functions; this is the only module that imports it."""

import numpy as np
from scipy.special import betainc, betaincc, ndtri, stdtr

from impact_in_pipelines.anomalies.model import Floats

_FURTHEST = 12.0
_LEAST = 1e-33
_REGULAR = 0.7


def count_score(observed: Floats, mean: Floats, variance: Floats) -> Floats:
    """How far a count lies above (positive) or below what a negative binomial of this mean and variance lets
    expect; of variances well below the mean, a normal. Half of the value's own probability counts, or small
    counts would never be improbable on one side and always on the other."""
    mean = np.maximum(mean, 1e-6)
    # Of few, a normal is far too sure: one failure where 0.02 are expected is no seven deviations.
    wide = variance > mean * _REGULAR
    excess = np.maximum(variance - mean, mean * 1e-3)
    size = mean**2 / excess
    chance = mean / (mean + excess)
    below = np.where(observed >= 1, betainc(size, np.maximum(observed, 1.0), chance), 0.0)
    upto = betainc(size, observed + 1.0, chance)
    above = betaincc(size, observed + 1.0, chance)
    itself = np.maximum(upto - below, 0.0)
    score = _of_tails(below + itself / 2, above + itself / 2)
    normal = (observed - mean) / np.sqrt(np.maximum(variance, 1e-9))
    return np.asarray(np.where(wide, score, np.clip(normal, -_FURTHEST, _FURTHEST)))


def level_score(deviation: Floats, variance: Floats, freedom: Floats) -> Floats:
    """The same of a value by Student's t of so many degrees of freedom."""
    value = deviation / np.sqrt(variance)
    low = stdtr(freedom, -np.abs(value))
    return np.asarray(np.sign(value) * -ndtri(np.maximum(low, _LEAST)))


def _of_tails(low: Floats, high: Floats) -> Floats:
    """From the smaller of the two tails: the larger one has no digits left."""
    smaller = np.clip(np.minimum(low, high), _LEAST, 0.5)
    size = np.minimum(-ndtri(smaller), _FURTHEST)
    return np.asarray(np.where(low < high, -size, size))
