"""The best hour of the day to call a platform, claimed only where the calls are enough to say so."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import sqrt
from statistics import NormalDist

from impact_in_pipelines.analytics.answers import percentile, summed
from impact_in_pipelines.sla.model import Rate
from impact_in_pipelines.sla.rates import rate

FEWEST_CALLS = 50
"""An hour with fewer calls is shown and not compared."""
_CHANCE = 0.05
"""How probable a claim is where there is no difference, over all hours that are compared."""
_LEAST_GAIN = 0.1
"""A median that is less than so much shorter is worth no change of anybody's schedule."""


class HourVerdict(StrEnum):
    """What the calls of a day's hours say: too few of them to compare, no difference that isn't chance, or
    hours in which more calls succeed, or (as many do) answers come faster."""

    FEW = "few"
    ALIKE = "alike"
    MORE_SUCCEED = "more_succeed"
    FASTER = "faster"


@dataclass(frozen=True, slots=True)
class HourCalls:
    """The calls that began in one hour of the day, how many failed, and how long answers took."""

    hour: int
    requests: int
    failed: int
    answers: Mapping[int, int] = field(default_factory=dict)

    @property
    def success(self) -> Rate | None:
        """The share of calls that brought something, with its 95 % interval."""
        return rate(self.requests - self.failed, self.requests)

    @property
    def answer_p50_ms(self) -> float | None:
        """The median answer, within 5 %."""
        return percentile(self.answers, 0.5)


@dataclass(frozen=True, slots=True)
class BestHour:
    """`hours` are those that are best and not to be told apart, the first of them by a hair; of `compared`
    hours with `FEWEST_CALLS` calls or more. `best` and `others` are their calls together, for the figures."""

    verdict: HourVerdict
    compared: int
    hours: Sequence[int] = ()
    best: HourCalls | None = None
    others: HourCalls | None = None


def best_hour(hours: Sequence[HourCalls]) -> BestHour:
    """The best of `hours`. By success first: two hours differ where chance alone makes such a difference
    anywhere in a day on at most one of twenty days; then, among hours that succeed alike, by the median
    answer."""
    enough = [one for one in hours if one.requests >= FEWEST_CALLS]
    if len(enough) < 2:
        return BestHour(HourVerdict.FEW, len(enough))
    # The best is looked for among all, so any two of them are compared (Bonferroni).
    z = NormalDist().inv_cdf(1 - _CHANCE / (len(enough) * (len(enough) - 1)))
    surest = max(enough, key=lambda one: one.success.low if one.success else 0.0)
    good = [one for one in enough if one is surest or not _succeeds_more(surest, one, z)]
    verdict = HourVerdict.ALIKE if len(good) == len(enough) else HourVerdict.MORE_SUCCEED
    fastest = min(good, key=lambda one: _median_bounds(one, z)[1])
    fast = [one for one in good if one is fastest or not _answers_faster(fastest, one, z)]
    if len(fast) < len(good):
        good = [fastest, *(one for one in fast if one is not fastest)]
        verdict = HourVerdict.FASTER if verdict is HourVerdict.ALIKE else verdict
    elif verdict is HourVerdict.MORE_SUCCEED:
        good = [surest, *(one for one in good if one is not surest)]
    if verdict is HourVerdict.ALIKE:
        return BestHour(verdict, len(enough))
    chosen = [one.hour for one in good]
    rest = [one for one in enough if one.hour not in chosen]
    return BestHour(verdict, len(enough), chosen, together(good), together(rest))


def together(hours: Iterable[HourCalls]) -> HourCalls:
    """Several hours as one, which has the first one's number."""
    some = list(hours)
    return HourCalls(
        some[0].hour,
        sum(one.requests for one in some),
        sum(one.failed for one in some),
        summed(one.answers for one in some),
    )


def _succeeds_more(one: HourCalls, other: HourCalls, z: float) -> bool:
    """The test of two proportions, one-sided."""
    failed, total = one.failed + other.failed, one.requests + other.requests
    share = failed / total
    error = sqrt(share * (1 - share) * (1 / one.requests + 1 / other.requests))
    return error > 0 and other.failed / other.requests - one.failed / one.requests > z * error


def _answers_faster(one: HourCalls, other: HourCalls, z: float) -> bool:
    """Whether the intervals of the two medians lie apart, and far enough to matter."""
    mine, its = one.answer_p50_ms, other.answer_p50_ms
    if mine is None or its is None or mine > its * (1 - _LEAST_GAIN):
        return False
    return _median_bounds(one, z)[1] < _median_bounds(other, z)[0]


def _median_bounds(one: HourCalls, z: float) -> tuple[float, float]:
    """Between which answers the median lies, by order statistics; without answers anywhere."""
    n = sum(one.answers.values())
    if not n:
        return 0.0, float("inf")
    half = z * 0.5 / sqrt(n)
    low, high = (
        percentile(one.answers, max(0.0, 0.5 - half)),
        percentile(one.answers, min(1.0, 0.5 + half)),
    )
    return low or 0.0, high or float("inf")
