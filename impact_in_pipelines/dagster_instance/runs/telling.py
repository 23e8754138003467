"""What a run says while it works, to whoever executes it in this process (`impact-in deliver`)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

_listener: Callable[[str], None] | None = None


@contextmanager
def listening(listener: Callable[[str], None]) -> Iterator[None]:
    """Every thread's `tell` reaches `listener` until the block ends."""
    global _listener
    outer, _listener = _listener, listener
    try:
        yield
    finally:
        _listener = outer


def tell(text: str) -> None:
    """Say this to whoever listens, if anybody does."""
    if _listener is not None:
        _listener(text)
