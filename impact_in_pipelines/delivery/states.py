"""What a delivery can be, and which change follows which (design, sections 2 and 5)."""

from dataclasses import dataclass
from enum import StrEnum


class DeliveryStatus(StrEnum):
    """The state of one row of `impact_deliveries`."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    RETRYING = "retrying"
    SUCCESS = "success"
    FAILED = "failed"
    SKIPPED = "skipped"
    MISSED = "missed"
    CANCELLED = "cancelled"


class Trigger(StrEnum):
    """What made a delivery."""

    SCHEDULE = "schedule"
    MANUAL = "manual"
    BACKFILL = "backfill"
    REPLAY = "replay"
    CORRECTION = "correction"


PRIORITY = {
    Trigger.SCHEDULE: 0,
    Trigger.REPLAY: 1,
    Trigger.MANUAL: 2,
    Trigger.BACKFILL: 3,
    Trigger.CORRECTION: 4,
}
"""What goes first (D13): 0 before 1, whatever has waited for how long. A correction is late as it is."""

URGENT = PRIORITY[Trigger.REPLAY]
"""Up to this priority an account's whole limit may be used; the others leave some."""


class AttemptOutcome(StrEnum):
    """How one attempt ended; `started` is one whose end nobody has recorded yet, `held` one that was told to
    come back much later, which counts as no attempt (D12)."""

    STARTED = "started"
    DELIVERED = "delivered"
    RETRYABLE = "retryable"
    PERMANENT = "permanent"
    SPLIT = "split"
    HELD = "held"
    LOST = "lost"


class ErrorKind(StrEnum):
    """Why a delivery failed or waits; the runbook has one entry for each."""

    NETWORK = "network"
    TIMEOUT = "timeout"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    BAD_RESPONSE = "bad_response"
    AUTHENTICATION = "authentication"
    REJECTED = "rejected"
    BATCH_REFUSED = "batch_refused"
    UNRESOLVED = "unresolved"
    DATA_QUALITY = "data_quality"
    CONFIGURATION = "configuration"


OPEN = frozenset({DeliveryStatus.PENDING, DeliveryStatus.IN_PROGRESS, DeliveryStatus.RETRYING})
"""Still on its way; everything else is final."""

WAITING = frozenset({DeliveryStatus.PENDING, DeliveryStatus.RETRYING})
"""On its way and in nobody's hands: it can be called off."""

SHOWN_IN_DAGSTER = frozenset(
    {DeliveryStatus.SUCCESS, DeliveryStatus.FAILED, DeliveryStatus.SKIPPED}
)
"""Ends that colour a cell in Dagster: what was sent, or was not because it had arrived."""

# An attempt that ended so may have reached the platform all the same: only its own key may be used again.
MAY_HAVE_ARRIVED = frozenset(
    {ErrorKind.NETWORK, ErrorKind.TIMEOUT, ErrorKind.SERVER_ERROR, ErrorKind.BAD_RESPONSE}
)


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of status that a statement makes, and when; `old` None: the row is made so."""

    old: DeliveryStatus | None
    new: DeliveryStatus
    when: str


_S = DeliveryStatus
TRANSITIONS: tuple[Transition, ...] = (
    Transition(
        None, _S.PENDING, "a fire, a selected day, a replay or correction of what had arrived"
    ),
    Transition(None, _S.MISSED, "a fire while nothing ran"),
    Transition(_S.PENDING, _S.IN_PROGRESS, "claimed under a lease"),
    Transition(_S.RETRYING, _S.IN_PROGRESS, "its next attempt is due"),
    Transition(_S.IN_PROGRESS, _S.IN_PROGRESS, "claimed anew, its lease ran out"),
    Transition(_S.IN_PROGRESS, _S.SUCCESS, "delivered"),
    Transition(_S.IN_PROGRESS, _S.RETRYING, "may pass and tries are left, or released between two"),
    Transition(_S.IN_PROGRESS, _S.FAILED, "permanent, the fourth failure, or refused unsent"),
    Transition(_S.IN_PROGRESS, _S.SKIPPED, "the same content has arrived"),
    Transition(_S.IN_PROGRESS, _S.PENDING, "released unsent, told to wait, or its batch is split"),
    Transition(_S.PENDING, _S.CANCELLED, "called off, or its schedule is deleted"),
    Transition(_S.RETRYING, _S.CANCELLED, "called off"),
    Transition(_S.PENDING, _S.FAILED, "its replay is called off"),
    Transition(_S.RETRYING, _S.FAILED, "its replay is called off"),
    Transition(_S.FAILED, _S.PENDING, "a replay"),
    Transition(_S.SUCCESS, _S.FAILED, "a call-back takes it back"),
    Transition(_S.FAILED, _S.SUCCESS, "a later call-back restores it"),
    Transition(_S.PENDING, _S.SUCCESS, "the same while its replay waits, or it is reconciled"),
    Transition(_S.RETRYING, _S.SUCCESS, "it had arrived: reconciled after a restore"),
    Transition(_S.MISSED, _S.SUCCESS, "the same"),
)
"""All there are. A test drives every statement that writes a status against this table, and the picture in
docs/concepts.md shows each."""
