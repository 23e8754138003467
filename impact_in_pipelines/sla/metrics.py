"""Counters of a scope become its metrics; counters of days add up to those of a week."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from impact_in_pipelines.sla.model import Durations, Metrics, RetryDistribution
from impact_in_pipelines.sla.rates import rate

SUMMED = (
    *("successful", "failed", "recovered", "missed", "overdue", "skipped", "pending", "cancelled"),
    *("replayed", "timed", "on_time"),
    *("retried", "retried_successful", "retried_failed"),
    *("retry_1", "retry_2", "retry_3", "retry_later"),
    *("attempts_sum", "attempts_n", "payload_bytes_sum", "payload_bytes_n"),
    *("latency_ms_sum", "latency_ms_n", "lateness_ms_sum", "lateness_ms_n"),
)
"""Counters that add up over days, companies and platforms."""
_SHOWN = SUMMED[: SUMMED.index("retry_1")]
"""Those that are metrics themselves."""

LARGEST = ("attempts_max", "payload_bytes_max", "latency_ms_max", "lateness_ms_max")
"""Counters of which the largest counts."""

COUNTERS = (*SUMMED, *LARGEST)

LATENCY_BUCKETS_MS = (
    10_000,
    30_000,
    60_000,
    120_000,
    240_000,
    300_000,
    600_000,
    1_200_000,
    3_600_000,
)
"""Upper bounds of the latency histogram in `sla_daily`, inclusive; one more bucket is above the last."""


def metrics_of(
    counters: Mapping[str, Any],
    *,
    consecutive_failures: int = 0,
    oldest_overdue: datetime | None = None,
) -> Metrics:
    """The metrics that `counters` (every name of `COUNTERS`; None counts as 0) say.

    Percentiles come with the optional keys `latency_ms_p50`, `latency_ms_p95`, `lateness_ms_p50` and
    `lateness_ms_p95`; they don't add up, so counters of several days have none.
    """
    count = {name: int(counters[name] or 0) for name in SUMMED}
    due = count["successful"] + count["failed"] + count["missed"] + count["overdue"]
    retried_final = count["retried_successful"] + count["retried_failed"]
    return Metrics(
        total=due + count["skipped"] + count["pending"] + count["replayed"],
        due=due,
        **{name: count[name] for name in _SHOWN},
        success_rate=rate(count["successful"], due),
        on_time_rate=rate(count["on_time"], count["timed"]),
        retry_success_rate=rate(count["retried_successful"], retried_final),
        retry_distribution=RetryDistribution(
            count["retry_1"], count["retry_2"], count["retry_3"], count["retry_later"]
        ),
        latency=_durations(counters, "latency_ms"),
        lateness=_durations(counters, "lateness_ms"),
        avg_payload_bytes=_average(counters, "payload_bytes"),
        max_payload_bytes=counters["payload_bytes_max"],
        avg_attempts=_average(counters, "attempts"),
        max_attempts=counters["attempts_max"],
        consecutive_failures=consecutive_failures,
        oldest_overdue=oldest_overdue,
    )


def added(rows: Sequence[Mapping[str, Any]]) -> dict[str, int | None]:
    """The counters of several days, companies or platforms as those of all of them."""
    total: dict[str, int | None] = {
        name: sum(int(row[name] or 0) for row in rows) for name in SUMMED
    }
    for name in LARGEST:
        total[name] = max((row[name] for row in rows if row[name] is not None), default=None)
    return total


@dataclass(frozen=True, slots=True)
class Quantile:
    """Milliseconds; `capped`: it is more than that, by how much isn't known."""

    ms: float
    capped: bool = False


def histogram_percentile(buckets: Sequence[int], share: float) -> Quantile | None:
    """The `share` (0–1) quantile of a latency histogram, by linear interpolation in its bucket.

    Approximate: exact only at the bounds of `LATENCY_BUCKETS_MS`. None for an empty histogram; what lies
    above the last bound is that bound, capped.
    """
    wanted = share * sum(buckets)
    if not sum(buckets):
        return None
    seen, low = 0, 0.0
    for inside, high in zip(buckets, LATENCY_BUCKETS_MS, strict=False):
        if inside and seen + inside >= wanted:
            return Quantile(low + (high - low) * (wanted - seen) / inside)
        seen, low = seen + inside, float(high)
    return Quantile(low, capped=True)


def _average(counters: Mapping[str, Any], name: str) -> float | None:
    n = int(counters[f"{name}_n"] or 0)
    return int(counters[f"{name}_sum"]) / n if n else None


def _durations(counters: Mapping[str, Any], name: str) -> Durations | None:
    average = _average(counters, name)
    if average is None:
        return None
    return Durations(
        average=average,
        maximum=float(counters[f"{name}_max"]),
        n=int(counters[f"{name}_n"]),
        p50=_optional(counters.get(f"{name}_p50")),
        p95=_optional(counters.get(f"{name}_p95")),
    )


def _optional(value: Any) -> float | None:
    return None if value is None else float(value)
