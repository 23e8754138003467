"""Final deliveries that Dagster must still show. Statements: recording.sql."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from impact_in_pipelines.db.deliveries.queueing.queue import ORPHANED_AFTER
from impact_in_pipelines.db.deliveries.spans import span_of
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.delivery.states import DeliveryStatus, Trigger
from impact_in_pipelines.platforms import Platform

_SQL = load("deliveries/recording")

ABANDONED_AFTER = timedelta(hours=2)
"""A run shows what failed at its end; after the longest time that a run may take, anybody may."""

AT_ONCE = 1_000
"""Final deliveries that are shown to Dagster in one transaction."""


@dataclass(frozen=True, slots=True)
class FinalDelivery:
    """A delivery that has reached its end, as it is shown in Dagster."""

    id: UUID
    company_slug: str
    platform: Platform
    trigger: Trigger
    status: DeliveryStatus
    period_start: date
    period_end: date
    scheduled_for: datetime
    delivered_at: datetime | None
    failed_at: datetime | None
    transaction_id: str | None
    payload_hash: str | None
    payload_bytes: int | None
    attempt_count: int
    error_kind: str | None
    last_error: str | None
    http_status: int | None
    duplicate_of: UUID | None
    revision: int
    company_id: UUID
    figures: Mapping[str, Any] | None = None
    figures_hash: str | None = None
    corrects: UUID | None = None

    @property
    def days(self) -> list[date]:
        """The local days it reports on."""
        count = (self.period_end - self.period_start).days + 1
        return [self.period_start + timedelta(days=n) for n in range(count)]

    @property
    def latency_ms(self) -> float | None:
        """From `scheduled_for` to `delivered_at`, in milliseconds (D7); None unless it has arrived by itself:
        a replay's success says nothing of how long a delivery takes (D11)."""
        if self.status is not DeliveryStatus.SUCCESS or self.failed_at or not self.delivered_at:
            return None
        return (self.delivered_at - self.scheduled_for).total_seconds() * 1000


class RecordingStore:
    """Reads final rows for Dagster and marks them once their events are written."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def unrecorded(
        self,
        platform: Platform,
        *,
        now: datetime,
        run_id: str | None = None,
        failures: bool = True,
    ) -> Iterator[Sequence[FinalDelivery]]:
        """Up to `AT_ONCE` final deliveries, locked; they are marked as recorded when the block ends well.

        `run_id`: only those of that run's own selection. `failures`: those that failed for good as well.
        """
        with self._engine.begin() as connection:
            rows = connection.execute(
                _SQL["unrecorded"],
                {
                    "platform": platform.value,
                    "run_id": run_id,
                    "failures": failures,
                    "limit": AT_ONCE,
                    **left_before(now),
                },
            ).mappings()
            batch = [
                FinalDelivery(
                    **{
                        **row,
                        "platform": Platform(row["platform"]),
                        "trigger": Trigger(row["trigger"]),
                        "status": DeliveryStatus(row["status"]),
                    }
                )
                for row in rows
            ]
            yield batch
            if batch:
                connection.execute(
                    _SQL["mark_recorded"],
                    {
                        "ids": [d.id for d in batch],
                        "now": now,
                        **span_of(d.scheduled_for for d in batch),
                    },
                )

    def unmark(self, ids: Sequence[UUID]) -> None:
        """Take back that these deliveries are shown: the next drain shows them."""
        with self._engine.begin() as connection:
            connection.execute(_SQL["unmark_recorded"], {"ids": list(ids)})


def left_before(now: datetime) -> dict[str, datetime]:
    """Parameters of statements: what a run has left for so long is anybody's to send, or to show."""
    return {"orphaned_before": now - ORPHANED_AFTER, "abandoned_before": now - ABANDONED_AFTER}
