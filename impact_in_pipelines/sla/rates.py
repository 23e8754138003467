"""Rates with their uncertainty: small numbers are honest numbers."""

from math import sqrt

from impact_in_pipelines.sla.model import Rate

_Z = 1.959963984540054
"""The 97.5 % point of the normal distribution, for a two-sided 95 % interval."""


def rate(count: int, n: int) -> Rate | None:
    """`count` of `n` in percent with its Wilson score interval (Wilson 1927); None where n is 0."""
    if n == 0:
        return None
    share = count / n
    spread = _Z * _Z / n
    centre = (share + spread / 2) / (1 + spread)
    half = _Z * sqrt(share * (1 - share) / n + spread / (4 * n)) / (1 + spread)
    return Rate(
        # Not share * 100: 100 * count / n is exact where the percentage is a whole number.
        percent=100 * count / n,
        n=n,
        low_percent=100 * max(0.0, centre - half),
        high_percent=100 * min(1.0, centre + half),
    )
