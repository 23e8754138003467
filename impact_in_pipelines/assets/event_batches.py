"""Writing many Dagster events at once: the one module that touches Dagster's private interface.

One `AssetMaterialization` by `context.log_event` costs 12 ms, in a batch 0.5 ms (design, section 9); a
drain writes thousands. `DagsterEvent`, its batch metadata and the planned-materialisation event are
private, so the version is pinned in the lock file and `tests/acceptance/test_events.py` says at once when
an upgrade moves them.
"""

import os
from collections.abc import Iterator, Sequence
from typing import TypeVar
from uuid import uuid4

from dagster import AssetExecutionContext, AssetKey, AssetMaterialization, AssetObservation
from dagster._core.events import (
    AssetMaterializationPlannedData,
    DagsterEvent,
    DagsterEventBatchMetadata,
)

Item = TypeVar("Item")

# Read at every write by Dagster; without it each event of a batch is stored on its own.
os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "1000")


def write_materializations(
    context: AssetExecutionContext, materializations: Sequence[AssetMaterialization]
) -> None:
    """Store `materializations`, all of one asset, in one batch."""
    step = context.get_step_execution_context()
    for materialization, batch in _batched(materializations):
        # Building the event writes it: reporting what is returned would store it twice.
        DagsterEvent.asset_materialization(step, materialization, batch)


def write_observations(
    context: AssetExecutionContext, observations: Sequence[AssetObservation]
) -> None:
    """Store `observations`, all of one asset, in one batch."""
    step = context.get_step_execution_context()
    for observation, batch in _batched(observations):
        DagsterEvent.asset_observation(step, observation, batch)


def plan_partitions(
    context: AssetExecutionContext, asset_key: AssetKey, partitions: Sequence[str]
) -> None:
    """Say that this run means to materialise `partitions`: if it fails without, their cells turn red."""
    step_key = context.get_step_execution_context().step.key
    for partition, batch in _batched(partitions):
        planned = DagsterEvent.build_asset_materialization_planned_event(
            context.job_name,
            step_key,
            AssetMaterializationPlannedData(asset_key, partition=partition),
        )
        context.instance.report_dagster_event(
            planned, run_id=context.run.run_id, batch_metadata=batch
        )


def _batched(items: Sequence[Item]) -> Iterator[tuple[Item, DagsterEventBatchMetadata]]:
    """Each of `items` with its place in one batch, which is stored at its end."""
    batch_id = str(uuid4())
    for place, item in enumerate(items, start=1):
        yield item, DagsterEventBatchMetadata(batch_id, is_end=place == len(items))
