"""The times and sizes that a drain works with."""

from dataclasses import dataclass
from datetime import timedelta

CHUNK = 1_000
"""Deliveries claimed and frozen in one statement each; bounds what is in memory to twice this."""


@dataclass(frozen=True)
class DrainOptions:
    """`lease`: how long a claim holds without renewal; `dedup_window`: D4's 24 hours; `linger`: for what is
    due so soon a drain of all that is due stays, instead of another one's start-up; `tick_every`: when others
    are started."""

    lease: timedelta = timedelta(seconds=180)
    dedup_window: timedelta = timedelta(hours=24)
    chunk: int = CHUNK
    linger: timedelta = timedelta(0)
    tick_every: timedelta = timedelta(minutes=1)


_STEPS = ((100, 10), (500, 25), (1_000, 50))
_MOST = 100


def concurrency_for(due_an_hour: int) -> int:
    """Deliveries in flight at once for a queue of `due_an_hour`: 10 up to 100, 25 up to 500, 50 up to
    1,000 and 100 above (specification, capacity table)."""
    return next((workers for depth, workers in _STEPS if due_an_hour <= depth), _MOST)
