"""When a failed attempt is tried again (design D5, layer 2): the plan is data, the decision is pure."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from impact_in_pipelines.settings import Settings

LOST_MOST = 4
"""So many workers may die over a delivery, the first attempt and three more; then it fails. Failures that
were recorded are counted by themselves (`RetryPlan.max_retries`): a deployment must not use them up."""

SUSPECT_FROM = 2
"""A delivery over which so many workers have died in a row is tried by itself, and takes no other along."""

CLOSED_MOST_MS = 48 * 3_600_000.0
"""No connection is left alone for longer, whatever its platform asks for: then it is asked again."""

LONGEST_DELAY_MS = 7 * 86_400_000.0
"""However the settings grow: later than this nobody waits for a delivery any more."""


@dataclass(frozen=True, slots=True)
class RetryPlan:
    """Delays between attempts in milliseconds: `base_ms`, then each `multiplier` times the one before.

    With the defaults: 5, 10 and 20 minutes, each times a random factor in 1 ± `jitter`. A platform's
    Retry-After can lengthen a delay, up to `retry_after_cap_ms`, never shorten it.
    """

    max_retries: int = 3
    base_ms: int = 300_000
    multiplier: float = 2.0
    jitter: float = 0.2
    retry_after_cap_ms: int = 3_600_000

    @classmethod
    def from_settings(cls, settings: Settings) -> "RetryPlan":
        return cls(
            max_retries=settings.scheduler_max_retries,
            base_ms=settings.scheduler_retry_delay_ms,
            multiplier=settings.scheduler_backoff_multiplier,
            jitter=settings.retry_jitter,
        )

    def delay_ms(self, failed_attempts: int, rng: random.Random) -> float | None:
        """Milliseconds to wait after the n-th failed attempt (1-based); None: that one was final."""
        if failed_attempts > self.max_retries:
            return None
        spread = 1.0 + self.jitter * (2.0 * rng.random() - 1.0)
        delay = self.base_ms * self.multiplier ** (failed_attempts - 1)
        return min(delay, LONGEST_DELAY_MS) * spread

    @property
    def longest_delay_ms(self) -> float:
        """The longest wait that the plan itself can come to, in milliseconds."""
        delay = self.base_ms * self.multiplier ** max(self.max_retries - 1, 0)
        return min(delay, LONGEST_DELAY_MS) * (1.0 + self.jitter)

    def closes_for_ms(self, retry_after_ms: float | None) -> float | None:
        """For how long (milliseconds) a connection is closed whose platform asks for `retry_after_ms`; None:
        that lies within the plan, which waits for it (D12)."""
        if retry_after_ms is None or retry_after_ms <= self.longest_delay_ms:
            return None
        return min(retry_after_ms, CLOSED_MOST_MS)

    def next_attempt_at(
        self,
        *,
        failed_attempts: int,
        now: datetime,
        rng: random.Random,
        retry_after_ms: float | None = None,
    ) -> datetime | None:
        """The instant (UTC) of the next attempt after the n-th failed one; None: that one was final."""
        delay = self.delay_ms(failed_attempts, rng)
        if delay is None:
            return None
        asked = min(retry_after_ms or 0.0, self.retry_after_cap_ms)
        return now + timedelta(milliseconds=max(delay, asked))
