"""Giving back to the log what a drain has claimed and doesn't send now."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from impact_in_pipelines.delivery.draining.lanes import Request
from impact_in_pipelines.delivery.draining.summary import DrainSummary
from impact_in_pipelines.delivery.draining.workerpool import WorkerPool
from impact_in_pipelines.delivery.ports import DeliveryLog, Held, Waits


class Returning:
    """Used by the coordinator's thread; the intake's says what it has `taken_again`."""

    def __init__(
        self,
        log: DeliveryLog,
        pool: WorkerPool,
        clock: Callable[[], datetime],
        worker: str,
        summary: DrainSummary,
    ) -> None:
        self._log = log
        self._pool = pool
        self._clock = clock
        self._worker = worker
        self._summary = summary
        self._put_off: dict[UUID, Waits] = {}

    def held(self, held: Held) -> bool:
        """What is queued and may not be sent any more goes back, to wait where it stood (D12); whether
        anything is held."""
        if not (held.platform or held.companies):
            return False
        with self._pool.locked() as queue:
            ids = [
                id_
                for request in queue.peek()
                if any(held.holds(member.claimed) for member in request.members)
                for id_ in request.ids
            ]
            queue.discard(frozenset(ids))
        if ids:
            now = self._clock()
            self._log.release_claims(ids, now=now, next_attempt_at=now, worker=self._worker)
        return True

    def paced(self, patience_s: float) -> None:
        """What its connection's rate limit holds back for long, or a request without an answer, goes back
        until the limit opens or for a while: it would otherwise take the room of others. A run's own
        selection waits here longer."""
        with self._pool.locked() as queue:
            paced = list(queue.release_paced(time.monotonic(), patience_s))
        for opens_in_s, requests in paced:
            ids = [id_ for request in requests for id_ in request.ids]
            now = self._clock()
            again_at = now + timedelta(seconds=opens_in_s)
            self._log.release_claims(ids, now=now, next_attempt_at=again_at, worker=self._worker)
            self._put_off.update(dict.fromkeys(ids, Waits(now, again_at)))
            self._summary.put_off = len(self._put_off)

    def taken_again(self, requests: Sequence[Request]) -> None:
        """These are in hand: put off no longer."""
        for request in requests:
            for id_ in request.ids:
                self._put_off.pop(id_, None)
        self._summary.put_off = len(self._put_off)

    def call_forward(self) -> bool:
        """What went back behind a request that has been answered after all is due at once: the drain would
        otherwise end before its time has come. Whether there was any."""
        with self._pool.locked() as queue:
            ids = queue.no_longer_behind()
        waiting = {id_: waits for id_ in ids if (waits := self._put_off.get(id_)) is not None}
        if not waiting:
            return False
        self._log.call_forward(waiting, now=self._clock())
        return True

    def unsent(self) -> None:
        """All that is still queued."""
        with self._pool.locked() as queue:
            left = [id_ for request in queue.release_all() for id_ in request.ids]
        now = self._clock()
        self._log.release_claims(left, now=now, next_attempt_at=now, worker=self._worker)
