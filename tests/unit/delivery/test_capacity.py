"""How many go out at once (specification, capacity table)."""

import pytest

from impact_in_pipelines.delivery.draining.options import concurrency_for


@pytest.mark.parametrize(
    ("due_an_hour", "workers"),
    [
        (0, 10), (1, 10), (99, 10), (100, 10),
        (101, 25), (500, 25),
        (501, 50), (1_000, 50),
        (1_001, 100), (1_000_000, 100),
    ],
)  # fmt: skip
def test_the_edges_of_the_capacity_table(due_an_hour: int, workers: int) -> None:
    """10 up to 100 an hour, 25 up to 500, 50 up to 1,000, 100 above."""
    assert concurrency_for(due_an_hour) == workers
