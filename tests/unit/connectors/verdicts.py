"""Promises of the contracts, and the verdict on an answer."""

import json
from datetime import UTC, datetime
from typing import Any

from impact_in_pipelines.connectors.classify import classify_answer
from impact_in_pipelines.connectors.http.answer import Answer
from impact_in_pipelines.connectors.plugins.answers import Promise
from impact_in_pipelines.delivery.model import SendResult
from impact_in_pipelines.delivery.states import AttemptOutcome
from impact_in_pipelines.redaction.redactor import Redactor

DELIVERED, RETRYABLE = AttemptOutcome.DELIVERED, AttemptOutcome.RETRYABLE
PERMANENT, SPLIT = AttemptOutcome.PERMANENT, AttemptOutcome.SPLIT

NOW = datetime(2026, 3, 2, tzinfo=UTC)
KEY = "00000000-0000-4000-8000-0000000000aa"
PROMISE = Promise("Benevity", KEY, id_fields=("transactionId",))
WORKDAY = Promise(
    "Workday",
    KEY,
    id_fields=("transactionId",),
    counts={"activitiesProcessed": 2, "enrollmentsProcessed": 1},
    arrived_codes=frozenset({"DUPLICATE_ACTIVITY"}),
)
BATCH = Promise(
    "Goodera",
    KEY,
    id_fields=("batchId", "transactionId"),
    counts={"recordsProcessed": 3},
    is_batch=True,
)


def judge(
    status: int,
    body: Any = b"",
    promise: Promise = PROMISE,
    *,
    may_have_arrived: bool = False,
    on_token: bool = False,
    **headers: Any,
) -> SendResult:
    """The verdict on an answer; a body that isn't bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = Answer(status, raw, **headers)
    return classify_answer(
        answer,
        promise,
        Redactor(["secret-value"]),
        NOW,
        may_have_arrived=may_have_arrived,
        on_token=on_token,
    )


def refused(code: str | None, error: str = "no") -> dict[str, Any]:
    """The contract's error body."""
    body: dict[str, Any] = {"success": False, "error": error}
    return body if code is None else {**body, "errorCode": code}
