"""The run queue: each run has a share of the slots, so that what is scheduled never waits for what is not.

Dagster limits runs by their tags, and runs that the UI launches (a cell, a range, a backfill) carry none of
a job's. So the coordinator tags each run as it is queued, and gives each share its slots: to drains as many
as DRAINS_PER_PLATFORM says, to the others what `dagster.yaml` says. The order within the queue is design D13:
schedule, replay, single days, backfill.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Self

from dagster import (
    DagsterInstance,
    DagsterRun,
    Field,
    IntSource,
    QueuedRunCoordinator,
    SubmitRunContext,
)

from impact_in_pipelines.dagster_instance.process_logs import log_as_dagster_process
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.settings import get_settings

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


SLOTS = {Share.DAYS: 2, Share.BACKFILL: 2, Share.OTHER: 3}
"""Runs of a share at once, where `dagster.yaml` (`slots`) does not say otherwise."""


class SharingCoordinator(QueuedRunCoordinator):
    """Dagster's queue, with a share and a priority on each run.

    `slots` by share; a drain's are DRAINS_PER_PLATFORM's, so that raising that one number is enough.
    """

    def __init__(self, *, slots: Mapping[str, int] | None = None, **others: Any) -> None:
        # Each process that has an instance makes one of these: the daemon and the web server too.
        log_as_dagster_process()
        drains = get_settings().drains_per_platform
        limits = {drain_share(platform): drains for platform in Platform}
        limits |= {share.value: limit for share, limit in SLOTS.items()} | dict(slots or {})
        tag_limits = [
            {"key": SHARE_TAG, "value": share, "limit": limit} for share, limit in limits.items()
        ]
        # No common limit: runs that nobody queued (`impact-in deliver`) would count against it.
        super().__init__(
            **{**others, "max_concurrent_runs": -1, "tag_concurrency_limits": tag_limits}
        )

    @classmethod
    def config_type(cls) -> Any:
        """Dagster's own, and `slots`."""
        slots = {
            share.value: Field(IntSource, is_required=False, default_value=limit)
            for share, limit in SLOTS.items()
        }
        of_dagster: Any = super().config_type()
        return {**of_dagster, "slots": Field(slots, is_required=False)}

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Mapping[str, Any]) -> Self:
        return cls(inst_data=inst_data, **config_value)

    def submit_run(self, context: SubmitRunContext) -> DagsterRun:
        """Tag the run, then queue it. A priority that was chosen for it stays."""
        run = context.dagster_run
        self._instance.add_run_tags(run.run_id, queue_tags(run))
        return super().submit_run(context)


def queue_tags(run: DagsterRun) -> dict[str, str]:
    """The tags by which `run` is limited and ordered."""
    share = share_of(run)
    if share is Share.DRAIN:
        platform = Platform(run.job_name.removeprefix(_DRAIN))
        priority = _SCHEDULED if SCHEDULE_TAG in run.tags else _ASKED_FOR
        tags = {SHARE_TAG: drain_share(platform)}
    else:
        priority, tags = _PRIORITY[share], {SHARE_TAG: share.value}
    return {_PRIORITY_TAG: str(priority)} | tags | _chosen_priority(run)


def drain_share(platform: Platform) -> str:
    """The share of a platform's drains."""
    return f"{Share.DRAIN.value}:{platform.value}"


def drains_at_once(instance: DagsterInstance, platform: Platform) -> int | None:
    """How many drains of `platform` the instance runs at once, all its limits considered; None: any number.

    A `dagster.yaml` with limits under `concurrency.runs` overrules the coordinator's.
    """
    queue = instance.get_concurrency_config().run_queue_config
    if queue is None:
        return None
    limits = [_limit(one, drain_share(platform)) for one in queue.tag_concurrency_limits]
    if queue.max_concurrent_runs >= 0:
        limits.append(queue.max_concurrent_runs)
    return min((limit for limit in limits if limit is not None), default=None)


def _limit(one: Mapping[str, Any], share: str) -> int | None:
    """What one tag limit leaves to runs of `share`; None: it isn't about them."""
    if one["key"] != SHARE_TAG or one.get("value", share) != share:
        unique = isinstance(one.get("value"), Mapping) and one["key"] == SHARE_TAG
        return int(one["limit"]) if unique else None
    return int(one["limit"])


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
