"""How work says how far it is, to whoever watches; what shows it is `cli/progress.py`."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
Tell = Callable[[int, int], None]
"""Called with how much is done and how much there is in all, of whatever the work is counted in."""

_TOLD = 200
"""So often a work is told about, however many its items are."""


def silent(_done: int, _total: int) -> None:
    """For callers that don't watch."""


class Steps:
    """Counts what is done of `total`, and tells it some hundred times."""

    def __init__(self, total: int, tell: Tell) -> None:
        self._tell = tell
        self._total = total
        self._done = self._told = 0
        tell(0, total)

    def step(self, much: int = 1) -> None:
        """So much more is done; a total that was estimated too low grows with it."""
        self._done += much
        self._total = max(self._total, self._done)
        if (self._done - self._told) * _TOLD >= self._total:
            self._say()

    def up_to(self, done: int) -> None:
        """So much is done by now, if it was less before."""
        self.step(max(0, done - self._done))

    def end(self) -> None:
        """All of it is done, also where the estimate was too high."""
        self._done = self._total
        self._say()

    def passing(self, items: Iterable[Item]) -> Iterator[Item]:
        """`items`, each of which is a step."""
        for item in items:
            yield item
            self.step()

    def _say(self) -> None:
        self._told = self._done
        self._tell(self._done, self._total)
