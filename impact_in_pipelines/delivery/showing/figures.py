"""Reported figures in words: what a platform was told, and what differs from what it would be told now."""

from collections.abc import Mapping

_NONE = "–"


def figures_in_words(said: Mapping[str, object]) -> str:
    """`participants 12, volunteer hours 7.5, outcomes language 6.5 of 3`: a score and of how many people."""
    # Single figures first, whatever order the log keeps them in; each group by name.
    ordered = sorted(said.items(), key=lambda one: (isinstance(one[1], Mapping), one[0]))
    return ", ".join(f"{_named(name)} {_in_words(value)}" for name, value in ordered)


def changed_in_words(before: Mapping[str, object], after: Mapping[str, object]) -> str:
    """What differs: `participants 1 → 2, outcomes language 6.5 of 3 → 7.0 of 4`; of a group the members that
    do."""
    names = sorted({*before, *after}, key=lambda one: (isinstance(after.get(one), Mapping), one))
    return ", ".join(
        said for name in names if (said := _change(name, before.get(name), after.get(name)))
    )


def _change(name: str, before: object, after: object) -> str:
    if before == after:
        return ""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        members = sorted({*before, *after})
        changes = (
            _change(f"{name} {one}", before.get(one), after.get(one))
            for one in members
            if before.get(one) != after.get(one)
        )
        return ", ".join(changes)
    return f"{_named(name)} {_in_words(before)} → {_in_words(after)}"


def _named(name: str) -> str:
    return name.replace("_", " ")


def _in_words(value: object) -> str:
    if value is None:
        return _NONE
    if isinstance(value, Mapping):
        return (
            "; ".join(f"{name} {_in_words(one)}" for name, one in sorted(value.items())) or "none"
        )
    if isinstance(value, list | tuple):
        return " of ".join(str(one) for one in value)
    return str(value)
