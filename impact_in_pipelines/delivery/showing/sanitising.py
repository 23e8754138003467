"""What of a payload may be shown to people (specification, deliveries page: the sanitised payload).

Payloads are figures. Should a company's own names or ids of persons get into one all the same, they are
not for everybody who may read the log.
"""

import re
from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from typing import Any

from impact_in_pipelines.redaction.masking import MASK, hidden

_PERSON = r"(participant|volunteer|mentor|mentee|employee|learner|student|person|contact|user)"
_THING = (
    r"(program(me)?|project|activity|session|dimension|metric|category|platform|compan(y|ies)|tenant"
    r"|organi[sz]ation|transaction|batch|request|field|file)"
)
# Names, references and ways to reach people; counts such as participantCount are figures and stay, and so
# does what a thing is called.
_PERSONAL_KEY = re.compile(
    rf"{_PERSON}_?(id|key)s?$|e_?mail|phone|mobile|^tel$|(name|ref|reference)s?$", re.I
)
_OF_A_THING = re.compile(rf"{_THING}_?(name|ref|reference)s?$", re.I)
_PEOPLE = re.compile(rf"^{_PERSON}s?$", re.I)
"""Under such a key a number is a figure, and a text is somebody."""
# Bounded as addresses are (RFC 5321): unbounded, a long text with an @ at its end takes seconds.
_EMAIL = re.compile(r"[^\s@<>\"',;:]{1,64}@[^\s@<>\"',;:]{1,253}\.[A-Za-z]{2,}")
# With a plus or zeros before it, or in groups; dates, instants and ids are neither.
_PHONE = re.compile(
    r"(?<![\w.])\+\d(?:[ ().-]{0,2}\d){6,14}(?!\w)"
    r"|(?<![\w.-])00\d{1,3}[ .-]\d(?:[ .-]?\d){5,12}(?![\w-])"
    r"|(?<![\w.-])0\d{1,4}[ -]\d{3,4}[ -]?\d{3,4}(?![\w-])"
    r"|(?<![\w.-])\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?![\w-])"
    r"|(?<![\w.-])\d{2,3}(?: \d{2,3}){3,4}(?![\w-])"
)

_GROUPED = re.compile(r"\d[ .)-]|\+\d")
_SEVEN_DIGITS = re.compile(r"(?:\d\D{0,3}){7}")
"""What every telephone number has, both of them; the first is a tenth of the work in a long text."""
_REMEMBERED = 100
"""Characters; a longer text hardly comes twice."""


class _Key(Enum):
    """What a key says of its value."""

    PLAIN = "a figure, or a thing"
    PERSONAL = "a name, a reference, or a way to reach somebody"
    PEOPLE = "somebody, where it is a text"


def sanitised(value: Any, *, first: int | None = None) -> Any:
    """JSON data like `value`, with e-mail addresses, phone numbers and whatever a key calls a person's
    replaced by `***`; figures, dates and ids of programmes stay as they are. With `first` each list is cut
    to so many items."""
    # A timeline is thousands of values, nearly all of them texts and mappings.
    if isinstance(value, str):
        return _masked(value) if len(value) <= _REMEMBERED else _masked.__wrapped__(value)
    if isinstance(value, dict):
        return {
            key: sanitised(item, first=first)
            if (kind := _kind(key)) is _Key.PLAIN
            else _of_person(kind, item, first)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [sanitised(item, first=first) for item in value[:first]]
    if isinstance(value, Mapping):
        return sanitised(dict(value), first=first)
    return value


@lru_cache(maxsize=16_384)
def _masked(text: str) -> str:
    if "@" in text:
        text = _EMAIL.sub(MASK, text)
    may_be_one = _GROUPED.search(text) and _SEVEN_DIGITS.search(text)
    return _PHONE.sub(MASK, text) if may_be_one else text


@lru_cache(maxsize=4_096)
def _kind(key: object) -> _Key:
    text = str(key)
    if _PERSONAL_KEY.search(text) and not _OF_A_THING.search(text):
        return _Key.PERSONAL
    return _Key.PEOPLE if _PEOPLE.search(text) else _Key.PLAIN


def _of_person(kind: _Key, item: Any, first: int | None) -> Any:
    if kind is _Key.PERSONAL:
        return hidden(item)
    if isinstance(item, str):
        return MASK
    if isinstance(item, list | tuple):
        return [
            _of_person(kind, one, first)
            if isinstance(one, str | list | tuple)
            else sanitised(one, first=first)
            for one in item[:first]
        ]
    return sanitised(item, first=first)
