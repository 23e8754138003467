"""Takes secrets out of what is logged or stored: error texts and answers (design, section 6)."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from impact_in_pipelines.redaction.encodings import (
    SHORTEST_SECRET,
    forms_of,
    pattern_of,
    readings,
)
from impact_in_pipelines.redaction.masking import MASK, hidden

__all__ = ["DOCUMENT_LIMIT", "MASK", "SHORTEST_SECRET", "TEXT_LIMIT", "Redactor"]

TEXT_LIMIT = 500
DOCUMENT_LIMIT = 4_096

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
_SHORTEST_LINE = 8
"""Of a secret of several lines, a shorter one may be an ordinary word."""
_UNSTORABLE = re.compile("[\x00-\x1f\x7f\u2028\u2029\ud800-\udfff]+")


class Redactor:
    """Knows one account's secrets and masks them, and whatever looks like one, in any text.

    `secrets` are credential values and live tokens, found however they are written
    (`encodings.pattern_of`), and so is each line of one that has several, such as a private key. No text
    that comes out holds one of at least `SHORTEST_SECRET` characters.
    """

    __slots__ = ("_forms", "_secrets", "_shortest")

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = set(secrets)
        known |= {line for secret in known for line in _lines_of(secret)}
        # A secret inside another one is masked after it.
        self._secrets = sorted(known, key=len, reverse=True)
        self._forms = [form for secret in self._secrets for form in forms_of(secret)]
        self._shortest = min(map(len, self._forms), default=0)

    def __repr__(self) -> str:
        return f"Redactor({len(self._forms)} forms)"

    def text(self, text: str, limit: int = TEXT_LIMIT) -> str:
        """`text` on one line without secrets, credentials in URLs or query strings, at most `limit`
        characters; fit for PostgreSQL (no NUL, no lone surrogates)."""
        if _WORD.fullmatch(text) and len(text) <= limit and not self._occurs(text):
            return text  # most names and ids
        found = self._exact(_one_line(self._exact(text)))[:_SCANNED]
        found = _URL.sub(_bare_url, found)
        found = _BEARER.sub(rf"\1\2{MASK}", found)
        found = _JWT.sub(MASK, found)
        found = self._exact(_NAMED.sub(rf"\1\2{MASK}", found))
        if len(found) > limit:
            found = found[: limit - 1] + "…"
        # A mask beside ordinary text can spell a secret anew.
        return MASK if self._occurs(found) else found

    def lines(self, text: str) -> list[str]:
        """The lines of `text` without known secrets, also where one goes over several lines; each is still to
        be made fit by `text`."""
        return self._exact(text).splitlines()

    def document(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """A JSON object without secrets, fit for a jsonb column, at most `DOCUMENT_LIMIT` bytes;
        values under names such as `access_token` are masked whatever they are."""
        clean = self.members(value)
        if _size(clean) <= DOCUMENT_LIMIT:
            return clean
        short: dict[str, Any] = {"truncated": True}
        for name, item in clean.items():
            fits = _size({**short, name: item}) <= DOCUMENT_LIMIT
            if not isinstance(item, dict | list) and fits:
                short[name] = item
        return short

    def _occurs(self, text: str) -> bool:
        """Whether a secret stands in `text`, however it is written."""
        # Asked of every name and value of an answer, and most are short; ASCII decodes to nothing longer.
        if not self._forms or (len(text) < self._shortest and text.isascii()):
            return False
        for reading in readings(text):
            for form in self._forms:
                if form in reading:
                    return True
        return False

    def _exact(self, text: str) -> str:
        if self._occurs(text):
            for secret in self._secrets:
                pattern = pattern_of(secret)
                text = pattern.sub(MASK, text) if pattern is not None else text
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
            return self.members(value, depth)
        if isinstance(value, list):
            return [self._clean(item, depth + 1) for item in value[:_ITEMS]]
        return self.text(str(value))

    def members(self, value: Mapping[Any, Any], depth: int = 0) -> dict[str, Any]:
        """The members of a JSON object without secrets, `depth` levels inside another; values under names
        such as `access_token` are masked whatever they are."""
        members: dict[str, Any] = {}
        for name, item in list(value.items())[:_KEYS]:
            secret = is_secret_name(str(name))
            members[self.text(str(name), 100)] = (
                hidden(item) if secret else self._clean(item, depth + 1)
            )
        return members

    def _number(self, value: float) -> Any:
        written = repr(value)
        if self._occurs(written) or len(written) > 30:
            return MASK
        # jsonb has no infinity, and 1e999 parses to one.
        return value if written.lstrip("-")[0].isdigit() else None


@lru_cache(maxsize=1_024)
def is_secret_name(name: str) -> bool:
    """Whether what has this name is masked whatever it is."""
    return _SENSITIVE_KEY.search(name) is not None


def _lines_of(secret: str) -> Iterator[str]:
    """The lines that are known as secrets themselves: somebody may indent them, or print only some."""
    lines = secret.strip().splitlines()
    if len(lines) > 1:
        yield from (line.strip() for line in lines if len(line.strip()) >= _SHORTEST_LINE)


def _one_line(text: str) -> str:
    return " ".join(_UNSTORABLE.sub(" ", text).split())


def _bare_url(match: re.Match[str]) -> str:
    scheme, credentials, rest, query = match.groups()
    shown = f"{MASK}@" if credentials else ""
    return f"{scheme}{shown}{rest}{query[0] + MASK if query else ''}"


_written = json.JSONEncoder(ensure_ascii=False).encode


def _size(value: Any) -> int:
    return len(_written(value).encode())
