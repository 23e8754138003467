"""Final deliveries are handed to whoever shows them (Dagster), and marked once they are shown."""

from collections.abc import Callable, Sequence
from uuid import UUID

from impact_in_pipelines.db.deliveries.recording import AT_ONCE, FinalDelivery
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.runtime import Runtime

__all__ = ["FinalDelivery", "show_final", "take_back"]


def show_final(
    runtime: Runtime,
    platform: Platform,
    show: Callable[[Sequence[FinalDelivery]], None],
    *,
    run_id: str | None = None,
    failures: bool = True,
) -> None:
    """Call `show` with everything that is final and not shown yet, a batch at a time.

    A batch is marked only after `show` has returned: what it raises leaves the batch to the next drain.
    `run_id`: only the run's own selection. `failures`: what failed for good as well.
    """
    while True:
        with runtime.recording.unrecorded(
            platform, now=runtime.clock(), run_id=run_id, failures=failures
        ) as batch:
            if batch:
                show(batch)
        if len(batch) < AT_ONCE:
            return


def take_back(runtime: Runtime, ids: Sequence[UUID]) -> None:
    """These deliveries are not shown after all; the next drain shows them."""
    if ids:
        runtime.recording.unmark(ids)
