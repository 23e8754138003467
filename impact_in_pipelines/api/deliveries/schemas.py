"""Deliveries on the wire."""

from collections.abc import Iterable
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from impact_in_pipelines.api.http.schemas import Day, Model, Moment, ShownPlatform
from impact_in_pipelines.db.deliveries.reading import DeliveryRow
from impact_in_pipelines.delivery.holding.closures import Hold
from impact_in_pipelines.delivery.showing.sanitising import sanitised

Status = Literal[
    "pending", "in_progress", "retrying", "success", "failed", "skipped", "missed", "cancelled"
]
SAMPLED = 3
"""Items of each list in a payload's sample."""
TriggerName = Literal["schedule", "manual", "backfill", "replay", "correction"]


class HeldView(Model):
    """What holds a delivery that waits. Nothing is sent, no attempt is used, nothing has failed."""

    by: Literal["person", "platform_breaker", "connection_breaker", "platform_request"]
    reason: str
    since: Moment
    next_probe_at: Moment | None


class Delivery(Model):
    """One delivery, as a list shows it. `latencyMs` is from `scheduledFor` to `deliveredAt`, null for what
    has not arrived, or only after a failure and a replay."""

    id: UUID
    company_id: UUID
    company: str = Field(description="the company's slug", examples=["acme"])
    platform: ShownPlatform
    schedule_id: UUID | None
    trigger: TriggerName
    status: Status
    recovered: bool = Field(description="it failed for good, and its replay has arrived")
    period_start: Day
    period_end: Day
    scheduled_for: Moment
    created_at: Moment
    updated_at: Moment
    attempt_count: int
    next_attempt_at: Moment | None
    delivered_at: Moment | None
    failed_at: Moment | None
    latency_ms: float | None
    error_kind: str | None
    last_error: str | None
    http_status: int | None
    transaction_id: str | None
    payload_bytes: int | None
    duplicate_of: UUID | None
    replay_of: UUID | None
    corrects: UUID | None = Field(description="of a correction: the delivery that it supersedes")
    note: str | None
    held: HeldView | None


class DeliveryPage(Model):
    """A page of deliveries, the latest due first."""

    data: list[Delivery]
    next_cursor: str | None = Field(
        description="the `cursor` of the next page; null: this is the last"
    )


class TimelineItem(Model):
    """One delivery of a timeline. `payloadSample` is what was sent, personal data masked, of each list the
    first three; the whole is in the delivery itself."""

    id: UUID
    platform: ShownPlatform
    trigger: TriggerName
    status: Status
    recovered: bool
    period_start: Day
    period_end: Day
    scheduled_for: Moment
    created_at: Moment
    attempt_count: int
    next_attempt_at: Moment | None
    delivered_at: Moment | None
    failed_at: Moment | None
    latency_ms: float | None
    error_kind: str | None
    last_error: str | None
    http_status: int | None
    transaction_id: str | None
    payload_bytes: int | None
    payload_sample: dict[str, Any] | None
    duplicate_of: UUID | None
    replay_of: UUID | None
    held: HeldView | None


class Timeline(Model):
    """The latest deliveries of a company, the latest due first."""

    data: list[TimelineItem]


class Attempt(Model):
    """One try; `latencyMs` is its duration, null while it is open."""

    number: int
    started_at: Moment
    finished_at: Moment | None
    outcome: Literal["started", "delivered", "retryable", "permanent", "split", "held", "lost"]
    http_status: int | None
    error_kind: str | None
    error: str | None
    latency_ms: float | None


class DeliveryWhole(Delivery):
    """One delivery with its attempts, what was sent and what the platform answered, personal data masked."""

    timezone: str
    schedule: str | None = Field(description="the cron of its schedule")
    payload_hash: str | None
    revision: int
    idempotency_key: UUID
    batch_id: UUID | None
    force: bool
    dagster_run_id: str | None
    trace_id: str | None
    payload: dict[str, Any] | None
    provider_response: dict[str, Any] | None
    attempts: list[Attempt]


class ReceiptView(Model):
    """What the platform accepted, when, and what it answered, personal data masked."""

    delivery_id: UUID
    company: str = Field(description="the company's slug", examples=["acme"])
    platform: ShownPlatform
    period_start: Day
    period_end: Day
    scheduled_for: Moment
    delivered_at: Moment | None
    transaction_id: str | None
    http_status: int | None
    idempotency_key: UUID = Field(description="the key under which it was sent")
    payload_hash: str | None = Field(
        description="SHA-256 of the content as it was sent, in canonical JSON without its own timestamps"
    )
    payload_bytes: int | None
    revision: int
    attempt_count: int
    answer: dict[str, Any] | None = Field(description="the platform's answer")


SHOWN = tuple(Delivery.model_fields)
IN_TIMELINE = tuple(name for name in TimelineItem.model_fields if name != "payload_sample")


def shown(row: DeliveryRow, fields: Iterable[str] = SHOWN) -> dict[str, Any]:
    """A row of the log with what follows from it; error texts without personal data."""
    values: dict[str, Any] = {name: getattr(row, name) for name in fields}
    values["last_error"] = sanitised(row.last_error) if row.last_error else row.last_error
    if row.held is not None and "held" in values:
        values["held"] = held_of(row.held)
    return values


def held_of(hold: Hold) -> HeldView:
    """What holds a delivery, as it goes out."""
    return HeldView(
        by=hold.by,
        reason=str(sanitised(hold.reason)),
        since=hold.since,
        next_probe_at=hold.next_probe_at,
    )
