"""Writing many Dagster events at once: the one module that touches Dagster's private interface.

One `AssetMaterialization` by `context.log_event` costs 12 ms, in a batch 0.5 ms (design, section 9); a
drain writes thousands. `DagsterEvent`, its batch metadata and the planned-materialisation event are
private, so the version is pinned in the lock file and `tests/acceptance/test_events.py` says at once when
an upgrade moves them.
"""

import os
from collections.abc import Sequence
from uuid import uuid4

from dagster import AssetExecutionContext, AssetKey, AssetMaterialization, AssetObservation
from dagster._core.events import (
    AssetMaterializationPlannedData,
    DagsterEvent,
    DagsterEventBatchMetadata,
)

# Read at every write by Dagster; without it each event of a batch is stored on its own.
os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "1000")


def write_materializations(
    context: AssetExecutionContext, materializations: Sequence[AssetMaterialization]
) -> None:
    """Store `materializations`, all of one asset, in one batch."""
    step = context.get_step_execution_context()
    _store(context, [DagsterEvent.asset_materialization(step, m) for m in materializations])


def write_observations(
    context: AssetExecutionContext, observations: Sequence[AssetObservation]
) -> None:
    """Store `observations`, all of one asset, in one batch."""
    step = context.get_step_execution_context()
    _store(context, [DagsterEvent.asset_observation(step, o) for o in observations])


def plan_partitions(
    context: AssetExecutionContext, asset_key: AssetKey, partitions: Sequence[str]
) -> None:
    """Say that this run means to materialise `partitions`: if it fails without, their cells turn red."""
    _store(
        context,
        [
            DagsterEvent.build_asset_materialization_planned_event(
                context.job_name,
                context.get_step_execution_context().step.key,
                AssetMaterializationPlannedData(asset_key, partition=partition),
            )
            for partition in partitions
        ],
    )


def _store(context: AssetExecutionContext, events: Sequence[DagsterEvent]) -> None:
    batch = str(uuid4())
    for place, event in enumerate(events, start=1):
        context.instance.report_dagster_event(
            event,
            run_id=context.run_id,
            batch_metadata=DagsterEventBatchMetadata(batch, is_end=place == len(events)),
        )
