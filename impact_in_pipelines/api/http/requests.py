"""What every request must hold before a route sees it: size, media type, JSON without doubled names, and
no parameter that the route doesn't know."""

import json
from collections import Counter
from collections.abc import Iterable, Set
from typing import Any

from starlette.requests import Request

from impact_in_pipelines.api.http.problems import MOST_ERRORS, ApiProblem, FieldError, invalid

BODY_LIMIT = 10 * 1024 * 1024
"""Bytes; more is 413."""


class StrictRequest(Request):
    """A request whose JSON names everything once and holds no NaN."""

    async def json(self) -> Any:
        """The body as data. Raises a 422 problem for a doubled name."""
        if not hasattr(self, "_json"):
            self._json = parse_json(await self.body())
        return self._json


def parse_json(body: bytes) -> Any:
    """`body` as data. Raises `json.JSONDecodeError`, and a 422 problem for what is JSON and ambiguous."""
    try:
        found = json.loads(body.decode(), object_pairs_hook=_once, parse_constant=_no_constant)
        if b"\\u" in body:
            _check_texts(found)
        return found
    except json.JSONDecodeError:
        raise
    except (
        ValueError,
        RecursionError,
    ):  # not UTF-8, a number of 5,000 digits, nested beyond reason
        raise invalid("body", "body", "is not valid JSON") from None


def _check_texts(found: Any) -> None:
    """Raises `ValueError` for a text that is no text: half a surrogate pair, or a NUL, which PostgreSQL
    doesn't keep."""
    waiting = [found]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            if "\0" in one:
                raise ValueError("NUL")
            one.encode()
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, dict):
            waiting += [*one, *one.values()]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        doubled = next(name for name, times in Counter(n for n, _ in pairs).items() if times > 1)
        raise invalid("body", doubled[:100], "occurs twice")
    return found


def _no_constant(name: str) -> None:
    raise invalid("body", "body", f"is not valid JSON: {name} is no number")


async def read_body(request: Request) -> bytes:
    """The body, at most `BODY_LIMIT` bytes. Raises a 413 problem."""
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > BODY_LIMIT:
        raise _too_large()
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > BODY_LIMIT:
            raise _too_large()
        chunks.append(chunk)
    request._body = b"".join(chunks)
    return request._body


def _too_large() -> ApiProblem:
    # What is still on its way would be taken for the next request.
    return ApiProblem(
        413, f"the body must be at most {BODY_LIMIT} bytes", headers={"Connection": "close"}
    )


def check_media_type(request: Request) -> None:
    """Raises a 415 problem for a body that isn't declared as JSON; no body has no type."""
    headers = request.headers
    if headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers:
        return
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared != "application/json":
        raise ApiProblem(
            415, "the body must be application/json", headers={"Accept": "application/json"}
        )


def check_file_type(request: Request) -> None:
    """Raises a 415 problem for a file that isn't declared as CSV."""
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared != "text/csv":
        raise ApiProblem(415, "the body must be text/csv", headers={"Accept": "text/csv"})


def check_query(request: Request, known: Set[str], repeatable: Set[str]) -> None:
    """Raises a 422 problem for a parameter that the route doesn't know, or one that is given twice."""
    given = [name for name, _ in request.query_params.multi_items()]
    unknown = [name for name in dict.fromkeys(given) if name not in known]
    doubled = [n for n, times in Counter(given).items() if times > 1 and n not in repeatable]
    errors = [*_errors(unknown, "is not a known parameter"), *_errors(doubled, "is given twice")]
    if errors:
        first = errors[0]
        raise ApiProblem(422, f"{first.field} {first.message}", errors=errors[:MOST_ERRORS])


def _errors(names: Iterable[str], message: str) -> list[FieldError]:
    return [FieldError(location="query", field=name[:100], message=message) for name in names]
