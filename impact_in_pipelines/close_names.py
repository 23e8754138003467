"""What somebody may have meant by a name that isn't there."""

from collections.abc import Collection
from difflib import get_close_matches

_SHORTEST = 3


def meant_by(
    text: str,
    names: Collection[str],
    *,
    most: int = 1,
    cutoff: float = 0.75,
    beginnings: bool = False,
) -> list[str]:
    """At most `most` of `names` that come close to `text`, closest first; capitals don't matter.

    `cutoff`: how alike two names must be, from 0 (not at all) to 1 (equal), as `difflib` measures it. With
    `beginnings`, a text of three characters or more also means the names that begin with it, where no more
    than `most` do.
    """
    folded = {name.casefold(): name for name in names}
    near = get_close_matches(text.strip().casefold(), folded, n=most, cutoff=cutoff)
    if not near and beginnings and len(begun := text.strip().casefold()) >= _SHORTEST:
        longer = [name for name in folded if name.startswith(begun)]
        near = longer if len(longer) <= most else []
    return [folded[name] for name in near]
