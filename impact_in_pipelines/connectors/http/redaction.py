"""Takes secrets out of what is logged or stored: error texts and answers (design, section 6)."""

import base64
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "***"
TEXT_LIMIT = 500
DOCUMENT_LIMIT = 4_096
SHORTEST_SECRET = 4
"""A shorter value can't be told from ordinary text."""

_SCANNED = 20_000
_DEPTH, _KEYS, _ITEMS = 6, 50, 20
# Every repetition that could overlap another is bounded, so that a hostile answer costs linear
# time.
_URL = re.compile(
    r"""\b([a-z][a-z0-9+.-]{1,15}://)([^\s"'<>]{0,2000}@)?([^\s?#"'<>@]*)([?#][^\s"'<>]*)?""", re.I
)
_BEARER = re.compile(
    r"\b(bearer|basic)(\s{1,9})(?=[\w.~+/=-]{0,200}\d|[\w.~+/=-]{16})[\w.~+/=-]+", re.I
)
_JWT = re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*")
_NAMED = re.compile(
    r"""((?:x-)?api[_-]?key|client[_-]?secret|(?:access|refresh|id)[_-]?token|token|secret|passw(?:or)?d"""
    r"""|authorization|signature)(\\{0,3}["']?\s{0,9}[:=]\s{0,9}(?:(?:bearer|basic)\s{1,9})?)"""
    r"""(\\{0,3}"[^"]*"|\\{0,3}'[^']*'|[^\s,;&}"'\\]+)""",
    re.I,
)
_SENSITIVE_KEY = re.compile(
    r"token|secret|passw(or)?d|api[_-]?key|authorization|credential|cookie|signature", re.I
)
# What none of these can match: no space, point, colon or equals sign.
_WORD = re.compile(r"[A-Za-z0-9_-]{1,100}")
_UNSTORABLE = re.compile("[\x00-\x1f\x7f\u2028\u2029\ud800-\udfff]+")


class Redactor:
    """Knows one account's secrets and masks them, and whatever looks like one, in any text.

    `secrets` are credential values and live tokens; each is also found percent-encoded, as Base64,
    and as JSON or Python would escape it. No text that comes out holds one of at least
    `SHORTEST_SECRET` characters.
    """

    __slots__ = ("_forms",)

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets for form in _forms(secret)}
        self._forms = sorted(
            (form for form in forms if len(form) >= SHORTEST_SECRET), key=len, reverse=True
        )

    def __repr__(self) -> str:
        return f"Redactor({len(self._forms)} forms)"

    def text(self, text: str, limit: int = TEXT_LIMIT) -> str:
        """`text` on one line without secrets, credentials in URLs or query strings, at most `limit`
        characters; fit for PostgreSQL (no NUL, no lone surrogates)."""
        if _WORD.fullmatch(text) and len(text) <= limit and self._exact(text) == text:
            return text  # most names and ids
        found = self._exact(_one_line(self._exact(text)))[:_SCANNED]
        found = _URL.sub(_bare_url, found)
        found = _BEARER.sub(rf"\1\2{MASK}", found)
        found = _JWT.sub(MASK, found)
        found = self._exact(_NAMED.sub(rf"\1\2{MASK}", found))
        if len(found) > limit:
            found = found[: limit - 1] + "…"
        # A mask beside ordinary text can spell a secret anew.
        return MASK if any(form in found for form in self._forms) else found

    def document(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """A JSON object without secrets, fit for a jsonb column, at most `DOCUMENT_LIMIT` bytes;
        values under names such as `access_token` are masked whatever they are."""
        clean: dict[str, Any] = self._clean(dict(value), depth=0)
        if _size(clean) <= DOCUMENT_LIMIT:
            return clean
        short: dict[str, Any] = {"truncated": True}
        for name, item in clean.items():
            fits = _size({**short, name: item}) <= DOCUMENT_LIMIT
            if not isinstance(item, dict | list) and fits:
                short[name] = item
        return short

    def _exact(self, text: str) -> str:
        for form in self._forms:
            if form in text:
                text = text.replace(form, MASK)
        return text

    def _clean(self, value: Any, depth: int) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, int | float):
            return self._number(value)
        if depth >= _DEPTH:
            return "…"
        if isinstance(value, Mapping):
            return self._members(value, depth)
        if isinstance(value, list):
            return [self._clean(item, depth + 1) for item in value[:_ITEMS]]
        return self.text(str(value))

    def _members(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        members: dict[str, Any] = {}
        for name, item in list(value.items())[:_KEYS]:
            # Booleans and null under such a name say something about a secret without being one.
            hidden = _SENSITIVE_KEY.search(str(name)) and not isinstance(item, bool | None)
            members[self.text(str(name), 100)] = MASK if hidden else self._clean(item, depth + 1)
        return members

    def _number(self, value: float) -> Any:
        written = repr(value)
        if self._exact(written) != written or len(written) > 30:
            return MASK
        # jsonb has no infinity, and 1e999 parses to one.
        return value if written.lstrip("-")[0].isdigit() else None


def _forms(secret: str) -> set[str]:
    """The ways in which `secret` may be written down by somebody who echoes it."""
    if not secret:
        return set()
    raw = secret.encode("utf-8", "surrogatepass")
    return {
        secret,
        secret.strip(),
        _one_line(secret),
        quote(raw, safe=""),
        quote(raw),
        quote_plus(raw),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
        base64.b64encode(raw).decode().rstrip("="),
    }


def _one_line(text: str) -> str:
    return " ".join(_UNSTORABLE.sub(" ", text).split())


def _bare_url(match: re.Match[str]) -> str:
    scheme, credentials, rest, query = match.groups()
    shown = f"{MASK}@" if credentials else ""
    return f"{scheme}{shown}{rest}{query[0] + MASK if query else ''}"


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode())
