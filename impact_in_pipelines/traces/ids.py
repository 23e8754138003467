"""The ids of traces and spans. They follow from what they are about, so that no process has to hand them to
the next: a retry on another machine, and what Dagster is told later, belong to the same trace.

Hashed: a UUID's version bits would fool samplers that take a trace's id for a random number.
"""

from hashlib import blake2b
from uuid import UUID

ROOT = "delivery"


def trace_of(delivery: UUID) -> int:
    """The trace of a delivery: 128 bits."""
    return int.from_bytes(blake2b(delivery.bytes, digest_size=16).digest()) or 1


def trace_hex(delivery: UUID) -> str:
    """The same as 32 hex digits, as it is shown."""
    return f"{trace_of(delivery):032x}"


def root_span(delivery: UUID) -> int:
    """The span that all others of a delivery hang on: 64 bits."""
    return span_of(ROOT, delivery)


def span_of(name: str, subject: UUID) -> int:
    """The span `name` of an attempt or a delivery."""
    return int.from_bytes(blake2b(name.encode() + subject.bytes, digest_size=8).digest()) or 1
