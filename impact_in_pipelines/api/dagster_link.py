"""Starting a drain at once after a replay; without Dagster the next tick finds the rows (design D3)."""

import logging
import threading
import time
from collections.abc import Callable, Iterable

from impact_in_pipelines.connectors.dagster_graphql import DagsterGraphql, DagsterUnreachable
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services.deliveries.drain_requests import DrainStart

QUIET_S = 10.0
"""Dagster isn't asked for a drain for so long after it didn't answer."""
_ASKING = 2
_log = logging.getLogger(__name__)


class DagsterLink:
    """Asks Dagster for drains. The rows are in the queue already: nothing here can lose one."""

    def __init__(
        self, client: DagsterGraphql, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._clock = clock
        self._asking = threading.BoundedSemaphore(_ASKING)
        self._unreachable_at = float("-inf")

    def start_drains(
        self, platforms: Iterable[Platform], reason: str
    ) -> dict[Platform, DrainStart]:
        """Have each platform's queue sent: a drain that is waiting takes it, else one is started, else the
        next tick does. A Dagster that doesn't answer keeps at most `_ASKING` threads, and for `QUIET_S`
        nobody asks it again."""
        return {platform: self._start(platform, reason) for platform in sorted(set(platforms))}

    def _start(self, platform: Platform, reason: str) -> DrainStart:
        if self._clock() - self._unreachable_at < QUIET_S:
            return DrainStart.NEXT_TICK
        if not self._asking.acquire(blocking=False):
            return DrainStart.NEXT_TICK
        try:
            if self._client.waiting_drain(platform):
                return DrainStart.WAITING
            self._client.launch_drain(platform, reason)
            return DrainStart.STARTED
        except DagsterUnreachable as error:
            self._unreachable_at = self._clock()
            _log.warning("%s; the next tick sends what is queued", error)
            return DrainStart.NEXT_TICK
        finally:
            self._asking.release()

    def version(self) -> str | None:
        """Dagster's version, None if it can't be reached."""
        try:
            return self._client.version()
        except DagsterUnreachable:
            return None
