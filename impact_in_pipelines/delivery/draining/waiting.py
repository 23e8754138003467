"""What a drain waits for: what is due soon, limits that open, answers that don't come."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from impact_in_pipelines.delivery.draining.summary import DrainSummary
from impact_in_pipelines.delivery.draining.workerpool import WorkerPool
from impact_in_pipelines.delivery.model import Selection
from impact_in_pipelines.delivery.ports import DeliveryLog
from impact_in_pipelines.platforms import Platform

LINGER_MOST_S = 600.0
"""A drain that is older ends once nothing is due."""

_HANDS_OVER = (timedelta(seconds=3), timedelta(seconds=10))
"""So long before a tick an old drain ends: late enough for little to wait for the next one, and early enough
for the tick not to take it for one that runs."""

_LOOK_EVERY_S = 1.0
"""How often a drain that waits looks for what has been added meanwhile."""

_DOZE_S = 0.25

SILENT_S = 5.0
"""A drain in which nothing has ended for so long says what it waits for, and again after three times that."""

OTHERS_S = 10.0
"""What is due and others have locked is waited for so long before a drain ends without it."""


@dataclass(frozen=True, slots=True)
class DrainWait:
    """Deliveries in hand that can't leave: `queued` requests, the first of which may in `opens_in_s` seconds
    (None: no limit holds any back); `unanswered` requests are out for a while. `log_is_away`: nothing is sent
    because results can't be recorded."""

    queued: int
    opens_in_s: float | None
    unanswered: int
    log_is_away: bool = False


class Silence:
    """Tells `listener` what `pool` waits for, when nothing has ended for a while."""

    def __init__(self, pool: WorkerPool, listener: Callable[[DrainWait], None]) -> None:
        self._pool = pool
        self._listener = listener
        self._tell_at = time.monotonic() + SILENT_S

    def broken(self) -> None:
        """Something has ended."""
        self._tell_at = time.monotonic() + SILENT_S

    def tell_now_and_then(self, *, log_is_away: bool) -> None:
        """If it is time to, and there is something to wait for."""
        now = time.monotonic()
        if now < self._tell_at:
            return
        self._tell_at = now + 3 * SILENT_S
        with self._pool.locked() as queue:
            found = DrainWait(
                len(queue), queue.next_opening(now), queue.unanswered(now, SILENT_S), log_is_away
            )
        if found.queued or found.unanswered or log_is_away:
            self._listener(found)


class Others:
    """What is due and was not claimed because somebody else has locked it. As a rule that is another drain's
    claim; but where it is rolled back, or was no claim, nobody would have it."""

    def __init__(
        self,
        log: DeliveryLog,
        platform: Platform,
        clock: Callable[[], datetime],
        summary: DrainSummary,
    ) -> None:
        self._log = log
        self._platform = platform
        self._clock = clock
        self._summary = summary
        self._until: float | None = None

    def count_anew(self) -> None:
        """Something else has been found or waited for: the next wait for others is another one."""
        self._until = None

    def waits_for(self, selection: Selection) -> bool:
        """Wait a moment if there is any; whether to go on. What is left when it has waited for `OTHERS_S` is
        counted in the summary."""
        due = self._log.due_now(self._platform, self._clock(), selection)
        now = time.monotonic()
        if due and self._until is None:
            self._until = now + OTHERS_S
        if not due or (self._until is not None and now >= self._until):
            self._summary.locked = due
            return False
        time.sleep(_DOZE_S)
        return True


@dataclass(frozen=True, slots=True)
class Lingering:
    """Stays for what is due within `linger`, as long as the drain that `started_at` (monotonic) is young.
    Ticks, which start the next one, come every `tick_every` since midnight (UTC)."""

    linger: timedelta
    tick_every: timedelta
    next_due: Callable[[], datetime | None]
    clock: Callable[[], datetime]
    should_stop: Callable[[], bool]
    started_at: float

    def waits(self, before: Callable[[], None]) -> bool:
        """Call `before` and wait a moment if something is due soon; whether to go on."""
        if not self.linger or self._is_to_end():
            return False
        due = self.next_due()
        if due is None or due - self.clock() > self.linger:
            return False
        before()
        wait_s = max((due - self.clock()).total_seconds(), 0.01)
        until = time.monotonic() + min(wait_s, _LOOK_EVERY_S)
        while not self.should_stop() and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, _DOZE_S))
        return True

    def _is_to_end(self) -> bool:
        age_s = time.monotonic() - self.started_at
        if age_s >= LINGER_MOST_S:
            return True
        if age_s + self.tick_every.total_seconds() < LINGER_MOST_S:
            return False
        # The last tick of its time: what falls due between its end and that one waits.
        now = self.clock()
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        to_tick = self.tick_every - (now - midnight) % self.tick_every
        return _HANDS_OVER[0] <= to_tick <= _HANDS_OVER[1]
