"""Cursors: where a page ended, bound to the question that it answers."""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from impact_in_pipelines.api.http.problems import ApiProblem, invalid

DEFAULT_LIMIT = 30
MOST = 100
_LONGEST = 500


def encode_cursor(position: Mapping[str, Any], question: Mapping[str, Any]) -> str:
    """An opaque text for the last row's `position`, good for the same `question` only."""
    values = {name: str(value) for name, value in position.items()}
    text = json.dumps([values, _digest(question)], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(cursor: str, question: Mapping[str, Any], *names: str) -> tuple[str, ...]:
    """The values of `names` in `cursor`. Raises a 422 problem for one that isn't ours or is another
    question's."""
    try:
        if len(cursor) > _LONGEST:
            raise _refused()
        padded = cursor + "=" * (-len(cursor) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True)
        values, digest = json.loads(text)
        if digest != _digest(question):
            raise _refused()
        found = tuple(str(values[name]) for name in names)
        if any("\0" in value for value in found):
            raise _refused()
        "".join(found).encode()
        return found
    except (binascii.Error, ValueError, TypeError, KeyError, IndexError, RecursionError):
        raise _refused() from None


def instant_and_id(cursor: str | None, question: Mapping[str, Any]) -> dict[str, Any]:
    """`before_at` and `before_id` of a cursor over rows by instant and id; both None without one."""
    if cursor is None:
        return {"before_at": None, "before_id": None}
    at_text, id_text = decode_cursor(cursor, question, "at", "id")
    at, id_ = cursor_instant(at_text), cursor_id(id_text)
    return {"before_at": at, "before_id": id_}


def cursor_instant(text: str) -> datetime:
    """An aware instant. Raises a 422 problem."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise _refused() from None
    if at.tzinfo is None:
        raise _refused()
    return at


def cursor_id(text: str) -> UUID:
    """An id. Raises a 422 problem."""
    try:
        return UUID(text)
    except ValueError:
        raise _refused() from None


def _digest(question: Mapping[str, Any]) -> str:
    text = json.dumps(dict(question), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _refused() -> ApiProblem:
    return invalid(
        "query", "cursor", "must be the nextCursor of an answer to the same question; leave it out"
    )
