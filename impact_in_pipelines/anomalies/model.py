"""The words of anomaly detection.

A *series* is one number a day (UTC days) of a company, of a company on a platform, or of a platform. Arrays
have one row a series and one column a day, the oldest first, the judged day last; NaN: nothing is known of
that day.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from impact_in_pipelines.anomalies.kinds import AnomalyKind

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HISTORY_DAYS = 196
"""So many days are looked at; older ones say little of today."""

RECENT_DAYS = 14
"""The days that are judged, the last one with up to thirteen before it. The baseline is fitted on what lies
before them: a fault that began last week would otherwise be part of what it is compared with."""

LEAST_DAYS = 28
"""With fewer days of history before the judged ones nothing is concluded."""

SPANS = (1, 2, 4, 7, 14)
"""Days that are judged together: a collapse shows in one, a small drop only in the sum of many."""


LEAST_EFFECT = {
    AnomalyKind.SUCCESS: 0.01,
    AnomalyKind.VOLUME: 0.1,
    AnomalyKind.ANSWERS: 0.2,
    AnomalyKind.FIGURES: 0.2,
}
"""What is smaller is no anomaly, however certain: a share of the deliveries, or of what was expected."""


GOES_ON = 3.0
"""An anomaly goes on while the last three days alone have this part of the score that finds one."""


@dataclass(frozen=True, slots=True)
class Deviations:
    """One line a series. `score`: how many standard deviations of the standard normal the most striking span
    is away, in the direction that matters; NaN: too little is known. `span`: its days. `observed` and
    `expected`: their totals (success: shares that failed; answer times: geometric means, ms). `now`: the
    score of the last three days alone, signed like `observed - expected`: it says whether it goes on.
    `usual`: what each day was expected to be."""

    kind: AnomalyKind
    score: Floats
    span: Ints
    observed: Floats
    expected: Floats
    now: Floats
    usual: Floats

    @property
    def effect(self) -> Floats:
        """How large the deviation is: a difference of shares for success, else a share of what was expected;
        of answer times the same on either side (twice as fast is as large as twice as slow)."""
        if self.kind is AnomalyKind.SUCCESS:
            return self.observed - self.expected
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = self.observed / self.expected
            if self.kind is AnomalyKind.ANSWERS:
                return np.asarray(np.sign(ratio - 1) * (np.maximum(ratio, 1 / ratio) - 1))
            return ratio - 1

    @property
    def told(self) -> Floats:
        """The score of what is worth telling, else 0: it is large enough, and it goes on. A fault that ended
        lies for two weeks in the longer spans; in the last days it leaves no trace."""
        with np.errstate(invalid="ignore"):
            large = np.abs(self.effect) >= LEAST_EFFECT[self.kind]
            goes_on = np.sign(self.effect) * self.now >= self.score / GOES_ON
            return np.asarray(np.where(large & goes_on, np.nan_to_num(self.score), 0.0))

    def goes_on(self, threshold: float, direction: Ints) -> NDArray[np.bool_]:
        """Which series still deviate in `direction` (1 or -1), found at `threshold` on an earlier day."""
        found: NDArray[np.bool_] = direction * np.nan_to_num(self.now) >= threshold / GOES_ON
        return found
