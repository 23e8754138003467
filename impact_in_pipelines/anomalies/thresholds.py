"""From which score on a series is anomalous, by how many false alarms are accepted.

Measured on generated histories without faults: `python -m benchmarks.anomalies --calibrate` prints this table
(benchmarks/NOTES.md, "Anomalies").
"""

import math
from collections.abc import Mapping, Sequence

from impact_in_pipelines.anomalies.kinds import AnomalyKind

SERIES_OF_A_COMPANY = 11
"""Success, volume and answer times on three platforms, its events and hours: they share its false alarms."""

DAYS_OF_A_QUARTER = 91
_MARGIN = 0.9
"""Other histories have more false alarms than those that were measured, by chance."""

_MEASURED: Mapping[AnomalyKind, Sequence[tuple[float, float]]] = {
    AnomalyKind.SUCCESS: (
        (1, 2.09),
        (0.3, 2.61),
        (0.09, 3.14),
        (0.03, 3.71),
        (0.009, 4.59),
        (0.003, 5.13),
        (0.001, 5.26),
    ),
    AnomalyKind.VOLUME: (
        (1, 2.00),
        (0.3, 2.68),
        (0.09, 3.20),
        (0.03, 3.62),
        (0.009, 4.10),
        (0.003, 4.93),
        (0.001, 5.09),
    ),
    AnomalyKind.ANSWERS: (
        (1, 2.61),
        (0.3, 3.15),
        (0.09, 3.62),
        (0.03, 4.07),
        (0.009, 4.42),
        (0.003, 4.66),
        (0.001, 5.05),
    ),
    AnomalyKind.FIGURES: (
        (1, 2.67),
        (0.3, 3.24),
        (0.09, 3.68),
        (0.03, 4.07),
        (0.009, 4.55),
        (0.003, 4.80),
        (0.001, 4.95),
    ),
}
"""False alarms of a series in a quarter, and the score that was passed so often."""


def accepted(per_company: float, per_day: float, companies: int) -> float:
    """False alarms of a company in a quarter: `per_company`, and no more than make `per_day` of all companies
    together, since those who are told of them are the same few people."""
    return min(per_company, per_day * DAYS_OF_A_QUARTER / max(companies, 1))


def threshold(kind: AnomalyKind, per_company: float) -> float:
    """The score that series pass so seldom without a fault that a company has `per_company` false alarms a
    quarter. Between the measured ones, and beyond the rarest, scores go with the logarithm of the rate."""
    rate = _MARGIN * per_company / SERIES_OF_A_COMPANY
    points = _MEASURED[kind]
    if rate >= points[0][0]:
        return points[0][1]
    rarer = next((n for n, (measured, _) in enumerate(points) if measured <= rate), len(points) - 1)
    (often, low), (seldom, high) = points[rarer - 1], points[rarer]
    part = math.log(often / rate) / math.log(often / seldom)
    return low + part * (high - low)
