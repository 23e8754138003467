"""Names in the environment that are meant as settings and are none: they would change nothing, silently."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from impact_in_pipelines.close_names import meant_by

OURS = "IMPACT_IN_"
_INTERNAL = frozenset({"IMPACT_IN_API_COUNTS"})
"""What one process of ours tells another."""
_CLOSE = 0.88


@dataclass(frozen=True, slots=True)
class UnknownSetting:
    """`meant`: the setting whose name comes close to it, if one does."""

    name: str
    meant: str | None


def unknown_settings(names: Iterable[str], known: Sequence[str]) -> list[UnknownSetting]:
    """Of `names`, those that begin with our prefix and are no setting, and those that miss one by a letter
    or two and begin with its first word; the others are somebody else's."""
    families = {name.partition("_")[0] for name in known}
    found = []
    for name in sorted(set(names) - set(known) - _INTERNAL):
        family, _, rest = name.partition("_")
        if not rest or (family not in families and not name.startswith(OURS)):
            continue
        close = [one for one in known if one.partition("_")[0] == family]
        meant = next(iter(meant_by(name, close, cutoff=_CLOSE)), None)
        if meant or name.startswith(OURS):
            found.append(UnknownSetting(name, meant))
    return found
