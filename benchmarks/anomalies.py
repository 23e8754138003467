"""How many planted faults the anomaly detector finds, at so many false alarms: beside a plain z-score.

`python -m benchmarks.anomalies [--series 96]`: thresholds are calibrated on histories of 2025, and everything
in the table is measured on others, of 2026. A company has three platforms with three series each (success,
volume, answer times) two of its figures: eleven series, each with an eleventh of the false alarms.

`--calibrate` prints the thresholds that `anomalies/thresholds.py` holds.
"""

import argparse
import itertools
import time
from collections.abc import Callable, Iterator, Mapping
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
from impact_in_pipelines.anomalies.kinds import AnomalyKind
from impact_in_pipelines.anomalies.model import Floats

SERIES_OF_A_COMPANY = {
    AnomalyKind.SUCCESS: 3,
    AnomalyKind.VOLUME: 3,
    AnomalyKind.ANSWERS: 3,
    AnomalyKind.FIGURES: 2,
}
ALLOWED = 0.08
"""False alarms of a series in a quarter: one of a company, by its eleven series, and a tenth below it, since
the measured rate of another year differs by chance."""
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
COLUMNS = {
    "ours": ("ours", ALLOWED),
    "plain z-score": ("z", ALLOWED),
    "z-score by weekday": ("z by weekday", ALLOWED),
    "ours at a tenth of the alarms": ("ours", ALLOWED / 10),
}
"""Detectors, and how many false alarms of a series in a quarter they are allowed."""


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


def _after_onset(detector: Scorer, fault: Fault, size: str, count: int) -> Floats:
    """The scores of each faulty series on the days within which it is to be found."""
    found = []
    for n, first, country in _quarters(2026):
        for m, start in enumerate((14, 45)):
            onset, seen = _faulty(fault, size, count, n, first, country, m, start)
            days = range(onset, onset + TOGETHER)
            found.append(np.stack([detector(seen, day) for day in days], axis=1))
    return np.concatenate(found)


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
    started = time.process_time()
    bars: dict[tuple[str, AnomalyKind], float] = {}
    for kind in AnomalyKind:
        clean = [one for _, one in _clean(2025, kind, options.series)]
        scored = {
            name: np.concatenate([_scores(detector, one) for one in clean])
            for name, detector in DETECTORS.items()
            if name == "ours" or not options.calibrate
        }
        if options.calibrate:
            told = [f"({rate:g}, {_threshold(scored['ours'], rate):.2f})" for rate in RATES]
            print(f"{kind!r} ({len(scored['ours'])} series): {', '.join(told)}", flush=True)
        for column, (name, allowed) in COLUMNS.items():
            if name in scored:
                bars[column, kind] = _threshold(scored[name], allowed)
    if not options.calibrate:
        _measure(bars, options.series)
    print(f"\n{time.process_time() - started:.0f} CPU-s")


def _measure(bars: Mapping[tuple[str, AnomalyKind], float], count: int) -> None:
    alarms = _false_alarms(bars, count)
    print("\n| | " + " | ".join(COLUMNS) + " |")
    print("|---" * (len(COLUMNS) + 1) + "|")
    told = [f"{alarms[column]:.2f}" for column in COLUMNS]
    print(f"| **false alarms of a company in a quarter** | {' | '.join(told)} |", flush=True)
    for column, rate in alarms.items():
        figure(f"anomalies: false alarms, {column}", rate, "a company and quarter")
    for fault in FAULTS:
        cells = []
        scored = {
            name: [_after_onset(detector, fault, size, count) for size in SIZES]
            for name, detector in DETECTORS.items()
        }
        for column, (name, _) in COLUMNS.items():
            hits = [scores >= bars[column, fault.kind] for scores in scored[name]]
            shares = [float(hit.any(axis=1).mean()) for hit in hits]
            first = np.concatenate([hit.argmax(axis=1)[hit.any(axis=1)] for hit in hits])
            recall = float(np.mean(shares))
            precision = recall / (recall + alarms[column]) if recall else 0.0
            days = f", day {np.median(first) + 1:.0f}" if len(first) else ""
            by_size = " / ".join(f"{share:.2f}" for share in shares)
            cells.append(f"{by_size}; P {precision:.2f}{days}")
            figure(f"anomalies: recall, {column}, {fault.name}", recall, "share")
        print(f"| {fault.name} | {' | '.join(cells)} |", flush=True)


def _false_alarms(bars: Mapping[tuple[str, AnomalyKind], float], count: int) -> dict[str, float]:
    """Of a company in a quarter, over all its series, on histories that nothing was calibrated on."""
    alarms: dict[str, float] = dict.fromkeys(COLUMNS, 0.0)
    for kind in AnomalyKind:
        scored: dict[str, list[Floats]] = {name: [] for name in DETECTORS}
        sizes = []
        for size, one in _clean(2026, kind, count):
            sizes += [size] * len(one.values)
            for name, detector in DETECTORS.items():
                scored[name].append(_scores(detector, one))
        for column, (name, _) in COLUMNS.items():
            episodes = _episodes(np.concatenate(scored[name]), bars[column, kind])
            alarms[column] += SERIES_OF_A_COMPANY[kind] * float(episodes.mean())
            by_size = [f"{size} {episodes[np.array(sizes) == size].mean():.3f}" for size in SIZES]
            print(
                f"{kind}, {column}: from {bars[column, kind]:.2f}; {', '.join(by_size)}", flush=True
            )
    return alarms


if __name__ == "__main__":
    main()
