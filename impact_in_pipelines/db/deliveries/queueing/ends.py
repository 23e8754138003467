"""The rows that record how an attempt ended: its own, and its delivery's."""

from typing import Any

from impact_in_pipelines.delivery.ports import Settlement
from impact_in_pipelines.delivery.states import AttemptOutcome, DeliveryStatus, ErrorKind


def attempt_row(settlement: Settlement) -> dict[str, Any]:
    """What `close_attempts` writes."""
    result = settlement.result
    return {
        "attempt_id": settlement.prepared.attempt_id,
        "outcome": result.outcome,
        "started_at": settlement.started_at,
        "finished_at": settlement.finished_at,
        "http_status": result.http_status,
        "error_kind": result.error_kind,
        "error": result.error,
        "latency_ms": round(result.latency_ms, 3),
    }


def delivery_row(settlement: Settlement) -> dict[str, Any]:
    """What `settle` writes: the next state follows from the outcome and the retry plan."""
    result, waits = settlement.result, settlement.next_attempt_at
    match result.outcome:
        case AttemptOutcome.DELIVERED:
            status, failed = DeliveryStatus.SUCCESS, 0
        case AttemptOutcome.HELD:
            # Told to wait: the attempt stays in the log as evidence, and counts as none.
            before = settlement.prepared.claimed.failed_attempts
            status, failed = (DeliveryStatus.RETRYING if before else DeliveryStatus.PENDING), 0
        case AttemptOutcome.SPLIT:
            # The batch is resolved: its records go out singly, at once, and nothing counts as failed.
            status, failed = DeliveryStatus.PENDING, 0
            waits = settlement.finished_at
        case _:
            status, failed = (DeliveryStatus.RETRYING if waits else DeliveryStatus.FAILED), 1
    kind: ErrorKind | None = result.error_kind
    return {
        "id": settlement.prepared.claimed.id,
        "status": status,
        "attempt_number": settlement.prepared.claimed.attempt_number,
        "failed": failed,
        "unspent": int(result.outcome is AttemptOutcome.HELD),
        "next_attempt_at": waits if status is not DeliveryStatus.SUCCESS else None,
        # A batch that failed stays one: it may have arrived, and then only its own key may repeat it.
        "keeps_batch": result.outcome is not AttemptOutcome.SPLIT,
        "error": result.error,
        "error_kind": kind,
        "http_status": result.http_status,
        "transaction_id": result.transaction_id,
        "response": dict(result.response) if result.response is not None else None,
        "finished_at": settlement.finished_at,
    }
