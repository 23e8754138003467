"""Rates with their uncertainty: small numbers are honest numbers."""

from math import exp, lgamma, log, log1p, sqrt

from impact_in_pipelines.sla.model import Rate

_Z = 1.959963984540054
"""The 97.5 % point of the normal distribution, for a two-sided 95 % interval."""


def rate(count: int, n: int) -> Rate | None:
    """`count` of `n` with its Wilson score interval (Wilson 1927); None where n is 0."""
    if n == 0:
        return None
    share = count / n
    spread = _Z * _Z / n
    centre = (share + spread / 2) / (1 + spread)
    half = _Z * sqrt(share * (1 - share) / n + spread / (4 * n)) / (1 + spread)
    return Rate(
        count=count,
        n=n,
        # Exactly 0 and 1 at the ends: the formula leaves 1e-18 there.
        low=max(0.0, centre - half) if count else 0.0,
        high=min(1.0, centre + half) if count < n else 1.0,
    )


def chance_of_failures(failures: int, n: int, allowed: float) -> float:
    """How probable `failures` or more of `n` are while each fails with probability `allowed` (0 to 1): the
    exact upper tail of the binomial distribution, without a normal approximation, which is wrong for the
    few failures that matter here."""
    if failures <= 0:
        return 1.0
    if allowed <= 0 or failures > n:
        return 0.0
    if allowed >= 1:
        return 1.0
    if failures <= n * allowed:
        # Below the mean the first terms vanish in a float; successes from the other end don't.
        return 1.0 - chance_of_failures(n - failures + 1, n, 1 - allowed)
    # The first term by logarithms, because n choose k overflows; each further one from the one before.
    term = exp(
        lgamma(n + 1)
        - lgamma(failures + 1)
        - lgamma(n - failures + 1)
        + failures * log(allowed)
        + (n - failures) * log1p(-allowed)
    )
    odds, total = allowed / (1 - allowed), 0.0
    for k in range(failures, n + 1):
        total += term
        if term <= total * 1e-17:
            break
        term *= (n - k) / (k + 1) * odds
    return min(1.0, total)
