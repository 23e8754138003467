"""One drain job and one schedule for each platform; a tick only reads (design D2, D3). It asks for as many
drains as what is due needs, up to DRAINS_PER_PLATFORM."""

from dagster import (
    AssetSelection,
    DagsterInstance,
    DagsterRunStatus,
    DefaultScheduleStatus,
    RunConfig,
    RunRequest,
    RunsFilter,
    ScheduleDefinition,
    ScheduleEvaluationContext,
    SkipReason,
    define_asset_job,
    in_process_executor,
    schedule,
)

from impact_in_pipelines.assets.exports.choice import ExportConfig
from impact_in_pipelines.dagster_instance.queueing import (
    NOT_DRAINS,
    SHARE_TAG,
    drains_at_once,
)
from impact_in_pipelines.delivery.ticking import decide_tick
from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.plurals import count
from impact_in_pipelines.resources.runtime import RuntimeResource
from impact_in_pipelines.settings import Settings

_WAITING = [DagsterRunStatus.QUEUED, DagsterRunStatus.NOT_STARTED, DagsterRunStatus.STARTING]
_RUNNING = [DagsterRunStatus.STARTED]
MAX_RUNTIME_S = 3600


def drain_schedule(platform: Platform, settings: Settings) -> ScheduleDefinition:
    """Every `SCHEDULER_CHECK_INTERVAL` minutes; switched off in the UI, it holds the platform.

    Its job `drain_{platform}`, launched without a partition key, sends everything that is due.
    """
    job = define_asset_job(
        name=f"drain_{platform.value}",
        selection=AssetSelection.assets(f"{platform.value}_export"),
        description=(
            f"Sends everything that is due to {FACTS[platform].title}: claims it from the delivery log, "
            "sends it and records what arrived. Configure start and end to send days that are not due."
        ),
        executor_def=in_process_executor,
        config=RunConfig(ops={f"{platform.value}_export": ExportConfig()}),
        tags={"platform": platform.value, "dagster/max_runtime": str(MAX_RUNTIME_S)},
    )
    every = settings.scheduler_check_interval

    @schedule(
        name=f"deliver_to_{platform.value}",
        job=job,
        cron_schedule="* * * * *" if every == 1 else f"*/{every} * * * *",
        execution_timezone="UTC",
        default_status=DefaultScheduleStatus.RUNNING
        if settings.enable_scheduler
        else DefaultScheduleStatus.STOPPED,
        description=(
            f"Starts a drain to {FACTS[platform].title} when something is due. Switch it off to hold the "
            "platform: what falls due waits and is caught up."
        ),
    )
    def tick(
        context: ScheduleEvaluationContext, runtime: RuntimeResource
    ) -> list[RunRequest] | SkipReason:
        parts = runtime.get()
        now = parts.clock()
        decision = decide_tick(
            parts.due_state(platform),
            now=now,
            drains_waiting=_count(context.instance, job.name, _WAITING),
            drains_running=_count(context.instance, job.name, _RUNNING),
            most=_most(context, platform, settings.drains_per_platform),
        )
        if not decision.request:
            return SkipReason(decision.reason)
        return [RunRequest(tags={"reason": decision.reason}) for _ in range(decision.drains)]

    return tick


def _most(context: ScheduleEvaluationContext, platform: Platform, wanted: int) -> int:
    """How many drains may run at once: those that a `dagster.yaml` has no slots for would only queue up."""
    slots = drains_at_once(context.instance, platform)
    if slots is None or slots >= wanted:
        return wanted
    context.log.warning(
        f"DRAINS_PER_PLATFORM is {wanted}, but dagster.yaml lets only {count(slots, 'drain')} to "
        f"{FACTS[platform].title} run at once: take the limits under concurrency.runs out of it, and the "
        "setting alone decides."
    )
    return slots


def _count(instance: DagsterInstance, job_name: str, statuses: list[DagsterRunStatus]) -> int:
    """The drains of this job. A run of it for selected days takes nothing that is merely due."""
    of_the_job = RunsFilter(job_name=job_name, statuses=statuses)
    others = RunsFilter(job_name=job_name, statuses=statuses, tags={SHARE_TAG: list(NOT_DRAINS)})
    return instance.get_runs_count(of_the_job) - instance.get_runs_count(others)


def drain_schedules(settings: Settings) -> list[ScheduleDefinition]:
    """A schedule for each platform; Dagster takes the jobs from them."""
    return [drain_schedule(platform, settings) for platform in Platform]
