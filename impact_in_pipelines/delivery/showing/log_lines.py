"""What the log of the process says of deliveries: a line for each attempt, once its result is recorded, and
for each delivery that ends without one.

Info: it went as it should. Warning: it didn't, and is tried again without anybody. Error: it has failed for
good, and somebody should look.
"""

import logging
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from impact_in_pipelines.delivery.model import Claimed, Refusal
from impact_in_pipelines.delivery.ports import Prepared, Settlement
from impact_in_pipelines.delivery.showing.harmless import harmless
from impact_in_pipelines.delivery.states import AttemptOutcome, ErrorKind
from impact_in_pipelines.logs.context import fields

_log = logging.getLogger("impact_in_pipelines.deliveries")


@harmless
def say_attempts(settlements: Iterable[Settlement]) -> None:
    """One line for each."""
    for settlement in settlements:
        level, said = _in_words(settlement)
        if _log.isEnabledFor(level):
            _log.log(level, said, extra=fields(**_details(settlement)))


@harmless
def say_refused(refusals: Iterable[tuple[Claimed, Refusal]]) -> None:
    """These have failed for good before anything was sent."""
    for claimed, refusal in refusals:
        _log.error(
            "failed for good before an attempt",
            extra=fields(**_names(claimed), kind=refusal.kind.value, error=refusal.message),
        )


@harmless
def say_unresolved(prepared: Iterable[Prepared], refused: Iterable[UUID]) -> None:
    """These have failed for good: a batch that failed may have brought their content already."""
    if not (ids := frozenset(refused)):
        return
    for one in prepared:
        if one.claimed.id in ids:
            _log.error(
                "failed for good before an attempt",
                extra=fields(**_names(one.claimed), kind=ErrorKind.UNRESOLVED.value),
            )


@harmless
def say_skipped(prepared: Iterable[Prepared], skipped: Iterable[UUID]) -> None:
    """The same content of these had arrived."""
    if not _log.isEnabledFor(logging.INFO):
        return
    ids = frozenset(skipped)
    for one in prepared:
        if one.claimed.id in ids:
            _log.info("skipped, its content had arrived", extra=fields(**_names(one.claimed)))


def _in_words(settlement: Settlement) -> tuple[int, str]:
    match settlement.result.outcome:
        case AttemptOutcome.DELIVERED:
            return logging.INFO, "delivered"
        case AttemptOutcome.HELD:
            return logging.WARNING, "the platform asked to wait"
        case AttemptOutcome.SPLIT:
            return logging.WARNING, "a batch was refused, its records are sent singly"
    if settlement.next_attempt_at is None:
        return logging.ERROR, "failed for good"
    return logging.WARNING, "failed, it is tried again"


def _names(claimed: Claimed) -> dict[str, Any]:
    return {
        "company": claimed.company_slug,
        "platform": claimed.platform.value,
        "delivery": claimed.id,
    }


def _details(settlement: Settlement) -> dict[str, Any]:
    """Without what is absent."""
    claimed, result = settlement.prepared.claimed, settlement.result
    details = {
        **_names(claimed),
        "attempt": claimed.attempt_number,
        "request": settlement.prepared.attempt_id,
        "batch": settlement.prepared.batch_id,
        "trace_id": settlement.prepared.trace_id,
        "took_ms": round(result.latency_ms),
        "status": result.http_status,
        "transaction": result.transaction_id,
        "kind": result.error_kind.value if result.error_kind else None,
        "error": result.error,
        "next_attempt_at": settlement.next_attempt_at,
    }
    return {name: value for name, value in details.items() if value is not None}
