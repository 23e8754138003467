"""Generated daily histories for the anomaly benchmark: what is usual, and faults of known size planted in it.

Usual are: weekdays and weekends, the public holidays of four countries, ends of months, growth and decline,
slow wander, shifts of the level long before the judged quarter, more spread than Poisson's, and for success
bad days in bursts. One generator serves calibration and test; seeds and years differ.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from impact_in_pipelines.anomalies.kinds import AnomalyKind
from impact_in_pipelines.anomalies.model import HISTORY_DAYS, Floats
from impact_in_pipelines.anomalies.seasons import season
from impact_in_pipelines.scheduling.calendars import HolidayCalendar

COUNTRIES = ("NO", "DE", "US", "IN")
QUARTER = 91
DAYS = HISTORY_DAYS + QUARTER

SIZES = {"small": 5.0, "middle": 24.0, "large": 2000.0}
"""Deliveries on a working day: of a company every few hours, of one every hour, of a whole platform. Of
figures ten times as much, but for the large ones."""


@dataclass(frozen=True, slots=True)
class Histories:
    """Series of one country and one size: what detectors see (`values`; of success with `due`), and the
    effects of their days."""

    kind: AnomalyKind
    days: Sequence[date]
    season: Floats
    values: Floats
    due: Floats

    def upto(self, day: int) -> tuple[Floats, Floats, Floats]:
        """Values, due and season of the history that ends with `day` of the quarter, that day included."""
        span = slice(day + 1, HISTORY_DAYS + day + 1)
        return self.values[:, span], self.due[:, span], self.season[span]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something planted, for `lasts` days: `change` makes the expected numbers of those days anew, from them,
    from those of a Sunday and those of a working day, before chance has its say."""

    name: str
    kind: AnomalyKind
    change: Callable[[Floats, Floats, Floats], Floats]
    lasts: int = QUARTER
    only: Callable[[Floats], bool] = lambda _season: True
    """On which day of the season it may begin."""


def _workday(season: Floats) -> bool:
    return not season[[7, 8, 9, 10, 11]].any()


def _weekend(season: Floats) -> bool:
    return bool(season[7])


FAULTS = (
    Fault(
        "success −5 points", AnomalyKind.SUCCESS, lambda rate, _s, _w: np.minimum(rate + 0.05, 1)
    ),
    Fault(
        "success −10 points", AnomalyKind.SUCCESS, lambda rate, _s, _w: np.minimum(rate + 0.10, 1)
    ),
    Fault(
        "success −20 points", AnomalyKind.SUCCESS, lambda rate, _s, _w: np.minimum(rate + 0.20, 1)
    ),
    Fault("volume −20 %", AnomalyKind.VOLUME, lambda mean, _s, _w: mean * 0.8),
    Fault("volume −40 %", AnomalyKind.VOLUME, lambda mean, _s, _w: mean * 0.6),
    Fault("volume −80 %", AnomalyKind.VOLUME, lambda mean, _s, _w: mean * 0.2),
    Fault("answers × 1.5", AnomalyKind.ANSWERS, lambda log, _s, _w: log + np.log(1.5)),
    Fault("answers × 2", AnomalyKind.ANSWERS, lambda log, _s, _w: log + np.log(2)),
    Fault("answers × 3", AnomalyKind.ANSWERS, lambda log, _s, _w: log + np.log(3)),
    Fault("figures −50 %", AnomalyKind.FIGURES, lambda mean, _s, _w: mean * 0.5),
    Fault("figures × 2", AnomalyKind.FIGURES, lambda mean, _s, _w: mean * 2),
    Fault(
        "figures: one working day as a Sunday",
        AnomalyKind.FIGURES,
        lambda _m, sunday, _w: sunday,
        lasts=1,
        only=_workday,
    ),
    Fault(
        "figures: a weekend as working days",
        AnomalyKind.FIGURES,
        lambda _m, _s, working: working,
        lasts=2,
        only=_weekend,
    ),
)


def histories(
    kind: AnomalyKind,
    size: float,
    count: int,
    *,
    first: date,
    country: str,
    seed: Sequence[int],
    fault: Fault | None = None,
    onset: int = 0,
) -> Histories:
    """`count` series whose judged quarter begins on `first`; with `fault` from that day of the quarter on."""
    rng = np.random.default_rng(seed)
    days = [first + timedelta(days=n - HISTORY_DAYS) for n in range(DAYS)]
    calendar = HolidayCalendar(country)
    effects = season(days, frozenset(day for day in days if calendar.holiday(day)))
    begins = HISTORY_DAYS + onset
    faulty = slice(begins, begins + (fault.lasts if fault else 0))
    if kind is AnomalyKind.ANSWERS:
        log = _answers(rng, effects, count, size)
        if fault:
            log[:, faulty] = fault.change(*[log[:, faulty]] * 3)
        return Histories(kind, days, effects, np.exp(log), np.full(log.shape, size))
    figures = kind is AnomalyKind.FIGURES
    mean, sunday, working = _means(
        rng, effects, count, size * (10.0 if figures and size < 1000 else 1.0)
    )
    if kind is AnomalyKind.SUCCESS:
        due = rng.poisson(mean).astype(float)
        rate = _failure_rates(rng, count)
        if fault:
            rate[:, faulty] = fault.change(*[rate[:, faulty]] * 3)
        failed = rng.binomial(due.astype(int), rate).astype(float)
        return Histories(kind, days, effects, failed, due)
    if fault:
        mean[:, faulty] = fault.change(*[some[:, faulty] for some in (mean, sunday, working)])
    values = _counts(rng, mean, size, regular=not figures)
    return Histories(kind, days, effects, values, values)


def _means(
    rng: np.random.Generator, effects: Floats, count: int, size: float
) -> tuple[Floats, Floats, Floats]:
    """The expected number of each day, and what it were on a Sunday and on a working day."""
    level = np.log(size) + rng.normal(0, 0.3, (count, 1))
    weekdays = np.concatenate(
        [rng.normal(0, 0.12, (count, 5)), rng.normal(-1.6, 0.5, (count, 2))], axis=1
    )
    level = level + rng.normal(0.03, 0.08, (count, 1)) * effects[None, :, 1]  # growth a quarter
    level = level + _wander(rng, count, 0.04)
    # A shift of the level that is nothing wrong, at least six weeks before the judged quarter.
    at = rng.integers(0, HISTORY_DAYS - 42, (count, 1))
    shift = np.where(rng.random((count, 1)) < 0.2, rng.normal(0, 0.25, (count, 1)), 0.0)
    level = level + shift * (np.arange(DAYS)[None, :] >= at)
    day = weekdays @ effects[:, 2:9].T
    ends = rng.normal(0.25, 0.2, (count, 1)) * effects[None, :, 10]
    ends = ends + rng.normal(-0.05, 0.1, (count, 1)) * effects[None, :, 11]
    free = rng.normal(-1.3, 0.5, (count, 1))
    holiday = effects[None, :, 9] > 0
    log = level + np.where(holiday, free, day) + ends
    return np.exp(log), np.exp(level + weekdays[:, 6:]), np.exp(level)


def _counts(rng: np.random.Generator, mean: Floats, size: float, *, regular: bool) -> Floats:
    """Half of the volumes are nearly as regular as their schedule; everything else varies more than Poisson,
    by up to 28 % a day, a whole platform by up to 9 %."""
    spread = rng.uniform(0.005, 0.08, (len(mean), 1)) * (0.1 if size > 1000 else 1.0)
    drawn = rng.poisson(mean * rng.gamma(1 / spread, spread, mean.shape)).astype(float)
    if not regular:
        return drawn
    strict = np.round(mean) - rng.binomial(np.round(mean).astype(int), 0.01)
    half = np.arange(len(mean))[:, None] % 2 == 0
    return np.asarray(np.where(half, strict, drawn))


def _failure_rates(rng: np.random.Generator, count: int) -> Floats:
    rate = np.exp(rng.normal(np.log(0.005), 0.7, (count, 1)))
    daily = rate * rng.gamma(2.0, 0.5, (count, DAYS))
    bad = rng.random((count, DAYS)) < 0.005
    return np.asarray(np.clip(np.where(bad, daily * 4, daily), 0, 0.5))


def _answers(rng: np.random.Generator, effects: Floats, count: int, size: float) -> Floats:
    level = (
        rng.normal(np.log(200), 0.6, (count, 1)) + rng.normal(0, 0.03, (count, 1)) * effects[:, 1]
    )
    weekdays = rng.normal(0, 0.03, (count, 7)) @ effects[:, 2:9].T
    noise = rng.uniform(0.03, 0.15, (count, 1)) + 0.3 / np.sqrt(size)
    tails = rng.standard_t(5, (count, DAYS)) / np.sqrt(5 / 3)
    return np.asarray(level + weekdays + _wander(rng, count, 0.04) + noise * tails)


def _wander(rng: np.random.Generator, count: int, spread: float) -> Floats:
    """A level that goes up and down by about `spread` within weeks."""
    steps = rng.normal(0, spread * np.sqrt(1 - 0.95**2), (count, DAYS))
    found = np.empty_like(steps)
    found[:, 0] = rng.normal(0, spread, count)
    for day in range(1, DAYS):
        found[:, day] = 0.95 * found[:, day - 1] + steps[:, day]
    return found
