"""Starting a drain at once after a replay; without Dagster the next tick finds the rows (design D3)."""

import logging
from collections.abc import Iterable

from impact_in_pipelines.connectors.dagster_graphql import DagsterGraphql, DagsterUnreachable
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services.drain_requests import DrainStart

_log = logging.getLogger(__name__)


class DagsterLink:
    """Asks Dagster for drains. The rows are in the queue already: nothing here can lose one."""

    def __init__(self, client: DagsterGraphql) -> None:
        self._client = client

    def start_drains(
        self, platforms: Iterable[Platform], reason: str
    ) -> dict[Platform, DrainStart]:
        """Have each platform's queue sent: a drain that is waiting takes it, else one is started, else the
        next tick does."""
        return {platform: self._start(platform, reason) for platform in sorted(set(platforms))}

    def _start(self, platform: Platform, reason: str) -> DrainStart:
        try:
            if self._client.waiting_drain(platform):
                return DrainStart.WAITING
            self._client.launch_drain(platform, reason)
            return DrainStart.STARTED
        except DagsterUnreachable as error:
            _log.warning("%s; the next tick sends what is queued", error)
            return DrainStart.NEXT_TICK

    def version(self) -> str | None:
        """Dagster's version, None if it can't be reached."""
        try:
            return self._client.version()
        except DagsterUnreachable:
            return None
