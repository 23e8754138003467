"""Refusals about deliveries: naming one, sending it again, calling it off, call-backs."""

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from impact_in_pipelines.errors.base import Conflict, Gone, NotFound, UsageError, refusal
from impact_in_pipelines.platforms import Platform


@refusal("delivery.unknown")
class DeliveryUnknown(NotFound):
    """No delivery has this id, or none that the caller may see."""

    delivery: str


@refusal("delivery.archived")
class DeliveryArchived(Gone):
    """Its month (`2024-10`) was archived on that day and has left the database; `file` is the archive's."""

    delivery: str
    archived_on: date
    month: str
    file: str


@refusal("delivery.payload_missing")
class PayloadMissing(NotFound):
    """Nothing was built for this delivery yet: a payload is made just before the first attempt."""

    delivery: str


@refusal("delivery.receipt_missing")
class ReceiptMissing(NotFound):
    """The platform has not accepted this delivery."""

    delivery: str


@refusal("delivery.id_malformed")
class DeliveryIdMalformed(UsageError):
    """The text is neither an id nor the beginning of one; `shortest` counts hex digits."""

    text: str
    shortest: int


@refusal("delivery.id_ambiguous")
class DeliveryIdAmbiguous(UsageError):
    """Several ids begin with the text; `ids` are the first of them."""

    text: str
    ids: Sequence[UUID]


@refusal("replay.arrived")
class ReplayArrived(Conflict):
    """It arrived inside the duplicate window, and nobody insists."""

    delivered_at: datetime


@refusal("replay.same_content")
class ReplaySameContent(Conflict):
    """Another delivery has brought the same content inside the duplicate window."""

    duplicate_of: UUID
    delivered_at: datetime


@refusal("replay.unconfirmed")
class ReplayUnconfirmed(Conflict):
    """It has arrived, and whoever replays a selection hasn't confirmed that it is to be sent again."""


@refusal("replay.being_sent")
class ReplayBeingSent(Conflict):
    """A worker is sending it at this moment."""


@refusal("replay.on_its_way")
class ReplayOnItsWay(Conflict):
    """It waits for its next attempt."""

    next_attempt_at: datetime


@refusal("replay.renewed_already")
class ReplayRenewedAlready(Conflict):
    """It is being sent again already, as a new delivery."""


@refusal("replay.batch_unsettled")
class ReplayBatchUnsettled(Conflict):
    """Its batch may have arrived and can only be repeated whole, but other members have not failed."""


@refusal("replay.skipped")
class ReplaySkipped(Conflict):
    """Its content had arrived with another delivery."""

    duplicate_of: UUID | None


@refusal("replay.missed")
class ReplayMissed(Conflict):
    """It was never built; the catch-up delivery reports its days."""


@refusal("replay.cancelled")
class ReplayCancelled(Conflict):
    """It was called off."""


@refusal("correction.not_stale")
class CorrectionNotStale(Conflict):
    """What it reported is what the events say today, or another delivery has superseded it."""


@refusal("correction.off")
class CorrectionsOff(Conflict):
    """The company's policy on the platform is not to correct what was delivered."""

    platform: Platform


@refusal("correction.counts_twice")
class CorrectionCountsTwice(Conflict):
    """The platform adds a second report of a period to the first, and nobody has accepted that."""

    platform: Platform


@refusal("correction.failed")
class CorrectionFailed(Conflict):
    """A correction of it has failed for good: that one can be replayed."""

    correction: UUID


@refusal("correction.on_its_way")
class CorrectionOnItsWay(Conflict):
    """A correction of it was asked for already."""

    correction: UUID


@refusal("replay.not_buildable")
class ReplayNotBuildable(Conflict):
    """Today's data or configuration makes no payload; `reason` is what a drain would log."""

    reason: str


@refusal("delivery.too_many")
class DeliveryTooMany(UsageError):
    """A filter fits more deliveries than may be changed at once."""

    most: int


@refusal("delivery.days_too_many")
class DaysTooMany(UsageError):
    """A span has more days than are shown at once."""

    most: int


@refusal("delivery.day_not_over")
class DayNotOver(UsageError):
    """The local day is still running, or has not begun: its figures aren't complete."""

    day: date


@refusal("call_back.transaction_unknown")
class TransactionUnknown(Conflict):
    """The account has no delivery under this transaction, or none yet: the answer may still be on its way
    into the log."""

    transaction: str


@refusal("call_back.too_large")
class CallBackTooLarge(UsageError):
    """A call-back of a transaction that nobody has is larger than any platform's; `most` is in bytes."""

    most: int


@refusal("cancel.being_sent")
class CancelBeingSent(Conflict):
    """A worker is sending it, or its batch, at this moment."""


@refusal("cancel.too_late")
class CancelTooLate(Conflict):
    """It has ended already."""

    status: StrEnum


@refusal("cancel.in_batch")
class CancelInBatch(Conflict):
    """Its frozen batch holds deliveries that are to go on."""


@refusal("days.malformed")
class DaysMalformed(UsageError):
    """The first or the last day isn't a date."""

    first: str
    last: str


@refusal("days.reversed")
class DaysReversed(UsageError):
    """The last day lies before the first."""

    first: date
    last: date


@refusal("day.not_begun")
class DayNotBegun(UsageError):
    """The day lies in the future of the time zone, whose present day is `latest`."""

    day: date
    timezone: str
    latest: date


@refusal("day.no_partition")
class DayWithoutPartition(UsageError):
    """The day is older than the oldest that has a partition, `first`."""

    day: date
    first: date
