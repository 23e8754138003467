"""Replays on the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, ValidationInfo, field_validator, model_validator

from impact_in_pipelines.api.deliveries.schemas import Status
from impact_in_pipelines.api.http.schemas import (
    NO_NUL,
    Day,
    Flag,
    Input,
    Instant,
    Model,
    Moment,
    PlatformName,
    ShownPlatform,
)
from impact_in_pipelines.services.deliveries.replaying import MOST

Ids = Annotated[list[UUID], Field(min_length=1, max_length=MOST)]
DrainState = Literal["started", "waiting", "next_tick"]
Drains = Annotated[
    dict[ShownPlatform, DrainState],
    Field(
        description="for each platform: a drain was started, one that waits will send it, or the next "
        "tick will",
        examples=[{"benevity": "started"}],
    ),
]
Force = Annotated[
    Flag, Field(description="send also what has arrived already, inside the 24-hour window too")
]


class ReplayOptions(Input):
    """How to replay."""

    force: Force = False


class FailedFilter(Input):
    """Which deliveries that failed for good."""

    company_id: UUID | None = None
    platform: PlatformName | None = None
    schedule_id: UUID | None = None
    start_date: Instant | None = None
    end_date: Instant | None = None
    error: Annotated[str | None, Field(max_length=200, pattern=NO_NUL)] = None

    @field_validator("end_date")
    @classmethod
    def end_after_start(cls, end: datetime | None, others: ValidationInfo) -> datetime | None:
        start = others.data.get("start_date")
        if start is not None and end is not None and end <= start:
            raise ValueError("must be after startDate")
        return end


class BulkReplay(Input):
    """Either `ids` or a `filter`, which may fit 1,000 deliveries at most."""

    ids: Ids | None = None
    filter: FailedFilter | None = None
    force: Force = False

    @model_validator(mode="after")
    def one_of_both(self) -> Self:
        if (self.ids is None) == (self.filter is None):
            raise ValueError("must have either ids or filter")
        return self


class RetryAllFailed(Input):
    """Whose failed deliveries of the last 28 days are sent again; those whose days have arrived since with
    another delivery are left out, unless forced."""

    company_id: UUID
    platform: PlatformName | None = None
    force: Force = False


class RefusedReplay(Model):
    """A delivery that isn't sent again, and why."""

    id: UUID
    code: str = Field(description="names the reason for programs", examples=["replay.on_its_way"])
    reason: str


class RenewedReplay(Model):
    """A delivery that had arrived and is sent again as a new one."""

    id: UUID = Field(description="the new delivery")
    replay_of: UUID


class ReplayAccepted(Model):
    """What was queued. `ids` are sent; `alongInBatch` are those of them that went out in the same batch."""

    replay_id: UUID | None = Field(description="null: nothing was queued")
    status_url: str | None = Field(description="how it goes", examples=["/v1/impact-in/replays/…"])
    ids: list[UUID]
    along_in_batch: list[UUID]
    replay_of: list[RenewedReplay]
    refused: list[RefusedReplay]
    arrived_since: list[UUID] = Field(
        description="left out: their days have arrived since with another delivery"
    )
    drains: Drains


class RunNowView(Model):
    """The delivery that was made, and its period."""

    delivery_id: UUID
    period_start: Day
    period_end: Day
    status_url: str
    drains: Drains


class ReplayState(Model):
    """The state of one delivery of a replay."""

    id: UUID
    platform: ShownPlatform
    period_start: Day
    period_end: Day
    status: Status
    attempt_count: int
    error_kind: str | None
    last_error: str | None
    updated_at: Moment


class ReplayProgress(Model):
    """The progress of a replay. It is `done` when all its deliveries have ended."""

    id: UUID
    requested_by: str
    created_at: Moment
    total: int
    done: bool
    by_status: dict[Status, int] = Field(examples=[{"success": 3, "retrying": 1}])
    deliveries: list[ReplayState]


class Duplicate(Model):
    """A delivery that has arrived."""

    delivery_id: UUID
    delivered_at: Moment


class DifferenceView(Model):
    """One place (JSON pointer) where two payloads differ, personal data masked."""

    path: str = Field(examples=["/metrics/0/metricValue"])
    before: Any
    after: Any


class PreviewedItem(Model):
    """What a replay would do with one delivery."""

    id: UUID
    platform: ShownPlatform
    action: Literal["send_again", "new_delivery", "skip", "refuse"]
    reason: str | None = Field(description="why it would be skipped or refused")
    code: str | None = Field(description="names the reason for programs")
    changed: bool | None = Field(description="whether today's payload differs from what was sent")
    duplicate_of: Duplicate | None
    period_start: Day
    period_end: Day
    last_accepted: Duplicate | None
    differences: list[DifferenceView]


class PreviewedOne(PreviewedItem):
    """What a replay of one delivery would send, and how that differs from what was last accepted."""

    payload: dict[str, Any] | None
    estimated_seconds: float


class PreviewedMany(Model):
    """What a replay of many would do."""

    total: int
    to_send: int
    skipped: int
    refused: int
    estimated_seconds: float = Field(description="about how many seconds, under the rate limits")
    items: list[PreviewedItem]
