"""How long a number of requests takes under a connection's limits: pure, and an estimate."""

import math
from dataclasses import dataclass

from impact_in_pipelines.delivery.draining.lanes import DEFAULT_MAX_CONCURRENCY
from impact_in_pipelines.delivery.limits.budgets import WINDOW_S

ASSUMED_REQUEST_S = 1.0
"""What one request is taken to last, in seconds."""


@dataclass(frozen=True, slots=True)
class ConnectionLoad:
    """What waits for one connection: `ahead` requests before ours, then `requests` of ours."""

    requests: int
    ahead: int
    per_minute: int
    max_concurrency: int | None


def seconds_for(lane: ConnectionLoad) -> float:
    """Seconds until the last of ours has ended: a lane may use its whole limit at once and then waits
    until the minute is over (`sendqueue`)."""
    total = lane.requests + lane.ahead
    if not lane.requests:
        return 0.0
    minutes_waited = (total - 1) // lane.per_minute
    at_once = lane.max_concurrency or DEFAULT_MAX_CONCURRENCY
    in_last_minute = total - minutes_waited * lane.per_minute
    return minutes_waited * WINDOW_S + math.ceil(in_last_minute / at_once) * ASSUMED_REQUEST_S
