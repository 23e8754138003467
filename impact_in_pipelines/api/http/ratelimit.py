"""So many requests a minute for one token's subject, or for one address without a token.

Told in `RateLimit` headers (draft-ietf-httpapi-ratelimit-headers-10). A token bucket: after a pause all of it
may be used at once, then it refills evenly. `api.http.counts` says over which processes it counts.
"""

import ipaddress
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from impact_in_pipelines.api.http.counts import Buckets, OwnBuckets

WINDOW_S = 60


@dataclass(frozen=True, slots=True)
class RequestRate:
    """What is left after a request: `remaining` requests, all of them again after `reset_s` seconds."""

    limit: int
    remaining: int
    reset_s: int
    retry_after_s: int = 0
    kind: str = "token"

    @property
    def exceeded(self) -> bool:
        """Whether the request was one too many."""
        return self.retry_after_s > 0

    @property
    def headers(self) -> dict[str, str]:
        """The draft's two headers."""
        return {
            "RateLimit-Policy": f'"{self.kind}";q={self.limit};w={WINDOW_S}',
            "RateLimit": f'"{self.kind}";r={self.remaining};t={self.reset_s}',
        }


class RequestLimiter:
    """Counts requests by key, a subject or an address; `kind` keeps the two apart."""

    def __init__(
        self,
        per_minute: int,
        *,
        kind: str = "token",
        buckets: Buckets | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = per_minute
        self._kind = kind
        self._refill = per_minute / WINDOW_S
        self._buckets: Buckets = buckets or OwnBuckets()
        self._clock = clock

    def take(self, key: str) -> RequestRate:
        """Count one request under `key`."""
        kept_under = f"{self._kind}:{key}"
        with self._buckets.locked():
            now = self._clock()
            tokens, at = self._buckets.read(kept_under) or (float(self._limit), now)
            tokens = min(float(self._limit), tokens + (now - at) * self._refill)
            wait = 0
            if tokens >= 1:
                tokens -= 1
            else:
                wait = max(1, math.ceil((1 - tokens) / self._refill))
            self._buckets.write(kept_under, tokens, now)
        reset = math.ceil((self._limit - tokens) / self._refill)
        return RequestRate(self._limit, int(tokens), reset, wait, self._kind)


class OpenStreams:
    """How many streams each subject holds open in this process, at most `most`: what a stream costs is this
    process's memory."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._open: Counter[str] = Counter()

    def is_full(self, subject: str) -> bool:
        """Whether `subject` may open no more."""
        return self._open[subject] >= self.most

    @contextmanager
    def held(self, subject: str) -> Iterator[None]:
        """Count one for as long as the block lasts."""
        self._open[subject] += 1
        try:
            yield
        finally:
            self._open[subject] -= 1
            self._open += Counter()  # drops those that hold none


def network_of(address: str) -> str:
    """What requests without a token are counted by: an IPv4 address, or the /64 that an IPv6 one is in, of
    which one caller has as many as it likes."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        return str(found.ipv4_mapped or ipaddress.ip_network((int(found), 64), strict=False))
    return str(found)
