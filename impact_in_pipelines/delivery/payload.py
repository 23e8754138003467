"""The frozen body of a delivery: canonical form and hash (design D4, RFC 8785)."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import rfc8785

Payload = dict[str, Any]
"""A JSON object as a platform's contract describes it."""

_EXACT_BELOW = 2.0**53
_PLAIN_FROM = 1e-4
_dumps = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, sort_keys=True, separators=(",", ":")
).encode


class _NotPlain(Exception):
    """Python's own JSON may differ from the canonical form."""


def canonical_bytes(payload: Mapping[str, Any]) -> bytes:
    """`payload` in RFC 8785 form, UTF-8: the bytes that are sent, the same at every attempt.

    Raises `ValueError` for what JSON can't carry exactly (NaN, numbers of 2^53 and more, non-string keys).
    """
    try:
        return _dumps(_plain(payload)).encode()
    except _NotPlain:
        return _canonical_bytes(payload)


@dataclass(frozen=True, slots=True)
class Written:
    """A payload, its canonical bytes, and its hash: all that costs time, once."""

    payload: Payload
    body: bytes
    hash: str

    def body_of(self, payload: Payload) -> bytes | None:
        """The bytes of `payload`; None where it is another one than was written, equal or not."""
        return self.body if payload is self.payload else None


def write_down(payload: Payload) -> Written:
    """`canonical_bytes` and `payload_hash` in one look at `payload`. Raises `ValueError` as they do."""
    try:
        plain = _plain(payload)
    except _NotPlain:
        return Written(payload, _canonical_bytes(payload), payload_hash(payload))
    bare = _dumps(without_timestamps(plain)).encode()
    return Written(payload, _dumps(plain).encode(), hashlib.sha256(bare).hexdigest())


def _plain(value: Any) -> Any:
    """`value` such that Python's JSON, six times as quick, writes it as RFC 8785 does; raises `_NotPlain`
    where it might not, for what isn't JSON and for what must be refused.

    They differ in whole floats (`60.0`), in exponents, and in the order of keys beyond ASCII.
    """
    kind = type(value)
    if kind is str:
        if value.isascii() or value.isprintable():
            return value
        raise _NotPlain  # lone surrogates among others
    if kind is float:
        if value.is_integer():
            value = int(value)
            kind = int
        elif _PLAIN_FROM <= abs(value) < _EXACT_BELOW:
            return value
        else:
            raise _NotPlain
    if kind is int:
        if abs(value) < _EXACT_BELOW:
            return value
        raise _NotPlain
    if kind is dict:
        plain = {}
        for key, item in value.items():
            if type(key) is not str or not key.isascii():
                raise _NotPlain
            plain[key] = _plain(item)
        return plain
    if kind is list or kind is tuple:
        return [_plain(item) for item in value]
    if value is None or kind is bool:
        return value
    raise _NotPlain


def _canonical_bytes(payload: Mapping[str, Any]) -> bytes:
    try:
        _refuse_large_floats(payload)
        return rfc8785.dumps(dict(payload))
    except rfc8785.CanonicalizationError as error:
        raise ValueError(f"the payload can't be written as canonical JSON: {error}") from error


def _refuse_large_floats(value: Any) -> None:
    """1e16 comes back from a jsonb column as an integer, which the canonical form refuses: the first
    attempt would go out and its retry could not."""
    if isinstance(value, float):
        if abs(value) >= _EXACT_BELOW:
            raise ValueError(
                f"the payload can't be written as canonical JSON: {value} is too large"
            )
    elif isinstance(value, Mapping):
        for item in value.values():
            _refuse_large_floats(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _refuse_large_floats(item)


def without_timestamps(payload: Mapping[str, Any]) -> Payload:
    """`payload` without the instant it was built at: `timestamp` and `metadata.timestamp` (D4).

    Only these two: a field of that name elsewhere is content.
    """
    bare = {key: value for key, value in payload.items() if key != "timestamp"}
    metadata = bare.get("metadata")
    if isinstance(metadata, Mapping) and "timestamp" in metadata:
        bare["metadata"] = {k: v for k, v in metadata.items() if k != "timestamp"}
    return bare


def payload_hash(payload: Mapping[str, Any]) -> str:
    """SHA-256 (64 hex digits) of the canonical form without the payload's own timestamps."""
    return hashlib.sha256(canonical_bytes(without_timestamps(payload))).hexdigest()
