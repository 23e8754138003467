"""What one delivery leaves to take along: what was sent, and the platform's receipt.

Payloads are for everybody who may read the log, so personal data in them is masked here, for each door alike.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from impact_in_pipelines.db.deliveries.reading import DeliveryReader
from impact_in_pipelines.delivery.showing.sanitising import sanitised
from impact_in_pipelines.delivery.states import DeliveryStatus
from impact_in_pipelines.errors.deliveries import PayloadMissing, ReceiptMissing
from impact_in_pipelines.platforms import Platform


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the platform accepted, when, and its answer. `payload_hash` is the SHA-256 of the content as it
    was sent, unmasked and without its own timestamps; `idempotency_key` is the key it went under."""

    delivery_id: UUID
    company: str
    platform: Platform
    period_start: date
    period_end: date
    scheduled_for: datetime
    delivered_at: datetime | None
    transaction_id: str | None
    http_status: int | None
    idempotency_key: UUID
    payload_hash: str | None
    payload_bytes: int | None
    revision: int
    attempt_count: int
    answer: Mapping[str, Any] | None


def payload_of(
    reader: DeliveryReader, id_: UUID, company_ids: Sequence[UUID] | None
) -> Mapping[str, Any]:
    """What was sent. Raises `DeliveryUnknown`, and `PayloadMissing` before anything was built."""
    found = reader.whole(id_, company_ids)
    if found.payload is None:
        raise PayloadMissing(str(id_))
    shown: Mapping[str, Any] = sanitised(found.payload)
    return shown


def receipt_of(reader: DeliveryReader, id_: UUID, company_ids: Sequence[UUID] | None) -> Receipt:
    """The receipt. Raises `DeliveryUnknown`, and `ReceiptMissing` unless it has arrived."""
    found = reader.whole(id_, company_ids)
    if found.status is not DeliveryStatus.SUCCESS:
        raise ReceiptMissing(str(id_))
    return Receipt(
        delivery_id=found.id,
        company=found.company,
        platform=found.platform,
        period_start=found.period_start,
        period_end=found.period_end,
        scheduled_for=found.scheduled_for,
        delivered_at=found.delivered_at,
        transaction_id=found.transaction_id,
        http_status=found.http_status,
        idempotency_key=found.batch_id or found.idempotency_key,
        payload_hash=found.payload_hash,
        payload_bytes=found.payload_bytes,
        revision=found.revision,
        attempt_count=found.attempt_count,
        answer=sanitised(found.provider_response),
    )
