"""Ids as people give them: whole, or a beginning that fits only one."""

import re
from collections.abc import Sequence
from uuid import UUID

from impact_in_pipelines.errors import NotFound
from impact_in_pipelines.errors.ids import IdAmbiguous, IdMalformed

SHORTEST_PREFIX = 4
_HEX = re.compile(rf"[0-9a-f]{{{SHORTEST_PREFIX},32}}")
_SHOWN = 3


def id_range(text: str) -> dict[str, UUID]:
    """The `lowest` and `highest` id that begin with `text`. Raises `IdMalformed`."""
    bounds = bounds_of(text)
    if bounds is None:
        raise IdMalformed(text, SHORTEST_PREFIX)
    return {"lowest": bounds[0], "highest": bounds[1]}


def bounds_of(text: str) -> tuple[UUID, UUID] | None:
    """The lowest and the highest id that begin with `text`; None: no id does."""
    digits = text.strip().lower().replace("-", "")
    if not _HEX.fullmatch(digits):
        return None
    return UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))


def the_one(text: str, ids: Sequence[UUID], unknown: NotFound) -> UUID:
    """The only one of `ids`, which all begin with `text`. Raises `unknown` for none, `IdAmbiguous` for
    several."""
    if not ids:
        raise unknown
    if len(ids) > 1:
        raise IdAmbiguous(text, tuple(ids[:_SHOWN]))
    return ids[0]
