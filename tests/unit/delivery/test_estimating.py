"""How long requests take under a connection's limits: an estimate by the send queue's own rules."""

import pytest

from impact_in_pipelines.delivery.draining.lanes import DEFAULT_MAX_CONCURRENCY
from impact_in_pipelines.delivery.estimating import ConnectionLoad, seconds_for


@pytest.mark.parametrize(
    ("requests", "ahead", "per_minute", "at_once", "seconds"),
    [
        (0, 500, 10, 5, 0.0),
        (1, 0, 10, 5, 1.0),
        (5, 0, 10, 5, 1.0),
        (6, 0, 10, 5, 2.0),
        (10, 0, 10, 5, 2.0),
        (11, 0, 10, 5, 61.0),
        (1, 10, 10, 5, 61.0),
        (20, 0, 10, 5, 62.0),
        (21, 0, 10, 5, 121.0),
    ],
)
def test_a_lane_uses_its_minute_at_once_and_waits_for_the_next(
    requests: int, ahead: int, per_minute: int, at_once: int, seconds: float
) -> None:
    """A second for each wave, a minute for each full limit before it; what is ahead goes first."""
    assert seconds_for(ConnectionLoad(requests, ahead, per_minute, at_once)) == seconds


def test_without_a_limit_of_its_own_the_usual_number_goes_at_once() -> None:
    """As the send queue does it."""
    n = DEFAULT_MAX_CONCURRENCY
    assert seconds_for(ConnectionLoad(n, 0, 1_000, None)) == 1.0
    assert seconds_for(ConnectionLoad(n + 1, 0, 1_000, None)) == 2.0
