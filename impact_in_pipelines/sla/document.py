"""Values as JSON documents: camelCase keys, ISO 8601 with offset, as the API and the CLI speak."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

_DIGITS = 10
"""Enough to tell any two rates of a million deliveries apart, and few enough to lose the noise of binary
fractions: 8.88e-14 is 0."""
_AS_THEY_ARE = frozenset({int, str, bool, type(None)})


def document(value: Any) -> Any:
    """`value` (dataclasses, mappings, sequences, enums, ids, instants) as plain JSON data."""
    kind: Any = type(value)
    # Nearly all there is; each further question of what a value is costs more than its answer.
    if kind is float:
        return number(value)
    if kind in _AS_THEY_ARE:
        return value
    if (names := _names(kind)) is not None:
        return {camel: document(getattr(value, name)) for name, camel in names}
    if isinstance(value, Mapping):
        return {_camel(str(_plain(key))): document(item) for key, item in value.items()}
    if isinstance(value, str | bytes):
        return _plain(value)
    if isinstance(value, Sequence):
        return [document(item) for item in value]
    return _plain(value)


@cache
def _names(kind: Any) -> Sequence[tuple[str, str]] | None:
    """The fields of a dataclass, as they are called here and in JSON; None: it is another class."""
    return [(f.name, _camel(f.name)) for f in fields(kind)] if is_dataclass(kind) else None


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, float):
        return number(value)
    return value


def number(value: float) -> float:
    """`value` without the noise of binary fractions."""
    return round(value, _DIGITS) + 0.0  # no -0.0


@lru_cache(4_096)
def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
