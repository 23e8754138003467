"""The one place that judges what the wire brought: nobody else looks at a status code (design,
section 6).

2xx with `success` true and the promised id is delivered. 408, 425, 429, 5xx, connection errors,
time-outs and a 2xx that isn't the promised JSON are retryable. A 409 is retryable where it can mean
"being processed": with a Retry-After, or after an attempt that may have arrived. A refused OAuth token
is retryable, since another worker may have ended it. 401 and 403 on a key, other 4xx and 3xx are
permanent. Answers of token endpoints: `identity.token_answers`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from impact_in_pipelines.connectors.http.addresses import AddressFault, AddressRefused
from impact_in_pipelines.connectors.http.answer import Answer
from impact_in_pipelines.connectors.http.failures import explain, is_unusable
from impact_in_pipelines.connectors.http.retry_after import retry_after_ms
from impact_in_pipelines.connectors.plugins.answers import Judgement, Promise
from impact_in_pipelines.delivery.model import SendResult
from impact_in_pipelines.delivery.states import MAY_HAVE_ARRIVED, AttemptOutcome, ErrorKind
from impact_in_pipelines.platforms import LONGEST_TRANSACTION_ID
from impact_in_pipelines.redaction.redactor import DOCUMENT_LIMIT, Redactor

_AUTH_INVALID = "AUTH_INVALID"
_RATE_LIMIT = "RATE_LIMIT"
_PERMANENT_CODES = frozenset({"INVALID_METRIC", "BATCH_SIZE_EXCEEDED"})
_PERMANENT_ENDINGS = ("_INVALID", "_NOT_FOUND")
# How platforms say that a key was used with another body (Stripe, the IETF draft on Idempotency-Key,
# our contracts): no wait makes such a conflict go away.
_OTHER_BODY = re.compile(
    r"(?:different|another|other|differing|changed|not the same)\W+(?:\w+\W+){0,3}?"
    r"(?:body|bodies|payload|content|request|parameters?|data)\b"
    r"|(?:body|payload|content|request|parameters?)\b.{0,40}?"
    r"(?:differs?\b|different|mismatch|(?:do|does|did)(?:es)? ?(?:not|n't) match|not match|changed)"
    r"|mismatch.{0,20}(?:body|payload|request|parameters?)"
    r"|idempotency.?key.{0,20}(?:re-?used|mismatch|conflict)",
    re.I,
)
_ADDRESS_FAULTS = {
    AddressFault.NOT_ENCRYPTED: "the base URL isn't https",
    AddressFault.NOT_PUBLIC: "the base URL leads to an address that isn't public",
}
_HINTS = {
    ErrorKind.AUTHENTICATION: " (check the account's credentials)",
    ErrorKind.CONFIGURATION: " (check the connection's base URL)",
}


def classify_answer(
    answer: Answer,
    promise: Promise,
    redactor: Redactor,
    now: datetime,
    *,
    may_have_arrived: bool,
    on_token: bool,
    verdict: Judgement | None = None,
) -> SendResult:
    """What an answer means. `latency_ms` is 0: the caller knows it. `verdict`: what the connector itself says
    of it; it leaves the most to the rules here.

    `may_have_arrived`: an earlier attempt under the same key may have reached the platform.
    `on_token`: the request carried an OAuth token, whose refusal is not final.
    """
    document = parse_object(answer)
    if verdict is not None:
        said = _as_said(verdict, answer, document, promise, redactor, now)
        return _for_one_records_sake(said, promise)
    code = error_code(document)
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
        outcome, kind = judge_status(answer.status, code)
        if _is_being_processed(answer, document, may_have_arrived):
            outcome, kind = AttemptOutcome.RETRYABLE, ErrorKind.SERVER_ERROR
        what = f"HTTP {answer.status}{reason_given(document, code, kind)}"
        result = error_result(outcome, kind, f"{promise.title} answered {what}", redactor)
    if on_token and token_was_refused(answer):
        result = replace(
            result, outcome=AttemptOutcome.RETRYABLE, error_kind=ErrorKind.AUTHENTICATION
        )
    result = replace(
        result,
        http_status=answer.status,
        response=_kept(answer, document, redactor),
        retry_after_ms=asked_wait_ms(answer, result.outcome, now),
    )
    return _for_one_records_sake(result, promise)


def _as_said(
    verdict: Judgement,
    answer: Answer,
    document: dict[str, Any] | None,
    promise: Promise,
    redactor: Redactor,
    now: datetime,
) -> SendResult:
    """The connector's own verdict as a result."""
    if verdict.kind is None:
        result = SendResult(
            AttemptOutcome.DELIVERED,
            latency_ms=0.0,
            transaction_id=redactor.text(
                verdict.transaction_id or promise.key, LONGEST_TRANSACTION_ID
            ),
        )
    else:
        outcome = AttemptOutcome.RETRYABLE if verdict.retryable else AttemptOutcome.PERMANENT
        said = f"{promise.title} answered HTTP {answer.status}{_HINTS.get(verdict.kind, '')}"
        said += f": {verdict.reason}" if verdict.reason else ""
        result = error_result(outcome, verdict.kind, said, redactor)
    return replace(
        result,
        http_status=answer.status,
        response=_kept(answer, document, redactor),
        retry_after_ms=asked_wait_ms(answer, result.outcome, now),
    )


def classify_failure(error: Exception, title: str, redactor: Redactor) -> SendResult:
    """What it means that no answer came: retryable, but for an address or header that can't be
    used."""
    if isinstance(error, AddressRefused):
        told = _ADDRESS_FAULTS[error.fault]
        return configuration_error(f"{title}: {told}; nothing was sent", redactor)
    if is_unusable(error):
        return configuration_error(
            f"{title}: the base URL or a credential can't be used in a request "
            f"({type(error).__name__}); set the connection again",
            redactor,
        )
    kind, what = explain(error)
    return error_result(AttemptOutcome.RETRYABLE, kind, f"{title}: {what}", redactor)


def configuration_error(message: str, redactor: Redactor | None = None) -> SendResult:
    """The account's settings are to blame: permanent, nothing was sent."""
    redactor = redactor or Redactor()
    return error_result(AttemptOutcome.PERMANENT, ErrorKind.CONFIGURATION, message, redactor)


def short_wait_ms(answer: Answer, limit_ms: float, now: datetime) -> float | None:
    """Milliseconds after which a turned-away call may be repeated within the attempt (design D5,
    layer 1); None: not within it. Only 429 and 503, and a 409 or 425 that says that the request is
    being processed, with a Retry-After of at most `limit_ms`."""
    if answer.status not in (409, 425, 429, 503):
        return None
    if answer.status == 409 and not _is_being_processed(answer, parse_object(answer), False):
        return None
    asked_ms = retry_after_ms(answer.retry_after, now=now, date=answer.date)
    return asked_ms if asked_ms is not None and asked_ms <= limit_ms else None


def token_was_refused(answer: Answer) -> bool:
    """Whether a new access token may help: 401, or the contract's code for bad credentials."""
    return answer.status == 401 or (
        200 <= answer.status < 500 and error_code(parse_object(answer)) == _AUTH_INVALID
    )


def _is_being_processed(
    answer: Answer, document: dict[str, Any] | None, may_have_arrived: bool
) -> bool:
    """Whether a conflict can mean that the platform is busy with an earlier attempt under this key.

    Not where it says that the body is another one, or names what is wrong with the body.
    """
    if answer.status != 409:
        return False
    code = error_code(document)
    if code is not None and is_permanent_code(code):
        return False
    said = " ".join(v for v in (document or {}).values() if isinstance(v, str))
    if document is None:
        said = answer.body.decode("utf-8", "replace")
    # No more of it than the log keeps: the pattern is slow on a megabyte of a hostile answer.
    if _OTHER_BODY.search(said[:DOCUMENT_LIMIT]):
        return False
    asked = answer.retry_after is not None
    return asked or may_have_arrived or answer.after_trouble


def parse_object(answer: Answer) -> dict[str, Any] | None:
    """The answer's JSON object, or None if it isn't one."""
    if answer.truncated or not answer.body:
        return None
    try:
        found = json.loads(answer.body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _judge_success(
    document: dict[str, Any] | None, code: str | None, promise: Promise, redactor: Redactor
) -> SendResult:
    if document is None or not isinstance(document.get("success"), bool):
        what = "a success that isn't the promised JSON"
        said = reason_given(document, code, ErrorKind.BAD_RESPONSE)
        return _bad_response(f"{promise.title} answered {what}{said}", redactor)
    if document["success"] is False:
        outcome, kind = _judge_code(code)
        return error_result(
            outcome,
            kind,
            f"{promise.title} answered success: false{reason_given(document, code, kind)}",
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
        transaction_id=redactor.text(transaction_id, LONGEST_TRANSACTION_ID),
    )


def _judge_code(code: str | None) -> tuple[AttemptOutcome, ErrorKind]:
    """A refusal inside a 200: only a code that is known to be permanent is."""
    if code == _AUTH_INVALID:
        return AttemptOutcome.PERMANENT, ErrorKind.AUTHENTICATION
    if code == _RATE_LIMIT:
        return AttemptOutcome.RETRYABLE, ErrorKind.RATE_LIMITED
    if code is not None and is_permanent_code(code):
        return AttemptOutcome.PERMANENT, ErrorKind.REJECTED
    return AttemptOutcome.RETRYABLE, ErrorKind.BAD_RESPONSE


def is_permanent_code(code: str) -> bool:
    """Whether the code names something about the request that no repeat changes."""
    return code in _PERMANENT_CODES or code.endswith(_PERMANENT_ENDINGS)


def judge_status(status: int, code: str | None) -> tuple[AttemptOutcome, ErrorKind]:
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
    if result.error_kind in MAY_HAVE_ARRIVED:
        # A connector's own verdict: it knows no more than that.
        return False
    status = result.http_status or 0
    not_auth = result.error_kind is not ErrorKind.AUTHENTICATION
    return not_auth and (200 <= status < 300 or 400 <= status < 500)


def _for_one_records_sake(result: SendResult, promise: Promise) -> SendResult:
    """A refused batch is split where a record of it may be to blame, whoever said so."""
    if not (promise.is_batch and _one_record_may_be_to_blame(result)):
        return result
    return replace(result, outcome=AttemptOutcome.SPLIT, error_kind=ErrorKind.BATCH_REFUSED)


def reason_given(document: dict[str, Any] | None, code: str | None, kind: ErrorKind) -> str:
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


def error_code(document: dict[str, Any] | None) -> str | None:
    """The contract's `errorCode`, or None."""
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


def asked_wait_ms(answer: Answer, outcome: AttemptOutcome, now: datetime) -> float | None:
    """The wait in milliseconds that goes with a retryable answer; None: none was asked for."""
    if outcome is not AttemptOutcome.RETRYABLE:
        return None
    return retry_after_ms(answer.retry_after, now=now, date=answer.date)


def _bad_response(message: str, redactor: Redactor) -> SendResult:
    return error_result(AttemptOutcome.RETRYABLE, ErrorKind.BAD_RESPONSE, message, redactor)


def error_result(
    outcome: AttemptOutcome, kind: ErrorKind, message: str, redactor: Redactor
) -> SendResult:
    """A failed attempt with its reason, redacted."""
    return SendResult(outcome, latency_ms=0.0, error_kind=kind, error=redactor.text(message))


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} isn't JSON")
