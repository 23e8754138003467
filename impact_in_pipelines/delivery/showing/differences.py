"""What differs between two payloads: pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Difference:
    """One place (a JSON pointer, RFC 6901) and the values there; None for what isn't there."""

    path: str
    before: Any
    after: Any


def differences(before: Any, after: Any, path: str = "") -> Iterator[Difference]:
    """Where JSON data `after` differs from `before`, leaf by leaf, in their order."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys([*before, *after]):
            yield from differences(before.get(key), after.get(key), f"{path}/{_escaped(str(key))}")
    elif isinstance(before, list) and isinstance(after, list):
        for place in range(max(len(before), len(after))):
            yield from differences(_at(before, place), _at(after, place), f"{path}/{place}")
    elif before != after:
        yield Difference(path, before, after)


def _at(values: list[Any], place: int) -> Any:
    return values[place] if place < len(values) else None


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
