"""Rate limits: so many requests of an organisation in any minute, and in a day."""

import math
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from impact_in_pipelines.sandbox.accounts.config import Platform, RateLimit

MINUTE_SECONDS = 60.0
DAY_SECONDS = 86_400.0


@dataclass(slots=True)
class _Usage:
    """One organisation's requests: the last minute's one by one, the day's as a count."""

    minute: deque[float] = field(default_factory=deque)
    day_started: float = -DAY_SECONDS
    day_count: int = 0


class RateLimiter:
    """Counts requests by platform and organisation; refused requests don't count."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._usage: dict[tuple[Platform, str], _Usage] = {}

    def admit(
        self, platform: Platform, organizations: Iterable[str], limit: RateLimit
    ) -> int | None:
        """Charge one request to every organisation and return None, or return the seconds to wait.

        The wait is whole seconds, at least 1. If one organisation is over its limit, none is
        charged.
        """
        now = self._clock()
        usages = [self._current(platform, name, now) for name in organizations]
        wait = max((_wait_seconds(usage, limit, now) for usage in usages), default=0.0)
        if wait > 0:
            return max(1, math.ceil(wait))
        for usage in usages:
            usage.minute.append(now)
            usage.day_count += 1
        return None

    def clear(self) -> None:
        """Forget every request."""
        self._usage.clear()

    def _current(self, platform: Platform, organization: str, now: float) -> _Usage:
        usage = self._usage.get((platform, organization))
        if usage is None:
            usage = self._usage[platform, organization] = _Usage()
        if now - usage.day_started >= DAY_SECONDS:
            usage.day_started, usage.day_count = now, 0
        while usage.minute and now - usage.minute[0] >= MINUTE_SECONDS:
            usage.minute.popleft()
        return usage


def _wait_seconds(usage: _Usage, limit: RateLimit, now: float) -> float:
    if limit.per_day is not None and usage.day_count >= limit.per_day:
        return usage.day_started + DAY_SECONDS - now
    if len(usage.minute) >= limit.per_minute:
        return usage.minute[len(usage.minute) - limit.per_minute] + MINUTE_SECONDS - now
    return 0.0
