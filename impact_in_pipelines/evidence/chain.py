"""How a company's links follow each other (ADR 0012); PostgreSQL does the same in `add_evidence`."""

import hashlib
from uuid import UUID

BEGINNING = "impact-in evidence 1"
"""The first line of what a chain begins with; its number is the version of the records."""


def genesis(company_id: UUID) -> str:
    """What the first link of a company follows: 64 hex digits."""
    return _sha256(f"{BEGINNING}\n{company_id}")


def link_hash(before: str, record: str) -> str:
    """The hash of the link that has the text `record` and follows `before`: 64 hex digits."""
    return _sha256(f"{before}\n{record}")


def text_hash(text: str) -> str:
    """SHA-256 of a text in UTF-8: 64 hex digits."""
    return _sha256(text)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
