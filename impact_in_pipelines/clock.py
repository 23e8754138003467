"""What time it is: the database's, so that no machine's own clock decides anything (design D15)."""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

_WORTH_SAYING = timedelta(seconds=2)
_log = logging.getLogger(__name__)


def utc_now() -> datetime:
    """This machine's clock, aware."""
    return datetime.now(UTC)


class DatabaseClock:
    """This machine's clock plus how far the database's was from it when it was last asked.

    Asking on every call would cost a round trip each, and from threads that must not wait: whoever works for
    long calls `correct` now and then, from a thread that may. The first call asks by itself.
    """

    def __init__(
        self,
        ask: Callable[[], datetime],
        *,
        machine: Callable[[], datetime] = utc_now,
        stopwatch: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._machine = machine
        self._stopwatch = stopwatch
        self._offset: timedelta | None = None

    def __call__(self) -> datetime:
        offset = self._offset if self._offset is not None else self.correct()
        return self._machine() + offset

    def correct(self) -> timedelta:
        """Ask the database; returns how far its clock is ahead of this machine's. Raises what asking does."""
        began = self._stopwatch()
        theirs = self._ask()
        # The answer was true about half-way through the round trip.
        ours = self._machine() - timedelta(seconds=(self._stopwatch() - began) / 2)
        before, offset = self._offset or timedelta(), theirs - ours
        self._offset = offset
        if abs(offset) >= _WORTH_SAYING and abs(offset - before) >= _WORTH_SAYING:
            _log.warning(
                "this machine's clock is %.0f s %s the database's; the database's counts",
                abs(offset.total_seconds()),
                "behind" if offset > timedelta() else "ahead of",
            )
        return offset
