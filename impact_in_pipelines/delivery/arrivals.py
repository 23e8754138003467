"""What others than the log know of deliveries that have arrived."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from impact_in_pipelines.delivery.states import Trigger
from impact_in_pipelines.platforms import Platform


@dataclass(frozen=True, slots=True)
class Arrival:
    """One delivery that has arrived, as an event that was written then says: `arrived_at` (aware) is when
    that was, `run_id` the run that wrote it."""

    delivery_id: UUID
    company_slug: str
    platform: Platform
    trigger: Trigger
    period_start: date
    period_end: date
    arrived_at: datetime
    run_id: str
    attempts: int
    transaction_id: str | None = None
    payload_hash: str | None = None
    payload_bytes: int | None = None
