"""Random deliveries as plain records, the same packed into columns, and what a loop counts of them."""

import math
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np

from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sla.everybody import outcomes as o
from impact_in_pipelines.sla.everybody.measuring import Everybody, OutcomeBlock
from impact_in_pipelines.sla.metrics import COUNTERS, metrics_of
from impact_in_pipelines.sla.model import Metrics, Window
from impact_in_pipelines.sla.thresholds import ThresholdBook, Thresholds

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
WINDOW = Window(NOW - timedelta(days=3), NOW)
COMPANIES = tuple(UUID(int=n + 1) for n in range(5))
BOOK = ThresholdBook(
    Thresholds(latency_target_ms=300_000.0),
    {
        (None, Platform.WORKDAY): {"latency_target_ms": 100_000.0},
        (COMPANIES[1], None): {"latency_target_ms": 200_000.0},
        (COMPANIES[1], Platform.WORKDAY): {"latency_target_ms": 400_000.0},
        (COMPANIES[3], Platform.GOODERA): {"latency_target_ms": 50_000.0},
        (COMPANIES[2], None): {"success_rate_target_percent": 90.0},
        (UUID(int=99), None): {"latency_target_ms": 1.0},
    },
)
"""A platform's, a company's, and a company's on a platform: the narrowest wins; one is of nobody here."""


@dataclass(frozen=True)
class Delivery:
    """One record; None where the log has null."""

    company: int
    platform: Platform
    fate: str
    scheduled_for: datetime
    settled_at: datetime | None
    latency_ms: int | None
    lateness_ms: int | None
    attempts: int
    payload_bytes: int | None
    recovered: bool = False
    timed: bool = True
    planned: bool = True

    @property
    def due(self) -> bool:
        return self.fate in ("successful", "failed", "missed", "overdue")

    @property
    def on_time(self) -> bool:
        target = BOOK.of(COMPANIES[self.company], self.platform).latency_target_ms
        return self.timed and self.latency_ms is not None and self.latency_ms <= target


def some(count: int, seed: int) -> list[Delivery]:
    """Records of all kinds, company 4 having none; instants coincide now and then."""
    rng = random.Random(seed)

    def maybe(value: Any, share: float = 0.7) -> Any:
        return value if rng.random() < share else None

    made = []
    for _ in range(count):
        at = WINDOW.start + timedelta(minutes=rng.randrange(-600, 4_600))
        fate = rng.choice((*o.FATES, "successful", "successful", "failed"))
        unplanned = fate == "overdue" and rng.random() < 0.5
        if unplanned:
            # As `of_unplanned` has a fire that is in no log.
            made.append(
                Delivery(
                    *(rng.randrange(4), rng.choice(tuple(Platform)), fate, at),
                    at + timedelta(minutes=5),
                    *(None, None, -1, None),
                    planned=False,
                )
            )
            continue
        made.append(
            Delivery(
                company=rng.randrange(4),
                platform=rng.choice(tuple(Platform)),
                fate=fate,
                scheduled_for=at,
                settled_at=maybe(at + timedelta(minutes=rng.randrange(0, 400, 5)), 0.9),
                latency_ms=maybe(
                    rng.choice((0, 50_000, 100_000, 200_000, 300_000, 300_001, 2**40)), 0.8
                ),
                lateness_ms=maybe(rng.choice((0, 1, 60_000, 90_000, 2**33)), 0.8),
                attempts=rng.choice((-1, 0, 1, 2, 3, 4, 5, 9)),
                payload_bytes=maybe(rng.choice((0, 1, 999, 2**31 - 1))),
                recovered=rng.random() < 0.2,
                timed=rng.random() < 0.8,
            )
        )
    return made


def columns(deliveries: Sequence[Delivery], first: int, last: int) -> o.Outcomes:
    """Those of the companies `[first, last)` as the database packs them, numbered from 0."""
    own = [d for d in deliveries if first <= d.company < last]
    own.sort(key=lambda d: d.company)
    planned, fires = [d for d in own if d.planned], [d for d in own if not d.planned]
    records = np.zeros(len(planned), dtype=o.RECORD)
    for n, d in enumerate(planned):
        flags = tuple(Platform).index(d.platform) | o.FATES.index(d.fate) << o.FATE_SHIFT
        flags |= o.RECOVERED_BIT * d.recovered | o.TIMED_BIT * d.timed
        records[n] = (
            n,
            o.instant_of(d.scheduled_for),
            o.NOTHING if d.settled_at is None else o.instant_of(d.settled_at),
            o.NOTHING if d.latency_ms is None else d.latency_ms,
            o.NOTHING if d.lateness_ms is None else d.lateness_ms,
            d.attempts,
            -1 if d.payload_bytes is None else d.payload_bytes,
            flags,
        )
    companies = COMPANIES[first:last]
    owners = b"".join(company.bytes for company in companies)
    counts = np.array(
        [sum(d.company == n + first for d in planned) for n in range(last - first)], dtype=">i4"
    )
    ids, found = o.unpacked(o.owners_of(companies), owners, counts.tobytes(), records.tobytes())
    assert ids.tolist() == list(range(len(planned)))
    unplanned = o.of_unplanned(
        [o.Unplanned(d.company - first, d.platform, d.scheduled_for) for d in fires],
        timedelta(minutes=5),
    )
    return o.joined([found, unplanned])


def everybody(deliveries: Sequence[Delivery]) -> Everybody:
    """All of them, in a block of three companies and one of two."""
    blocks = [
        OutcomeBlock(0, 3, columns(deliveries, 0, 3)),
        OutcomeBlock(3, 2, columns(deliveries, 3, 5)),
    ]
    return Everybody(COMPANIES, blocks, BOOK)


def counters(deliveries: Sequence[Delivery]) -> dict[str, Any]:
    """What counting.sql counts, by a loop."""

    def number(fits: Callable[[Delivery], Any]) -> int:
        return sum(bool(fits(d)) for d in deliveries)

    found: dict[str, Any] = dict.fromkeys(COUNTERS, 0)
    found |= {fate: sum(d.fate == fate for d in deliveries) for fate in o.FATES}
    found |= {
        "recovered": number(lambda d: d.recovered),
        "timed": number(lambda d: d.timed),
        "on_time": number(lambda d: d.on_time),
        "retried": number(lambda d: d.attempts > 1),
        "retried_successful": number(lambda d: d.attempts > 1 and d.fate == "successful"),
        "retried_failed": number(lambda d: d.attempts > 1 and d.fate == "failed"),
        "retry_later": number(lambda d: d.attempts > 4 and d.fate == "successful"),
    }
    for retries in (1, 2, 3):
        found[f"retry_{retries}"] = sum(
            d.attempts == retries + 1 and d.fate == "successful" for d in deliveries
        )
    for name, values in {
        "attempts": [d.attempts for d in deliveries if d.attempts > 0],
        "payload_bytes": [d.payload_bytes for d in deliveries if d.payload_bytes is not None],
        "latency_ms": [d.latency_ms for d in deliveries if d.latency_ms is not None],
        "lateness_ms": [d.lateness_ms for d in deliveries if d.lateness_ms is not None],
    }.items():
        found |= {
            f"{name}_n": len(values),
            f"{name}_sum": sum(values),
            f"{name}_max": max(values, default=None),
        }
        if name.endswith("_ms"):
            found |= {
                f"{name}_p50": reached(values, 0.5),
                f"{name}_p95": reached(values, 0.95),
            }
    return found


def reached(values: Sequence[int], share: float) -> int | None:
    """The least value that so large a share of them reaches (`percentile_disc`)."""
    return sorted(values)[max(math.ceil(share * len(values)), 1) - 1] if values else None


def metrics(deliveries: Sequence[Delivery]) -> Metrics:
    """The metrics that a loop counts."""
    oldest = min((d.scheduled_for for d in deliveries if d.fate == "overdue"), default=None)
    return metrics_of(counters(deliveries), oldest_overdue=oldest)


def scopes(deliveries: Iterable[Delivery]) -> dict[Any, list[Delivery]]:
    """By (company, platform), company, platform, and all."""
    found: dict[Any, list[Delivery]] = {(None, None): []}
    for d in deliveries:
        company = COMPANIES[d.company]
        for key in ((company, d.platform), (company, None), (None, d.platform), (None, None)):
            found.setdefault(key, []).append(d)
    return found
