"""Values as JSON documents: camelCase keys, ISO 8601 with offset, as the API and the CLI speak."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any
from uuid import UUID

_DIGITS = 10
"""Enough to tell any two rates of a million deliveries apart, and few enough to lose the noise of binary
fractions: 8.88e-14 is 0."""


def document(value: Any) -> Any:
    """`value` (dataclasses, mappings, sequences, enums, ids, instants) as plain JSON data."""
    if is_dataclass(value) and not isinstance(value, type):
        return {_camel(f.name): document(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {_camel(str(_plain(key))): document(item) for key, item in value.items()}
    if isinstance(value, str | bytes):
        return _plain(value)
    if isinstance(value, Sequence):
        return [document(item) for item in value]
    return _plain(value)


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


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
