"""Importing what is large."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collecting() -> Iterator[None]:
    """For imports: what they make stays. While it grows the garbage collector would look through all of it
    again and again (a quarter of what importing Dagster costs), and ever after: it leaves it out."""
    collects, modules = gc.isenabled(), len(sys.modules)
    gc.disable()
    try:
        yield
        if len(sys.modules) > modules:
            gc.freeze()
    finally:
        if collects:
            gc.enable()
