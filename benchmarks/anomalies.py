"""How many planted faults the anomaly detector finds, at so many false alarms: beside a plain z-score.

`python -m benchmarks.anomalies [--series 96]`: thresholds are calibrated on histories of 2025, and everything
in the table is measured on others, of 2026. A company has three platforms with three series each (success,
volume, answer times) and its figures: ten series, each with a tenth of the false alarms.

`--calibrate` prints the thresholds that `anomalies/thresholds.py` holds.
"""

import argparse
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date
from functools import cache

import numpy as np

from benchmarks._histories import (
    COUNTRIES,
    FAULTS,
    QUARTER,
    SIZES,
    Fault,
    Histories,
    histories,
)
from benchmarks._results import figure
from impact_in_pipelines.anomalies.judging import (
    judge_answers,
    judge_figures,
    judge_success,
    judge_volume,
)
from impact_in_pipelines.anomalies.model import AnomalyKind, Floats

SERIES_OF_A_COMPANY = {
    AnomalyKind.SUCCESS: 3,
    AnomalyKind.VOLUME: 3,
    AnomalyKind.ANSWERS: 3,
    AnomalyKind.FIGURES: 1,
}
ALLOWED = 0.09
"""False alarms of a series in a quarter: one of a company, by its ten series, and a tenth below it, since the
measured rate of another year differs by chance."""
FEW = ALLOWED / 10
RATES = (1.0, 0.3, 0.09, 0.03, 0.009, 0.003, 0.001)
TOGETHER = 7
"""Alarms less than so many days apart are one; a fault is to be found within so many days."""

Scorer = Callable[[Histories, int], Floats]


def ours(seen: Histories, day: int) -> Floats:
    """The product's detector."""
    values, due, season = seen.upto(day)
    match seen.kind:
        case AnomalyKind.SUCCESS:
            return judge_success(due, values).told
        case AnomalyKind.VOLUME:
            return judge_volume(values, season).told
        case AnomalyKind.ANSWERS:
            return judge_answers(values, season).told
        case AnomalyKind.FIGURES:
            return judge_figures(values, season).told


def plain(seen: Histories, day: int) -> Floats:
    """Today's distance from the mean of the 28 days before, in their standard deviations."""
    return _distance(seen, day, slice(-29, -1))


def by_weekday(seen: Histories, day: int) -> Floats:
    """The same with the eight days before of the same weekday."""
    return _distance(seen, day, slice(-57, -1, 7))


def _distance(seen: Histories, day: int, past: slice) -> Floats:
    values, due, _ = seen.upto(day)
    if seen.kind is AnomalyKind.SUCCESS:
        values = 1 - values / np.maximum(due, 1)
    mean, spread = values[:, past].mean(axis=1), values[:, past].std(axis=1, ddof=1)
    score = (values[:, -1] - mean) / np.maximum(spread, 0.01 * np.abs(mean) + 1e-9)
    falls = seen.kind in (AnomalyKind.SUCCESS, AnomalyKind.VOLUME)
    return np.asarray(-score if falls else np.abs(score))


DETECTORS: dict[str, Scorer] = {"ours": ours, "z": plain, "z by weekday": by_weekday}


def _quarters(year: int) -> Iterator[tuple[int, date, str]]:
    for n, month in enumerate((1, 4, 7, 10)):
        yield n, date(year, month, 1), COUNTRIES[n]


def _scores(detector: Scorer, seen: Histories) -> Floats:
    return np.stack([detector(seen, day) for day in range(QUARTER)], axis=1)


def _clean(year: int, kind: AnomalyKind, count: int) -> Iterator[tuple[str, Histories]]:
    """Histories without faults: every quarter, every country, every size."""
    for (n, first, _), (c, country) in itertools.product(_quarters(year), enumerate(COUNTRIES)):
        for s, (size, mean) in enumerate(SIZES.items()):
            seed = (year, list(AnomalyKind).index(kind), n, c, s)
            some = max(count // 4, 4)
            yield size, histories(kind, mean, some, first=first, country=country, seed=seed)


def _episodes(scores: Floats, threshold: float) -> np.ndarray:
    """False alarms of each series in its quarter: alarms within a week of another are one."""
    alarm = scores >= threshold
    count = np.zeros(len(scores), dtype=int)
    last = np.full(len(scores), -99)
    for day in range(alarm.shape[1]):
        count += alarm[:, day] & (day - last >= TOGETHER)
        last = np.where(alarm[:, day], day, last)
    return count


def _threshold(scores: Floats, rate: float) -> float:
    """The lowest with at most `rate` false alarms a series and quarter."""
    low, high = 0.0, 60.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (low, middle) if _episodes(scores, middle).mean() <= rate else (middle, high)
    return high


def _found(detector: Scorer, fault: Fault, size: str, threshold: float, count: int) -> list[int]:
    """Of each faulty series the days until the alarm, -1: none within a week."""
    found: list[int] = []
    for n, first, country in _quarters(2026):
        for m, start in enumerate((14, 45)):
            clean = _faulty(fault, size, count, n, first, country, m, start)
            onset, seen = clean
            late = np.full(len(seen.values), -1)
            for day in range(onset, onset + TOGETHER):
                hit = (detector(seen, day) >= threshold) & (late < 0)
                late = np.where(hit, day - onset, late)
            found += late.tolist()
    return found


@cache
def _faulty(
    fault: Fault, size: str, count: int, n: int, first: date, country: str, m: int, start: int
) -> tuple[int, Histories]:
    seed = (2027, FAULTS.index(fault), n, m, list(SIZES).index(size))
    probe = histories(fault.kind, 1.0, 1, first=first, country=country, seed=seed)
    onset = next(
        day for day in range(start, start + 30) if fault.only(probe.season[-QUARTER + day])
    )
    made = histories(
        fault.kind,
        SIZES[size],
        max(count // 2, 8),
        first=first,
        country=country,
        seed=seed,
        fault=fault,
        onset=onset,
    )
    return onset, made


def main() -> None:
    """Calibrate, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.anomalies", description=__doc__)
    parser.add_argument("--series", type=int, default=96, help="of each kind, size and quarter")
    parser.add_argument("--calibrate", action="store_true", help="print thresholds and end")
    options = parser.parse_args()
    thresholds: dict[tuple[str, AnomalyKind], float] = {}
    for kind in AnomalyKind:
        clean = [one for _, one in _clean(2025, kind, options.series)]
        for name, detector in DETECTORS.items():
            if options.calibrate and name != "ours":
                continue
            scores = np.concatenate([_scores(detector, one) for one in clean])
            thresholds[name, kind] = _threshold(scores, ALLOWED)
            if options.calibrate:
                told = [f"({rate:g}, {_threshold(scores, rate):.2f})" for rate in RATES]
                print(f"{kind!r} ({len(scores)} series): {', '.join(told)}", flush=True)
    if not options.calibrate:
        _measure(thresholds, options.series)


def _measure(thresholds: dict[tuple[str, AnomalyKind], float], count: int) -> None:
    alarms: dict[str, float] = defaultdict(float)
    for kind in AnomalyKind:
        clean = list(_clean(2026, kind, count))
        for name, detector in DETECTORS.items():
            threshold = thresholds[name, kind]
            by_size: dict[str, list[float]] = defaultdict(list)
            for size, one in clean:
                by_size[size].append(_episodes(_scores(detector, one), threshold).mean())
            rate = float(np.mean([np.mean(some) for some in by_size.values()]))
            alarms[name] += SERIES_OF_A_COMPANY[kind] * rate
            told = ", ".join(f"{size} {np.mean(some):.3f}" for size, some in by_size.items())
            print(f"{kind} {name}: threshold {threshold:.2f}; false alarms {told}", flush=True)
    for name, rate in alarms.items():
        print(f"{name}: {rate:.2f} false alarms a company and quarter")
        figure(f"anomalies: false alarms of {name}", rate, "a company and quarter")
    print("recall by size of the series (median days until the alarm); precision over all sizes")
    for fault in FAULTS:
        line = [fault.name]
        for name, detector in DETECTORS.items():
            shares = []
            for size in SIZES:
                late = np.array(_found(detector, fault, size, thresholds[name, fault.kind], count))
                hit = late >= 0
                days = f" ({np.median(late[hit]):.0f})" if hit.any() else ""
                shares.append(float(hit.mean()))
                line.append(f"{name} {size} {hit.mean():.2f}{days}")
            recall = float(np.mean(shares))
            precision = recall / (recall + alarms[name])
            line.append(f"{name}: recall {recall:.2f}, precision {precision:.2f}")
            figure(f"anomalies: recall of {name}, {fault.name}", recall, "share")
        print(" | ".join(line), flush=True)


if __name__ == "__main__":
    main()
