"""Whoever watches a long work: what a terminal would show of it."""


class Heard(list[tuple[int, int]]):
    """Hears how far it is, as a `Tell`; give it as one."""

    def __call__(self, done: int, total: int) -> None:
        self.append((done, total))

    @property
    def total(self) -> int:
        """What there was in all; fails unless it began with nothing, never went back and ended whole."""
        assert self, "nobody was told anything"
        assert self[0][0] == 0
        assert [done for done, _ in self] == sorted(done for done, _ in self)
        done, total = self[-1]
        assert done == total
        return total
