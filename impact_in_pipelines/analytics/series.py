"""The daily series: what each company's deliveries to each platform did, by the UTC day they were due on.

What was planned and what arrived is counted as the service levels count it (design D7); calls are those that
the log has a result of, whatever they were for: a replay or a correction calls the platform too.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from impact_in_pipelines.analytics.answers import percentile, summed
from impact_in_pipelines.platforms import Platform


@dataclass(frozen=True, slots=True)
class Deliveries:
    """What became of deliveries. `planned` are those that were due: succeeded, failed or never started
    (missed or overdue). Of these `timed` are no backfills, and `on_time` arrived within the latency target.
    Latency (from due to arrived, milliseconds) is that of what arrived by itself; its histogram has the
    bounds of sla/metrics.py. `payload_bytes` are of what was frozen."""

    planned: int = 0
    succeeded: int = 0
    failed: int = 0
    never_started: int = 0
    timed: int = 0
    on_time: int = 0
    latency_ms_sum: int = 0
    latency_ms_n: int = 0
    latency_ms_buckets: Sequence[int] = ()
    payload_bytes: int = 0

    def and_(self, other: "Deliveries") -> "Deliveries":
        """Both together."""
        buckets = self.latency_ms_buckets or [0] * len(other.latency_ms_buckets)
        others = other.latency_ms_buckets or [0] * len(buckets)
        return Deliveries(
            self.planned + other.planned,
            self.succeeded + other.succeeded,
            self.failed + other.failed,
            self.never_started + other.never_started,
            self.timed + other.timed,
            self.on_time + other.on_time,
            self.latency_ms_sum + other.latency_ms_sum,
            self.latency_ms_n + other.latency_ms_n,
            [one + two for one, two in zip(buckets, others, strict=True)],
            self.payload_bytes + other.payload_bytes,
        )


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls of a platform's API of which the result is known; a batch is one call.

    `deliveries_sent` are the deliveries in them, `repeats` those calls whose deliveries had all been tried
    before, `failed_requests` those that brought nothing (also: told to come later), by kind in `errors`.
    `lost` are attempts whose worker died, so that nobody knows whether there was a call: in no other count.
    Of `answered` the duration is known: `answer_ms_sum` milliseconds together, spread as in the histogram
    `answers` (analytics/answers.py).
    """

    requests: int = 0
    deliveries_sent: int = 0
    repeats: int = 0
    failed_requests: int = 0
    lost: int = 0
    answered: int = 0
    answer_ms_sum: float = 0.0
    answers: Mapping[int, int] = field(default_factory=dict)
    errors: Mapping[str, int] = field(default_factory=dict)

    @property
    def saved(self) -> int:
        """The calls that batching saved."""
        return self.deliveries_sent - self.requests

    @property
    def answer_ms_mean(self) -> float | None:
        """Exact."""
        return self.answer_ms_sum / self.answered if self.answered else None

    @property
    def answer_p50_ms(self) -> float | None:
        """Within 5 %, as are the other percentiles."""
        return percentile(self.answers, 0.5)

    @property
    def answer_p95_ms(self) -> float | None:
        return percentile(self.answers, 0.95)

    def and_(self, other: "Calls") -> "Calls":
        """Both together."""
        return Calls(
            self.requests + other.requests,
            self.deliveries_sent + other.deliveries_sent,
            self.repeats + other.repeats,
            self.failed_requests + other.failed_requests,
            self.lost + other.lost,
            self.answered + other.answered,
            self.answer_ms_sum + other.answer_ms_sum,
            summed([self.answers, other.answers]),
            _added(self.errors, other.errors),
        )


@dataclass(frozen=True, slots=True)
class SeriesDay:
    """What one company's deliveries to one platform did that were due on `day` (UTC)."""

    day: date
    company_id: UUID
    platform: Platform
    deliveries: Deliveries
    calls: Calls


@dataclass(frozen=True, slots=True)
class PlatformDay:
    """The same of all companies together, of which `companies` had something due or called."""

    day: date
    platform: Platform
    companies: int
    deliveries: Deliveries
    calls: Calls


def total_deliveries(days: Iterable[Deliveries]) -> Deliveries:
    """Several days, platforms or companies as one."""
    total = Deliveries()
    for one in days:
        total = total.and_(one)
    return total


def total_calls(days: Iterable[Calls]) -> Calls:
    """Several days, platforms or companies as one."""
    total = Calls()
    for one in days:
        total = total.and_(one)
    return total


def _added(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in {**one, **other}}
