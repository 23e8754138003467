"""What a delivery can be, and which change follows which (design, sections 2 and 5)."""

from enum import StrEnum

from impact_in_pipelines.errors import Conflict


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

_CHANGES: dict[DeliveryStatus, frozenset[DeliveryStatus]] = {
    # Success without an attempt: a platform says that it has kept what it seemed to have taken back.
    DeliveryStatus.PENDING: frozenset(
        {
            DeliveryStatus.IN_PROGRESS,
            DeliveryStatus.CANCELLED,
            DeliveryStatus.FAILED,
            DeliveryStatus.SUCCESS,
        }
    ),
    # Back to pending: the lease ran out, a twin is in flight, or a batch is resolved record by record.
    DeliveryStatus.IN_PROGRESS: frozenset(
        {
            DeliveryStatus.PENDING,
            DeliveryStatus.RETRYING,
            DeliveryStatus.SUCCESS,
            DeliveryStatus.FAILED,
            DeliveryStatus.SKIPPED,
        }
    ),
    # Called off: cancelled, or, if it was to repair a failure, failed as before.
    DeliveryStatus.RETRYING: frozenset(
        {DeliveryStatus.IN_PROGRESS, DeliveryStatus.CANCELLED, DeliveryStatus.FAILED}
    ),
    # A replay works on the row that failed (D11); a platform's call-back may take a success back, and a
    # later one may restore it.
    DeliveryStatus.FAILED: frozenset({DeliveryStatus.PENDING, DeliveryStatus.SUCCESS}),
    DeliveryStatus.SUCCESS: frozenset({DeliveryStatus.FAILED}),
    DeliveryStatus.SKIPPED: frozenset(),
    DeliveryStatus.MISSED: frozenset(),
    DeliveryStatus.CANCELLED: frozenset(),
}


def may_become(old: DeliveryStatus, new: DeliveryStatus) -> bool:
    """Whether a delivery in `old` may become `new`."""
    return new in _CHANGES[old]


def change(old: DeliveryStatus, new: DeliveryStatus) -> DeliveryStatus:
    """`new`; raises `Conflict` where no such change exists."""
    if not may_become(old, new):
        raise Conflict(f"a {old} delivery can't become {new}")
    return new
