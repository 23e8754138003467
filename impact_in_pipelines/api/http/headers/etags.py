"""Conditional GET of reports (RFC 9110, section 13.1.2): who has the answer already gets 304."""

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

CONDITIONAL = frozenset({"getSlaReport"})
"""Operations whose answers carry an ETag: they are large and change seldom."""
IF_NONE_MATCH: Mapping[str, Any] = MappingProxyType(
    {
        "name": "If-None-Match",
        "in": "header",
        "required": False,
        "description": "the ETag of an earlier answer: 304 if it is still the same",
        "schema": {"type": "string"},
    }
)
_LONGEST = 4_000


def with_etag(request: Request, response: Response) -> Response:
    """`response` with its ETag, or 304 without a body if the request names it."""
    etag = f'"{hashlib.sha256(bytes(response.body)).hexdigest()[:32]}"'
    # Kept by whoever asked, and asked about again each time.
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if _names(request.headers.get("if-none-match", ""), etag):
        kept = {name: response.headers[name] for name in ("vary",) if name in response.headers}
        return Response(status_code=304, headers={**headers, **kept})
    response.headers.update(headers)
    return response


def _names(header: str, etag: str) -> bool:
    """Whether the header's list holds `etag`; compared weakly, as the RFC says for GET."""
    given = (one.strip().removeprefix("W/") for one in header[:_LONGEST].split(","))
    return header.strip() == "*" or etag in given
