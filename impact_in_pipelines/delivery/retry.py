"""When a failed attempt is tried again (design D5, layer 2): the plan is data, the decision is pure."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from impact_in_pipelines.delivery.states import ErrorKind
from impact_in_pipelines.platforms import FACTS, Platform
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
    """Delays between attempts in milliseconds: `base_ms`, then each `multiplier` times the one before, or
    those of `delays_ms`; errors of some `kinds` have delays of their own.

    With the defaults: 5, 10 and 20 minutes, each times a random factor in 1 ± `jitter`. A platform's
    Retry-After can lengthen a delay, up to `retry_after_cap_ms`, never shorten it.
    """

    max_retries: int = 3
    base_ms: int = 300_000
    multiplier: float = 2.0
    jitter: float = 0.2
    retry_after_cap_ms: int = 3_600_000
    delays_ms: tuple[int, ...] | None = None
    kinds: Mapping[ErrorKind, tuple[int, ...]] = field(default_factory=dict)

    @classmethod
    def from_settings(cls, settings: Settings, platform: Platform) -> "RetryPlan":
        """The plan of `platform`: what RETRY_DELAYS_MS says of it, else its connector, else what holds for
        all. Where the operator says anything of it, the connector says nothing: mixed, a delay for a kind of
        error would overrule the one that was set for the whole platform."""
        facts = FACTS[platform]
        own: dict[str | None, tuple[int, ...] | None] = {
            kind: delays for of, kind, delays in settings.retry_delays_ms if of is platform
        }
        if not own:
            own = {None: facts.retry_delays_ms}
            own |= {k: delays for k, delays in facts.retry_delays_by_error.items() if delays}
        return cls(
            max_retries=settings.scheduler_max_retries,
            base_ms=settings.scheduler_retry_delay_ms,
            multiplier=settings.scheduler_backoff_multiplier,
            jitter=settings.retry_jitter,
            delays_ms=own.pop(None, None),
            kinds={ErrorKind(kind): delays for kind, delays in own.items() if kind and delays},
        )

    def delays(self, kind: ErrorKind | None = None) -> tuple[float, ...]:
        """The delays after the first, second, … failure by an error of `kind`, without jitter."""
        if kind is not None and kind in self.kinds:
            return self.kinds[kind]
        if self.delays_ms is not None:
            return self.delays_ms
        grown = (self.base_ms * self.multiplier**n for n in range(self.max_retries))
        return tuple(min(delay, LONGEST_DELAY_MS) for delay in grown)

    def delay_ms(
        self, failed_attempts: int, rng: random.Random, kind: ErrorKind | None = None
    ) -> float | None:
        """Milliseconds to wait after the n-th failed attempt (1-based), which failed by an error of `kind`;
        None: that one was final."""
        delays = self.delays(kind)
        if failed_attempts > len(delays):
            return None
        spread = 1.0 + self.jitter * (2.0 * rng.random() - 1.0)
        return delays[failed_attempts - 1] * spread

    @property
    def longest_delay_ms(self) -> float:
        """The longest wait that the plan itself can come to, in milliseconds."""
        plans = [self.delays(), *self.kinds.values()]
        return max(max(plan, default=0) for plan in plans) * (1.0 + self.jitter)

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
        kind: ErrorKind | None = None,
    ) -> datetime | None:
        """The instant (UTC) of the next attempt after the n-th failed one; None: that one was final."""
        delay = self.delay_ms(failed_attempts, rng, kind)
        if delay is None:
            return None
        asked = min(retry_after_ms or 0.0, self.retry_after_cap_ms)
        return now + timedelta(milliseconds=max(delay, asked))
