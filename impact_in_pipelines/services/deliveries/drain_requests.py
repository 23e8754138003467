"""Who can be asked to send at once what was queued; whoever can't leaves it to the next tick (D3)."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Protocol

from impact_in_pipelines.platforms import Platform


class DrainStart(StrEnum):
    """What was done to have queued deliveries sent."""

    STARTED = "started"
    WAITING = "waiting"
    NEXT_TICK = "next_tick"


class DrainStarter(Protocol):
    """Starts drains. The rows are in the queue already: a failure here loses none."""

    def start_drains(
        self, platforms: Iterable[Platform], reason: str
    ) -> Mapping[Platform, DrainStart]:
        """Have each platform's queue sent; what was done for each."""
        ...


class NextTick:
    """Starts nothing: the scheduler's next tick finds the rows."""

    def start_drains(
        self,
        platforms: Iterable[Platform],
        reason: str,  # noqa: ARG002 - nobody is asked
    ) -> Mapping[Platform, DrainStart]:
        return dict.fromkeys(platforms, DrainStart.NEXT_TICK)
