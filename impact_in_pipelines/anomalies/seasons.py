"""What a day is like: weekday, holiday, month end. One row a day, one column an effect."""

from collections.abc import Collection, Sequence
from datetime import date, timedelta

import numpy as np

from impact_in_pipelines.anomalies.model import Floats

_DAY = timedelta(days=1)
_EDGE = 2
"""Working days that count as the end of a month, and as its beginning."""
_TREND_DAYS = 91

EFFECT_SPREAD = np.array([20.0, 0.15, *[2.0] * 7, 0.8, 0.5, 0.5])
"""How far each effect may lie from none (logarithms): level, trend a quarter, weekdays, holiday, month's end
and beginning. What was never seen, such as a first holiday, so makes its day uncertain and not an anomaly."""


def season(
    days: Sequence[date],
    holidays: Collection[date] = (),
    weekend: Collection[int] = (5, 6),
) -> Floats:
    """The effects that are on, of each of `days`; a holiday at the weekend is none."""

    def works(day: date) -> bool:
        return day.weekday() not in weekend and day not in holidays

    table = np.zeros((len(days), len(EFFECT_SPREAD)))
    last = days[-1]
    for row, day in zip(table, days, strict=True):
        row[0] = 1.0
        row[1] = (day - last).days / _TREND_DAYS
        row[2 + day.weekday()] = 1.0
        row[9] = day in holidays and day.weekday() not in weekend
        row[10] = works(day) and _working_days_left(day, works, 1) < _EDGE
        row[11] = works(day) and _working_days_left(day, works, -1) < _EDGE
    return table


def _working_days_left(day: date, works: object, step: int) -> int:
    """Working days of the month after `day` (`step` 1) or before it (-1), counted up to the edge."""
    assert callable(works)
    left, other = 0, day + step * _DAY
    while other.month == day.month and left < _EDGE:
        left += bool(works(other))
        other += step * _DAY
    return left
