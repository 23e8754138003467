"""The one place that judges what the wire brought: nobody else looks at a status code (design,
section 6).

2xx with `success` true and the promised id is delivered. 408, 425, 429, 5xx, connection errors,
time-outs and a 2xx that isn't the promised JSON are retryable; 401 and 403, other 4xx and 3xx are
permanent.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from impact_in_pipelines.connectors.http.answer import Answer
from impact_in_pipelines.connectors.http.failures import explain, is_unusable
from impact_in_pipelines.connectors.http.redaction import Redactor
from impact_in_pipelines.connectors.http.retry_after import retry_after_ms
from impact_in_pipelines.delivery.model import SendResult
from impact_in_pipelines.delivery.states import AttemptOutcome, ErrorKind

DUPLICATE_ACTIVITY = "DUPLICATE_ACTIVITY"
_AUTH_INVALID = "AUTH_INVALID"
_RATE_LIMIT = "RATE_LIMIT"
_PERMANENT_CODES = frozenset({"INVALID_METRIC", "BATCH_SIZE_EXCEEDED"})
_PERMANENT_ENDINGS = ("_INVALID", "_NOT_FOUND")
_ID_LIMIT = 255
_HINTS = {
    ErrorKind.AUTHENTICATION: " (check the account's credentials)",
    ErrorKind.CONFIGURATION: " (check the connection's base URL)",
}


@dataclass(frozen=True, slots=True)
class Promise:
    """What a platform's contract promises about the answer to one request.

    `id_fields`: where the transaction id is, the first that is there counts. `counts`: fields that,
    where the answer has them, must hold this number. `arrived_codes`: error codes that say that an
    earlier attempt under `key` arrived.
    """

    title: str
    key: str
    id_fields: tuple[str, ...]
    counts: Mapping[str, int] = field(default_factory=dict)
    arrived_codes: frozenset[str] = frozenset()
    is_batch: bool = False


def classify_answer(
    answer: Answer, promise: Promise, redactor: Redactor, now: datetime
) -> SendResult:
    """What an answer means. `latency_ms` is 0: the caller knows it."""
    document = parse_object(answer)
    code = _code(document)
    if code in promise.arrived_codes and 200 <= answer.status < 500:
        return SendResult(
            AttemptOutcome.DELIVERED,
            latency_ms=0.0,
            http_status=answer.status,
            transaction_id=promise.key,
            response=redactor.document(document or {}),
        )
    if 200 <= answer.status < 300:
        result = _judge_success(document, code, promise, redactor)
    else:
        outcome, kind = _judge_status(answer.status, code)
        what = f"HTTP {answer.status}{_said(document, code, kind)}"
        result = _error(outcome, kind, f"{promise.title} answered {what}", redactor)
    result = replace(
        result,
        http_status=answer.status,
        response=_kept(answer, document, redactor),
        retry_after_ms=_asked_wait_ms(answer, result.outcome, now),
    )
    return _as_split(result) if promise.is_batch and _one_record_may_be_to_blame(result) else result


def classify_failure(error: Exception, title: str, redactor: Redactor) -> SendResult:
    """What it means that no answer came: retryable, but for an address or header that can't be
    used."""
    if is_unusable(error):
        return configuration_error(
            f"{title}: the base URL or a credential can't be used in a request "
            f"({type(error).__name__}); set the connection again",
            redactor,
        )
    kind, what = explain(error)
    return _error(AttemptOutcome.RETRYABLE, kind, f"{title}: {what}", redactor)


def configuration_error(message: str, redactor: Redactor | None = None) -> SendResult:
    """The account's settings are to blame: permanent, nothing was sent."""
    redactor = redactor or Redactor()
    return _error(AttemptOutcome.PERMANENT, ErrorKind.CONFIGURATION, message, redactor)


def short_wait_ms(answer: Answer, limit_ms: float, now: datetime) -> float | None:
    """Milliseconds after which a turned-away call may be repeated within the attempt (design D5,
    layer 1); None: not within it. Only 429 and 503 with a Retry-After of at most `limit_ms`."""
    if answer.status not in (429, 503):
        return None
    asked_ms = retry_after_ms(answer.retry_after, now=now, date=answer.date)
    return asked_ms if asked_ms is not None and asked_ms <= limit_ms else None


def token_was_refused(answer: Answer) -> bool:
    """Whether a new access token may help."""
    return answer.status == 401


def parse_object(answer: Answer) -> dict[str, Any] | None:
    """The answer's JSON object, or None if it isn't one."""
    if answer.truncated or not answer.body:
        return None
    try:
        found = json.loads(answer.body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def classify_token_answer(
    answer: Answer, title: str, redactor: Redactor, now: datetime
) -> tuple[str, float] | SendResult:
    """The access token and its lifetime in seconds (RFC 6749, section 5.1), or why there is none.

    A lifetime that isn't given counts as five minutes. 400, 401 and 403 mean that the client isn't
    accepted (section 5.2): permanent.
    """
    document = parse_object(answer)
    if 200 <= answer.status < 300:
        token = (document or {}).get("access_token")
        kind = (document or {}).get("token_type", "Bearer")
        lifetime = _seconds((document or {}).get("expires_in", 300))
        bearer = isinstance(kind, str) and kind.lower() == "bearer"
        if isinstance(token, str) and token and bearer and lifetime is not None:
            return token, lifetime
        outcome, error_kind = AttemptOutcome.RETRYABLE, ErrorKind.BAD_RESPONSE
        what = f"the token endpoint's HTTP {answer.status} isn't the promised JSON"
    else:
        outcome, error_kind = _judge_status(answer.status, _code(document))
        if answer.status == 400:
            error_kind = ErrorKind.AUTHENTICATION
        what = f"the token endpoint answered HTTP {answer.status}"
    said = _said(document, _code(document), error_kind)
    result = _error(outcome, error_kind, f"{title}: {what}{said}", redactor)
    # The answer isn't kept: a token endpoint's is about secrets.
    return replace(
        result, http_status=answer.status, retry_after_ms=_asked_wait_ms(answer, outcome, now)
    )


def _judge_success(
    document: dict[str, Any] | None, code: str | None, promise: Promise, redactor: Redactor
) -> SendResult:
    if document is None or not isinstance(document.get("success"), bool):
        what = "a success that isn't the promised JSON"
        said = _said(document, code, ErrorKind.BAD_RESPONSE)
        return _bad_response(f"{promise.title} answered {what}{said}", redactor)
    if document["success"] is False:
        outcome, kind = _judge_code(code)
        return _error(
            outcome,
            kind,
            f"{promise.title} answered success: false{_said(document, code, kind)}",
            redactor,
        )
    transaction_id = _transaction_id(document, promise.id_fields)
    if transaction_id is None:
        fields = " or ".join(promise.id_fields)
        return _bad_response(f"{promise.title} answered a success without {fields}", redactor)
    for name, expected in promise.counts.items():
        if name in document and document[name] != expected:
            shown = f"{name} {document[name]!r}, but {expected} were sent"
            return _bad_response(f"{promise.title} answered {shown}", redactor)
    return SendResult(
        AttemptOutcome.DELIVERED,
        latency_ms=0.0,
        transaction_id=redactor.text(transaction_id, _ID_LIMIT),
    )


def _judge_code(code: str | None) -> tuple[AttemptOutcome, ErrorKind]:
    """A refusal inside a 200: only a code that is known to be permanent is."""
    if code == _AUTH_INVALID:
        return AttemptOutcome.PERMANENT, ErrorKind.AUTHENTICATION
    if code == _RATE_LIMIT:
        return AttemptOutcome.RETRYABLE, ErrorKind.RATE_LIMITED
    if code is not None and (code in _PERMANENT_CODES or code.endswith(_PERMANENT_ENDINGS)):
        return AttemptOutcome.PERMANENT, ErrorKind.REJECTED
    return AttemptOutcome.RETRYABLE, ErrorKind.BAD_RESPONSE


def _judge_status(status: int, code: str | None) -> tuple[AttemptOutcome, ErrorKind]:
    """Every status but 2xx."""
    if status == 408:
        return AttemptOutcome.RETRYABLE, ErrorKind.TIMEOUT
    if status == 429:
        return AttemptOutcome.RETRYABLE, ErrorKind.RATE_LIMITED
    if status == 425 or 500 <= status < 600:
        return AttemptOutcome.RETRYABLE, ErrorKind.SERVER_ERROR
    if status in (401, 403) or (code == _AUTH_INVALID and 400 <= status < 500):
        return AttemptOutcome.PERMANENT, ErrorKind.AUTHENTICATION
    # Nothing of the contract answers there, or it answers elsewhere.
    if 300 <= status < 400 or (status in (404, 405) and code is None):
        return AttemptOutcome.PERMANENT, ErrorKind.CONFIGURATION
    if 400 <= status < 500:
        return AttemptOutcome.PERMANENT, ErrorKind.REJECTED
    return AttemptOutcome.RETRYABLE, ErrorKind.BAD_RESPONSE


def _one_record_may_be_to_blame(result: SendResult) -> bool:
    """Whether sending a batch's records singly may help and can't send one twice.

    409 and 422 are how a platform refuses a key that it has taken with another body: the records
    may have arrived with that one.
    """
    if result.outcome is not AttemptOutcome.PERMANENT or result.http_status in (409, 422):
        return False
    status = result.http_status or 0
    not_auth = result.error_kind is not ErrorKind.AUTHENTICATION
    return not_auth and (200 <= status < 300 or 400 <= status < 500)


def _as_split(result: SendResult) -> SendResult:
    return replace(result, outcome=AttemptOutcome.SPLIT, error_kind=ErrorKind.BATCH_REFUSED)


def _said(document: dict[str, Any] | None, code: str | None, kind: ErrorKind) -> str:
    """The platform's code, our hint and the platform's reason, as the end of a sentence."""
    text = next(
        (
            found
            for name in ("error", "message", "error_description")
            if isinstance(found := (document or {}).get(name), str) and found
        ),
        "",
    )
    return (f" {code}" if code else "") + _HINTS.get(kind, "") + (f": {text}" if text else "")


def _code(document: dict[str, Any] | None) -> str | None:
    code = (document or {}).get("errorCode")
    return code if isinstance(code, str) and code else None


def _transaction_id(document: dict[str, Any], fields: tuple[str, ...]) -> str | None:
    for name in fields:
        found = document.get(name)
        if isinstance(found, str) and found.strip():
            return found
        if isinstance(found, int) and not isinstance(found, bool):
            return str(found)
    return None


def _kept(
    answer: Answer, document: dict[str, Any] | None, redactor: Redactor
) -> Mapping[str, Any] | None:
    """The answer as the log keeps it. A body that was cut off may end inside a secret: it isn't
    kept."""
    if document is not None:
        return redactor.document(document)
    if answer.truncated or not answer.body:
        return None
    text = redactor.text(answer.body.decode("utf-8", "replace"), 300)
    return {"contentType": redactor.text(answer.content_type or "", 100), "text": text}


def _asked_wait_ms(answer: Answer, outcome: AttemptOutcome, now: datetime) -> float | None:
    if outcome is not AttemptOutcome.RETRYABLE:
        return None
    return retry_after_ms(answer.retry_after, now=now, date=answer.date)


def _bad_response(message: str, redactor: Redactor) -> SendResult:
    return _error(AttemptOutcome.RETRYABLE, ErrorKind.BAD_RESPONSE, message, redactor)


def _error(
    outcome: AttemptOutcome, kind: ErrorKind, message: str, redactor: Redactor
) -> SendResult:
    return SendResult(outcome, latency_ms=0.0, error_kind=kind, error=redactor.text(message))


def _seconds(value: object) -> float | None:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:10])
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        return None
    return min(float(value), 86_400.0)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} isn't JSON")
