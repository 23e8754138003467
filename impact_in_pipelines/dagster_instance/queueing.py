"""The run queue: each run has a share of the slots, so that what is scheduled never waits for what is not.

Dagster limits runs by their tags, and runs that the UI launches (a cell, a range, a backfill) carry none of
a job's. So the coordinator tags each run as it is queued; `dagster.yaml` gives each share its slots. The
order within the queue is design D13: schedule, replay, single days, backfill.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from dagster import DagsterRun, QueuedRunCoordinator, SubmitRunContext

SHARE_TAG = "impact_in/share"
"""Whose slots a run takes: a `Share`, for drains with the platform (`drain:benevity`)."""

_PRIORITY_TAG = "dagster/priority"
SCHEDULE_TAG = "dagster/schedule_name"
"""On runs that a tick has asked for: Dagster's own."""

_BACKFILL_TAG = "dagster/backfill"
_PARTITION_TAG, _RANGE_TAG = "dagster/partition", "dagster/asset_partition_range_start"
_DRAIN, _FROM_THE_UI = "drain_", "__ASSET_JOB"


class Share(StrEnum):
    """What a run is for."""

    DRAIN = "drain"
    """Sends what is due on a platform, whoever's it is."""
    DAYS = "days"
    """Sends single days that a person has selected, or all that is due of some companies."""
    BACKFILL = "backfill"
    """Sends a range of days, or many selected ones."""
    OTHER = "other"
    """Sends nothing: figures, reports, the SLA, changes of schedules."""


HERE = "here"
"""The share of a run that a command executes itself: it waits for no slot, and takes none."""

NOT_DRAINS = (Share.DAYS.value, Share.BACKFILL.value, HERE)
"""Shares of runs of a drain's job that need not take all that is due."""

_PRIORITY = {Share.OTHER: 2, Share.DAYS: 0, Share.BACKFILL: -10}
_SCHEDULED, _ASKED_FOR = 10, 5


class SharingCoordinator(QueuedRunCoordinator):
    """Dagster's queue, with a share and a priority on each run."""

    def submit_run(self, context: SubmitRunContext) -> DagsterRun:
        """Tag the run, then queue it. A priority that was chosen for it stays."""
        run = context.dagster_run
        self._instance.add_run_tags(run.run_id, queue_tags(run))
        return super().submit_run(context)


def queue_tags(run: DagsterRun) -> dict[str, str]:
    """The tags by which `run` is limited and ordered."""
    share = share_of(run)
    if share is Share.DRAIN:
        platform = run.job_name.removeprefix(_DRAIN)
        priority = _SCHEDULED if SCHEDULE_TAG in run.tags else _ASKED_FOR
        tags = {SHARE_TAG: f"{share.value}:{platform}"}
    else:
        priority, tags = _PRIORITY[share], {SHARE_TAG: share.value}
    return {_PRIORITY_TAG: str(priority)} | tags | _chosen_priority(run)


def share_of(run: DagsterRun) -> Share:
    """What `run` is for, by its job, its partitions and its configuration."""
    sends = run.job_name.startswith(_DRAIN)
    if not sends and not run.job_name.startswith(_FROM_THE_UI):
        return Share.OTHER
    if _BACKFILL_TAG in run.tags or _RANGE_TAG in run.tags:
        return Share.BACKFILL
    if _PARTITION_TAG in run.tags:
        return Share.DAYS
    if not sends:
        return Share.OTHER
    config = _config_of_drain(run)
    if config.get("start") or config.get("end"):
        return Share.BACKFILL
    return Share.DAYS if config.get("companies") else Share.DRAIN


def _chosen_priority(run: DagsterRun) -> dict[str, str]:
    return {_PRIORITY_TAG: run.tags[_PRIORITY_TAG]} if _PRIORITY_TAG in run.tags else {}


def _config_of_drain(run: DagsterRun) -> Mapping[str, Any]:
    found: Any = run.run_config
    for key in ("ops", f"{run.job_name.removeprefix(_DRAIN)}_export", "config"):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}
