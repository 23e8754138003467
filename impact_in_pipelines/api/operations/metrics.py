"""What Prometheus reads. Counters start from the whole log once and then follow what changes: a scrape costs
the same however long the log is."""

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from tempfile import TemporaryDirectory
from threading import Lock

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from impact_in_pipelines.db.deliveries.metrics import BUCKETS_S, MetricsStore, Queue
from impact_in_pipelines.delivery.holding.breaking import BreakerState
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sla.incidents import Channel

CONTENT_TYPE = "text/plain; version=1.0.0; charset=utf-8"
FINAL_STATUSES = ("success", "failed", "skipped", "missed", "cancelled")
ENDED_OUTCOMES = ("delivered", "retryable", "permanent", "split", "held", "lost")
_BURN_EVERY = timedelta(minutes=5)
_STATES = ("healthy", "degraded", "outage")
_SHARED = "PROMETHEUS_MULTIPROC_DIR"

BurnRates = Callable[[datetime], dict[Platform | None, float]]
"""The present burn rate of each platform's error budget, and of all (None)."""


@dataclass
class _Sums:
    """A histogram that adds up."""

    count: int = 0
    sum_s: float = 0.0
    buckets: list[int] = field(default_factory=lambda: [0] * len(BUCKETS_S))

    def add(self, count: int, sum_s: float, buckets: Sequence[int]) -> None:
        self.count += count
        self.sum_s += sum_s
        self.buckets = [old + new for old, new in zip(self.buckets, buckets, strict=True)]

    def cumulative(self) -> list[tuple[str, float]]:
        bounds = [(str(bound), float(n)) for bound, n in zip(BUCKETS_S, self.buckets, strict=True)]
        return [*bounds, ("+Inf", float(self.count))]


class DeliveryMetrics(Collector):
    """The delivery log as metrics; each scrape reads what has changed since the one before."""

    def __init__(
        self,
        store: MetricsStore,
        burn_rates: BurnRates,
        *,
        clock: Callable[[], datetime],
        by_company: bool,
    ) -> None:
        self._store = store
        self._burn_rates = burn_rates
        self._clock = clock
        self._by_company = by_company
        self._lock = Lock()
        self._mark: str | None = None
        self._deliveries: dict[tuple[str, ...], int] = defaultdict(int)
        self._attempts: dict[tuple[str, str], int] = defaultdict(int)
        self._latency: dict[str, _Sums] = defaultdict(_Sums)
        self._lateness: dict[str, _Sums] = defaultdict(_Sums)
        self._burned: dict[Platform | None, float] = {}
        self._burned_at: datetime | None = None

    def collect(self) -> Iterable[Metric]:
        """Everything that Prometheus is told. Raises what the database does."""
        with self._lock:
            now = self._clock()
            self._follow()
            yield self._deliveries_family()
            yield self._attempts_family()
            yield _histogram(
                "impact_in_delivery_latency_seconds",
                "Seconds from due to arrived, without backfills",
                self._latency,
            )
            yield _histogram(
                "impact_in_delivery_lateness_seconds",
                "Seconds from due to the first attempt, without backfills",
                self._lateness,
            )
            yield from self._queues(now)
            yield self._platform_states()
            yield self._breakers()
            yield from self._limits()
            yield from self._alert_channels(now)
            yield CounterMetricFamily(
                "impact_in_token_refreshes",
                "Access tokens fetched from platforms",
                value=self._store.token_refreshes(),
            )
            yield self._burning(now)
            stale = _by_platform(
                "impact_in_stale_days", "Delivered days whose events have changed since"
            )
            for platform, days in self._store.stale_days().items():
                stale.add_metric([platform], days)
            yield stale

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must not read the database."""
        return ()

    def _follow(self) -> None:
        self._start_at_zero()
        ended = self._store.ended_since(self._mark, by_company=self._by_company)
        for one in ended.finished:
            labels = (one.platform, one.status, *((one.company or "",) if self._by_company else ()))
            self._deliveries[labels] += one.deliveries
            self._latency[one.platform].add(one.measured, one.sum_s, one.buckets)
        for tried in ended.attempted:
            self._attempts[tried.platform, tried.outcome] += tried.attempts
            self._lateness[tried.platform].add(tried.measured, tried.sum_s, tried.buckets)
        self._mark = ended.mark

    def _start_at_zero(self) -> None:
        """Every counter is there before its first event: `increase()` sees no step in one that appears
        with its first event already counted."""
        for platform in Platform:
            for outcome in ENDED_OUTCOMES:
                self._attempts[platform.value, outcome] += 0
            for sums in (self._latency, self._lateness):
                sums[platform.value].add(0, 0.0, [0] * len(BUCKETS_S))
        pairs: list[tuple[str, ...]] = [(platform.value,) for platform in Platform]
        if self._by_company:
            pairs = [(platform, company) for company, platform in self._store.accounts()]
        for platform_, *company in pairs:
            for status in FINAL_STATUSES:
                self._deliveries[(platform_, status, *company)] += 0

    def _deliveries_family(self) -> Metric:
        labels = ["platform", "status", *(["company"] if self._by_company else [])]
        family = CounterMetricFamily(
            "impact_in_deliveries",
            "Deliveries that have ended, by their final status",
            labels=labels,
        )
        for values, count in sorted(self._deliveries.items()):
            family.add_metric(values, count)
        return family

    def _attempts_family(self) -> Metric:
        family = CounterMetricFamily(
            "impact_in_attempts", "Attempts that have ended", labels=["platform", "outcome"]
        )
        for values, count in sorted(self._attempts.items()):
            family.add_metric(values, count)
        return family

    def _queues(self, now: datetime) -> Iterable[Metric]:
        found = {queue.platform: queue for queue in self._store.queues(now)}
        depth = _by_platform("impact_in_queue_depth", "Deliveries that have not ended")
        due = _by_platform(
            "impact_in_queue_due",
            "Deliveries that a drain can send now, and fires that are due and not planned",
        )
        oldest = _by_platform(
            "impact_in_oldest_due_seconds",
            "How long the oldest of those in impact_in_queue_due has waited",
        )
        turn = _by_platform(
            "impact_in_queue_waiting_turn",
            "Deliveries that are due and wait behind an earlier one of their schedule",
        )
        held = _by_platform(
            "impact_in_deliveries_held",
            "Deliveries that are due and held by a breaker, a person or the platform's request",
        )
        for platform in Platform:
            name = platform.value
            queue = found.get(name) or Queue(name, 0, 0, None, 0, 0)
            waited = (now - queue.oldest_due).total_seconds() if queue.oldest_due else 0.0
            depth.add_metric([name], queue.open)
            due.add_metric([name], queue.due)
            oldest.add_metric([name], max(0.0, waited))
            turn.add_metric([name], queue.waiting_turn)
            held.add_metric([name], queue.held)
        return depth, due, oldest, turn, held

    def _platform_states(self) -> Metric:
        family = GaugeMetricFamily(
            "impact_in_platform_state",
            "1 for the state of a platform, judged by the results of its latest attempts",
            labels=["platform", "state"],
        )
        found = self._store.platform_states()
        for platform in Platform:
            state = found.get(platform.value, "healthy")
            for one in _STATES:
                family.add_metric([platform.value, one], float(one == state))
        return family

    def _breakers(self) -> Metric:
        family = GaugeMetricFamily(
            "impact_in_breaker_state",
            "1 for the state of a platform's breaker",
            labels=["platform", "state"],
        )
        found = self._store.breaker_states()
        for platform in Platform:
            state = found.get(platform.value, BreakerState.CLOSED)
            for one in BreakerState:
                family.add_metric([platform.value, one.value], float(one == state))
        return family

    def _limits(self) -> Iterable[Metric]:
        used = _by_platform(
            "impact_in_limit_requests", "Requests that count towards the limits of all accounts now"
        )
        busiest = _by_platform(
            "impact_in_limit_requests_busiest_account",
            "The same, of the busiest account",
        )
        found = self._store.limit_slots()
        for platform in Platform:
            slots, most = found.get(platform.value, (0, 0))
            used.add_metric([platform.value], slots)
            busiest.add_metric([platform.value], most)
        return used, busiest

    def _alert_channels(self, now: datetime) -> Iterable[Metric]:
        failures = GaugeMetricFamily(
            "impact_in_alert_channel_failures",
            "How many times in a row a channel (Slack, PagerDuty) has refused an alert",
            labels=["channel"],
        )
        waited = GaugeMetricFamily(
            "impact_in_alert_oldest_waiting_seconds",
            "How long the oldest alert that waits for a channel has waited",
            labels=["channel"],
        )
        found = self._store.alert_channels()
        for channel in Channel:
            count, oldest = found.get(channel.value, (0, None))
            failures.add_metric([channel.value], count)
            seconds = (now - oldest).total_seconds() if oldest else 0.0
            waited.add_metric([channel.value], max(0.0, seconds))
        return failures, waited

    def _burning(self, now: datetime) -> Metric:
        if self._burned_at is None or now - self._burned_at >= _BURN_EVERY:
            self._burned, self._burned_at = self._burn_rates(now), now
        family = GaugeMetricFamily(
            "impact_in_error_budget_burn_rate",
            "How many times faster than sustainable the error budget is spent, over the last 7 days",
            labels=["platform"],
        )
        for platform, rate in self._burned.items():
            family.add_metric([platform.value if platform else "all"], rate)
        return family


class ApiMetrics:
    """The delivery log and the API's own requests, those of all its processes where it has several
    (`shared_between_processes`)."""

    def __init__(self, deliveries: DeliveryMetrics) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(deliveries)
        own = self._registry if _SHARED not in os.environ else None
        if own is None:  # each process writes a file, and whichever is asked adds them up
            MultiProcessCollector(self._registry)  # type: ignore[no-untyped-call]
        self._requests = Counter(
            "impact_in_api_requests",
            "Requests that the API has answered",
            ["method", "route", "status"],
            registry=own,
        )
        self._seconds = Histogram(
            "impact_in_api_request_seconds",
            "How long the API's answers took",
            ["route"],
            registry=own,
        )

    def expect(self, method: str, route: str, statuses: Iterable[int]) -> None:
        """Show requests that may come at 0 before the first of them: `increase()` sees no step in a series
        that appears with its first event already counted."""
        for status in statuses:
            self._requests.labels(method, route, str(status))
        self._seconds.labels(route)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """The exposition. Raises what the database does."""
        return generate_latest(self._registry)


@contextmanager
def shared_between_processes() -> Iterator[None]:
    """While it is open, processes that are started count their requests together.

    prometheus_client decides by the environment when it is imported, so they must be started anew (spawned).
    """
    with TemporaryDirectory(prefix="impact-in-metrics-") as shared:
        os.environ[_SHARED] = shared
        try:
            yield
        finally:
            del os.environ[_SHARED]


def _by_platform(name: str, text: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, labels=["platform"])


def _histogram(name: str, text: str, sums: dict[str, _Sums]) -> Metric:
    family = HistogramMetricFamily(name, text, labels=["platform"])
    for platform, one in sorted(sums.items()):
        family.add_metric([platform], buckets=one.cumulative(), sum_value=one.sum_s)
    return family
