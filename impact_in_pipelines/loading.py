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


_SELDOM = 50_000
"""After so many new objects, some ten megabytes, the collector looks through them; by default after 700."""


@contextmanager
def collecting_seldom() -> Iterator[None]:
    """For work that goes on making objects by the hundred thousand and drops them without cycles: each that
    is kept for a while is otherwise looked at three times over (a sixth of what taking in a chunk costs)."""
    usual = gc.get_threshold()
    gc.set_threshold(_SELDOM, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


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
