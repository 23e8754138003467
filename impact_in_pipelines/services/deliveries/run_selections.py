"""Days that a run was started for: made into deliveries, and what becomes of them when the run ends."""

from collections.abc import Sequence

from impact_in_pipelines.db.deliveries.cancelling import CancelStore
from impact_in_pipelines.db.deliveries.queueing.selections import SelectedDay, WaitingDay
from impact_in_pipelines.delivery.states import Trigger
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.runtime import Runtime

__all__ = ["SelectedDay", "WaitingDay", "add", "cancel", "release"]


def add(
    runtime: Runtime,
    platform: Platform,
    days: Sequence[SelectedDay],
    *,
    trigger: Trigger,
    run_id: str,
) -> int:
    """Add a delivery for each of `days` that `run_id` has none for yet; returns how many were added."""
    return runtime.selections.add_selected(
        platform, days, trigger=trigger, run_id=run_id, now=runtime.clock()
    )


def release(runtime: Runtime, platform: Platform, run_id: str) -> None:
    """Leave what `run_id` has not finished to the drains, due at the time it is due."""
    runtime.selections.release_of_run(platform, run_id)


def cancel(runtime: Runtime, platform: Platform, run_id: str, *, actor: str) -> int:
    """Call off what `run_id` selected and has not sent; returns how many deliveries are `cancelled`.

    For a run that a person has terminated; one that a deploy, a signal or a crash ended is `release`d.
    """
    done = CancelStore(runtime.database.engine).cancel_of_run(
        platform, run_id, now=runtime.clock(), actor=actor, why=f"cancelled by {actor}"
    )
    release(runtime, platform, run_id)  # what a worker holds at this moment ends by itself
    return len(done.cancelled)
