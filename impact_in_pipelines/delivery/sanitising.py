"""What of a payload may be shown to people (specification, deliveries page: the sanitised payload).

Payloads are figures. Should a company's own names or ids of persons get into one all the same, they are
not for everybody who may read the log.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

MASK = "***"

# Names of persons and ways to reach them; counts such as participantCount are figures and stay.
_PERSONAL_KEY = re.compile(
    r"(participant|volunteer|mentor|mentee|employee|learner|person|contact|user)_?"
    r"(ref|id|name|email|phone|key)s?$"
    r"|e_?mail|phone|mobile|(first|last|full|given|family|sur)_?name$",
    re.I,
)
_EMAIL = re.compile(r"[^\s@<>\"',;:]+@[^\s@<>\"',;:]+\.[A-Za-z]{2,}")
# With a plus, or in groups; dates, instants and ids are neither.
_PHONE = re.compile(
    r"(?<![\w.])\+\d(?:[ ().-]{0,2}\d){6,14}(?!\w)"
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
        return {
            key: _hidden(item) if _is_personal(str(key)) else sanitised(item)
            for key, item in value.items()
        }
    return value


@lru_cache(maxsize=16_384)
def _masked(text: str) -> str:
    if "@" in text:
        text = _EMAIL.sub(MASK, text)
    return _PHONE.sub(MASK, text) if _SEVEN_DIGITS.search(text) else text


@lru_cache(maxsize=4_096)
def _is_personal(key: str) -> bool:
    return _PERSONAL_KEY.search(key) is not None


def _hidden(item: Any) -> Any:
    """Nothing and yes or no say nothing about a person; anything else under such a key might."""
    return item if item is None or isinstance(item, bool) else MASK
