"""How long platforms take to answer, as a histogram that adds up over days and companies.

Its bins are eight to the octave: answers between 1 ms and 1,000 s lie in bins 0 to 159, each 9 % wide, so
that a percentile read from it is within 5 % of the true one. Only bins with something in them are kept.
"""

from collections.abc import Iterable, Mapping
from math import floor, log

BINS_PER_OCTAVE = 8
LAST_BIN = 159
NO_BIN = -1
"""Stands for a call of which nobody knows how long it took."""


def bin_of(milliseconds: float) -> int:
    """The bin of an answer; what is faster than 1 ms is in the first, what is slower than all in the last."""
    return min(LAST_BIN, max(0, floor(BINS_PER_OCTAVE * log(max(milliseconds, 1.0)) / log(2))))


def bounds_of(bin_: int) -> tuple[float, float]:
    """From how many milliseconds (inclusive) to how many (exclusive) a bin reaches."""
    return 2.0 ** (bin_ / BINS_PER_OCTAVE), 2.0 ** ((bin_ + 1) / BINS_PER_OCTAVE)


def percentile(histogram: Mapping[int, int], share: float) -> float | None:
    """The `share` (0 to 1) quantile in milliseconds, within 5 %; None of an empty histogram."""
    total = sum(histogram.values())
    if not total:
        return None
    wanted, seen = share * total, 0
    for bin_ in sorted(histogram):
        inside = histogram[bin_]
        if inside and seen + inside >= wanted:
            low, high = bounds_of(bin_)
            # Evenly spread on the scale of the bins, which is that of factors.
            return float(low * (high / low) ** ((wanted - seen) / inside))
        seen += inside
    return bounds_of(max(histogram))[1]


def summed(histograms: Iterable[Mapping[int, int]]) -> dict[int, int]:
    """Several histograms as one."""
    total: dict[int, int] = {}
    for one in histograms:
        for bin_, count in one.items():
            total[bin_] = total.get(bin_, 0) + count
    return total
