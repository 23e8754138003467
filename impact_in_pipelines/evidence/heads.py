"""Published heads: where each company's chain stood on a day. Whoever holds one can tell whether what lies
before it was written anew."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from impact_in_pipelines.errors.retention import NoHeads

FORMAT = "impact-in heads 1"


@dataclass(frozen=True, slots=True)
class Head:
    """How many links a company's chain had, and the hash of the last (64 hex digits)."""

    company: str
    links: int
    hash: str


def heads_document(heads: Iterable[Head], at: datetime) -> dict[str, Any]:
    """What is published: every company by its id, in that order."""
    return {
        "format": FORMAT,
        "at": at.isoformat(),
        "heads": [
            {"company": one.company, "links": one.links, "hash": one.hash}
            for one in sorted(heads, key=lambda one: one.company)
        ],
    }


def read_heads(path: Path) -> Mapping[str, Head]:
    """The heads in a published file, by company id. Raises `NoHeads`."""
    try:
        text = path.read_text("utf-8")
    except (OSError, ValueError) as error:
        raise NoHeads(path) from error
    return heads_in(text, path)


def heads_in(text: str, path: Path) -> Mapping[str, Head]:
    """The same of the text of such a file; `path` is what the refusal names."""
    try:
        found = json.loads(text)
        if found["format"] != FORMAT:
            raise NoHeads(path)
        heads = [
            Head(str(one["company"]), int(one["links"]), str(one["hash"])) for one in found["heads"]
        ]
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise NoHeads(path) from error
    return {one.company: one for one in heads}
