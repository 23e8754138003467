"""What a token endpoint's answer means (RFC 6749, sections 5.1 and 5.2), as platforms really give it."""

import math
import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from impact_in_pipelines.connectors.classify import (
    asked_wait_ms,
    error_code,
    error_result,
    judge_status,
    parse_object,
    reason_given,
)
from impact_in_pipelines.connectors.http.answer import Answer
from impact_in_pipelines.delivery.model import SendResult
from impact_in_pipelines.delivery.states import AttemptOutcome, ErrorKind
from impact_in_pipelines.redaction.redactor import Redactor

UNKNOWN_LIFETIME_S = 300.0
"""Seconds for which a token without a stated lifetime is kept; a refusal ends it earlier."""
LONGEST_LIFETIME_S = 86_400.0

_NUMBER = re.compile(r"\d{1,15}(\.\d{1,15})?", re.ASCII)
# RFC 6749 knows these for the authorization endpoint; token endpoints use them too, with HTTP 400.
_PASSING = frozenset({"temporarily_unavailable", "server_error", "slow_down"})


@dataclass(frozen=True, slots=True)
class TokenGrant:
    """An access token and its lifetime in seconds; 0: good for the attempt it was fetched for only."""

    token: str = field(repr=False)
    lifetime_s: float


def classify_token_answer(
    answer: Answer, title: str, redactor: Redactor, now: datetime
) -> TokenGrant | SendResult:
    """The access token, or why there is none.

    400, 401 and 403 mean that the client isn't accepted (section 5.2): permanent. An answer that can't
    be used is retryable and its error names the field that doesn't hold.
    """
    document = parse_object(answer)
    if 200 <= answer.status < 300:
        granted = _grant(document)
        if isinstance(granted, TokenGrant):
            return granted
        outcome, kind = AttemptOutcome.RETRYABLE, ErrorKind.BAD_RESPONSE
        what = f"the token endpoint's HTTP {answer.status} can't be used: {granted}"
    else:
        outcome, kind = judge_status(answer.status, error_code(document))
        if answer.status == 400:
            kind = ErrorKind.AUTHENTICATION
            if (document or {}).get("error") in _PASSING:
                outcome, kind = AttemptOutcome.RETRYABLE, ErrorKind.SERVER_ERROR
        what = f"the token endpoint answered HTTP {answer.status}"
    said = reason_given(document, error_code(document), kind)
    result = error_result(outcome, kind, f"{title}: {what}{said}", redactor)
    # The answer isn't kept: a token endpoint's is about secrets.
    return replace(
        result, http_status=answer.status, retry_after_ms=asked_wait_ms(answer, outcome, now)
    )


def _grant(document: dict[str, Any] | None) -> TokenGrant | str:
    """The grant, or the clause that names the field that doesn't hold (never its value)."""
    if document is None:
        return "it isn't a JSON object"
    token = document.get("access_token")
    if not isinstance(token, str) or not token:
        return "access_token is missing or empty"
    if not (token.isascii() and token.isprintable()) or " " in token:
        return "access_token can't be sent in a header"
    kind = document.get("token_type")
    if kind is not None and not (isinstance(kind, str) and kind.strip().lower() == "bearer"):
        return "token_type isn't Bearer"
    lifetime = _lifetime_s(document.get("expires_in"))
    if lifetime is None:
        return "expires_in isn't a number of seconds"
    return TokenGrant(token, lifetime)


def _lifetime_s(value: object) -> float | None:
    """Seconds, from a number or a number in a string; None: it is something else."""
    if value is None:
        return UNKNOWN_LIFETIME_S
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value.strip()):
            return None
        value = float(value.strip())
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # An integer of a thousand digits is JSON, and no float.
    if value >= LONGEST_LIFETIME_S:
        return LONGEST_LIFETIME_S
    return float(value) if value >= 0 and not math.isnan(value) else None
