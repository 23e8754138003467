"""An orderly stop: a signal asks for it, the drain ends between two batches, what is under way is recorded.

Dagster answers an interrupt by raising at whatever line the step is, and a step with a retry policy is then
simply tried again five seconds later: neither ends a drain. So while one runs, the signals are ours.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
_LOOKS_EVERY_S = 0.2


class Stop:
    """Whether this process was asked to stop, and by which signal (the first one)."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None

    @property
    def requested(self) -> bool:
        return self.signal is not None

    def request(self, signum: int = signal.SIGTERM) -> None:
        """Ask for it; asking again changes nothing."""
        if self.signal is None:
            self.signal = signal.Signals(signum)

    def wait(self, seconds: float) -> bool:
        """Let `seconds` pass, or less if it is asked for meanwhile: then True."""
        until = time.monotonic() + seconds
        while not self.requested and (left := until - time.monotonic()) > 0:
            # An event that a signal's handler sets could wait for the lock that this thread holds.
            time.sleep(min(left, _LOOKS_EVERY_S))
        return self.requested


_in_force: Stop | None = None


@contextmanager
def in_force(stop: Stop) -> Iterator[None]:
    """`stoppable()` gives `stop` in every thread until the block ends: its owner has the signals."""
    global _in_force
    outer, _in_force = _in_force, stop
    try:
        yield
    finally:
        _in_force = outer


@contextmanager
def stoppable() -> Iterator[Stop]:
    """The stop that is in force, or, in a main thread without one, one that SIGINT and SIGTERM ask for.

    Asking twice changes nothing: an orchestrator that terminates a run may well signal more than once.
    """
    if _in_force is not None:
        yield _in_force
        return
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop  # signals can't be caught here, so nobody asks
        return
    with on_signals(lambda signum: stop.request(signum)):
        yield stop


@contextmanager
def on_signals(act: Callable[[int], None]) -> Iterator[None]:
    """Call `act` with the number of each SIGINT and SIGTERM until the block ends. Main thread only."""

    def handle(signum: int, _: FrameType | None) -> None:
        act(signum)

    before = {one: signal.getsignal(one) for one in SIGNALS}
    try:
        for one in SIGNALS:
            signal.signal(one, handle)
        yield
    finally:
        for one, handler in before.items():
            # None: it was not set from Python, and can't be set back from here either.
            signal.signal(one, signal.SIG_DFL if handler is None else handler)
