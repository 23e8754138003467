"""What of a payload may be shown to people (specification, deliveries page: the sanitised payload).

Payloads are figures. Should a company's own names or ids of persons get into one all the same, they are
not for everybody who may read the log.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

MASK = "***"

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

_SEVEN_DIGITS = re.compile(r"(?:\d\D{0,3}){7}")
"""What every telephone number has."""
_REMEMBERED = 100
"""Characters; a longer text hardly comes twice."""


def sanitised(value: Any) -> Any:
    """JSON data like `value`, with e-mail addresses, phone numbers and whatever a key calls a person's
    replaced by `***`; figures, dates and ids of programmes stay as they are."""
    # Texts first: payloads hold hundreds, and the check for a mapping costs more than all else here.
    if isinstance(value, str):
        return _masked(value) if len(value) <= _REMEMBERED else _masked.__wrapped__(value)
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, list | tuple):
        return [sanitised(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _of_key(str(key), item) for key, item in value.items()}
    return value


@lru_cache(maxsize=16_384)
def _masked(text: str) -> str:
    if "@" in text:
        text = _EMAIL.sub(MASK, text)
    return _PHONE.sub(MASK, text) if _SEVEN_DIGITS.search(text) else text


@lru_cache(maxsize=4_096)
def _is_personal(key: str) -> bool:
    return _PERSONAL_KEY.search(key) is not None and _OF_A_THING.search(key) is None


@lru_cache(maxsize=4_096)
def _is_people(key: str) -> bool:
    return _PEOPLE.search(key) is not None


def _of_key(key: str, item: Any) -> Any:
    if _is_personal(key):
        return _hidden(item)
    if isinstance(item, str | list | tuple) and _is_people(key):
        return MASK if isinstance(item, str) else [_of_key(key, one) for one in item]
    return sanitised(item)


def _hidden(item: Any) -> Any:
    """Nothing and yes or no say nothing about a person; anything else under such a key might."""
    return item if item is None or isinstance(item, bool) else MASK
