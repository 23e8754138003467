"""Ids as people give them: whole, or a beginning that fits only one."""

import re
from collections.abc import Sequence
from uuid import UUID

from impact_in_pipelines.errors import NotFound, UsageError

SHORTEST_PREFIX = 4
_HEX = re.compile(rf"[0-9a-f]{{{SHORTEST_PREFIX},32}}")


def id_range(whose: str, text: str) -> dict[str, UUID]:
    """The `lowest` and `highest` id that begin with `text`. Raises `UsageError`; `whose` is for it."""
    digits = text.strip().lower().replace("-", "")
    if not _HEX.fullmatch(digits):
        raise UsageError(
            f"{text!r} can't be {whose} id: give the whole UUID or at least its first "
            f"{SHORTEST_PREFIX} characters, 0-9 and a-f"
        )
    return {"lowest": UUID(digits.ljust(32, "0")), "highest": UUID(digits.ljust(32, "f"))}


def the_one(noun: str, text: str, ids: Sequence[UUID], listing: str) -> UUID:
    """The only one of `ids`. Raises `NotFound` for none, `UsageError` for several."""
    if not ids:
        raise NotFound(f"no {noun} {text!r}; see: {listing}")
    if len(ids) > 1:
        shown = ", ".join(str(id_) for id_ in ids[:3])
        more = ", …" if len(ids) > 3 else ""
        raise UsageError(f"{text!r} begins several ids; give more of: {shown}{more}")
    return ids[0]
