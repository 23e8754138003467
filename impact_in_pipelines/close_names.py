"""What somebody may have meant by a name that isn't there."""

from collections.abc import Collection
from difflib import get_close_matches


def meant_by(
    text: str, names: Collection[str], *, most: int = 1, cutoff: float = 0.75
) -> list[str]:
    """At most `most` of `names` that come close to `text`, closest first; capitals don't matter.

    `cutoff`: how alike two names must be, from 0 (not at all) to 1 (equal), as `difflib` measures it.
    """
    folded = {name.casefold(): name for name in names}
    near = get_close_matches(text.strip().casefold(), folded, n=most, cutoff=cutoff)
    return [folded[name] for name in near]
