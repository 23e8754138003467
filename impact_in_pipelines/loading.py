"""Importing what is large, and making many objects at once."""

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


@contextmanager
def collecting_later() -> Iterator[None]:
    """For what makes a hundred thousand objects that have no cycles, all of which stay until it ends: the
    garbage collector looks through them once, afterwards, instead of each time that they have grown by a
    quarter (a third of the time that everybody's status takes)."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
