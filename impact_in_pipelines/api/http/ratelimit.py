"""So many requests a minute for one token's subject, told in `RateLimit` headers.

Draft of the IETF's HTTPAPI group (draft-ietf-httpapi-ratelimit-headers-10). A token bucket: after a pause
all of it may be used at once, then it refills evenly. Counts are this process's own.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

WINDOW_S = 60
_MOST_SUBJECTS = 10_000


@dataclass(frozen=True, slots=True)
class Rate:
    """What is left after a request: `remaining` requests, all of them again after `reset_s` seconds."""

    limit: int
    remaining: int
    reset_s: int
    retry_after_s: int = 0

    @property
    def exceeded(self) -> bool:
        """Whether the request was one too many."""
        return self.retry_after_s > 0

    @property
    def headers(self) -> dict[str, str]:
        """The draft's two headers."""
        return {
            "RateLimit-Policy": f'"token";q={self.limit};w={WINDOW_S}',
            "RateLimit": f'"token";r={self.remaining};t={self.reset_s}',
        }


class RateLimiter:
    """Counts requests by subject; the subjects that have asked least recently are forgotten."""

    def __init__(self, per_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = per_minute
        self._refill = per_minute / WINDOW_S
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, subject: str) -> Rate:
        """Count one request of `subject`."""
        now = self._clock()
        tokens, at = self._buckets.pop(subject, (float(self._limit), now))
        tokens = min(float(self._limit), tokens + (now - at) * self._refill)
        wait = 0
        if tokens >= 1:
            tokens -= 1
        else:
            wait = max(1, math.ceil((1 - tokens) / self._refill))
        self._buckets[subject] = (tokens, now)
        if len(self._buckets) > _MOST_SUBJECTS:
            self._buckets.popitem(last=False)
        reset = math.ceil((self._limit - tokens) / self._refill)
        return Rate(self._limit, int(tokens), reset, wait)
