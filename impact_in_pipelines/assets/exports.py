"""The three exports, from one factory (design D1, D2).

Four ways lead here, and all execute the same body: a drain (no partition key), a partition or a range of
them selected in the UI, and a drain that is configured with dates. The asset yields nothing: exactly the
partitions that arrived are recorded, as they arrive.
"""

from collections.abc import Iterator
from datetime import date

from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    BackfillPolicy,
    Config,
    DagsterRunStatus,
    Failure,
    RetryPolicy,
    RetryRequested,
    asset,
)
from pydantic import Field

from impact_in_pipelines.assets.beta import single_run_backfills
from impact_in_pipelines.assets.catalog import OPERATIONS
from impact_in_pipelines.assets.partitions import company_days, days_between, selected
from impact_in_pipelines.assets.recorder import Recorder
from impact_in_pipelines.dagster_instance.stopping import Stop, stoppable
from impact_in_pipelines.db.deliveries.selections import SelectedDay
from impact_in_pipelines.delivery.draining.drain import DrainSummary
from impact_in_pipelines.delivery.model import Selection
from impact_in_pipelines.delivery.states import DeliveryStatus, Trigger
from impact_in_pipelines.errors import DatabaseUnavailable, ImpactInError, UsageError
from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.resources.runtime import RuntimeResource
from impact_in_pipelines.runtime import Runtime

_STEP_RETRIES = RetryPolicy(max_retries=2, delay=5)
"""Layer 3 of D5: for a step that fails as a whole, such as a database that is away for a moment."""

FAILURES = "failures"
"""The metadata of a step's failure that lists the deliveries that failed for good."""


class ExportConfig(Config):
    """What a run without a partition key sends."""

    companies: list[str] = Field(default=[], description="Slugs; empty means all companies.")
    start: str | None = Field(
        default=None,
        description="First local day (YYYY-MM-DD) to send, whether due or not; empty: what is due.",
    )
    end: str | None = Field(default=None, description="Last local day to send, inclusive.")


def build_export(*, platform: Platform) -> AssetsDefinition:
    """The asset `{platform}_export`: one materialisation for each company-day that reached `platform`."""
    title = FACTS[platform].title

    @asset(
        name=f"{platform.value}_export",
        description=(
            f"Impact figures delivered to {title}. A green cell: that company's impact of that day has "
            "arrived. A red cell: it failed for good; its observation says why. To send it again, select "
            "the cell and materialise it."
        ),
        deps=[AssetKey("company_impact")],
        partitions_def=company_days,
        backfill_policy=BackfillPolicy.single_run(),
        retry_policy=_STEP_RETRIES,
        output_required=False,
        pool=platform.value,
        group_name="exports",
        kinds={"postgres", platform.value},
        tags={"platform": platform.value},
        owners=OPERATIONS,
    )
    def export(
        context: AssetExecutionContext, config: ExportConfig, runtime: RuntimeResource
    ) -> Iterator[None]:
        try:
            with stoppable() as stop:
                run_export(context, config, runtime.get(), platform, stop)
        except DatabaseUnavailable:
            raise
        except ImpactInError as error:
            # Trying again can't help what a person has to mend.
            raise Failure(description=str(error), allow_retries=False) from error
        yield from ()

    return export


def run_export(
    context: AssetExecutionContext,
    config: ExportConfig,
    runtime: Runtime,
    platform: Platform,
    stop: Stop,
) -> None:
    """Send what this run is for and record it.

    Raises `RetryRequested` while selected partitions wait for their next attempt (layer 2 of D5), and
    `Failure` if something failed for good or `stop` was requested: what was not sent is then due again.
    """
    if _is_terminated(context):
        # The interrupt came before we could listen, and Dagster's answer to it was to try again.
        stop.request()
    days = _selected_days(context, config, runtime, platform)
    run_id = None if days is None else context.run.run_id
    if days is not None:
        added = runtime.selections.add_selected(
            platform,
            days,
            trigger=Trigger.BACKFILL if "dagster/backfill" in context.run.tags else Trigger.MANUAL,
            run_id=context.run.run_id,
            now=runtime.clock(),
        )
        context.log.info(f"{added} of {len(days)} selected company-days are to be sent")
    recorder = Recorder(
        context,
        runtime.recording,
        platform=platform,
        asset_key=context.asset_key,
        run_id=run_id,
    )
    drain = runtime.drain(
        platform,
        dagster_run_id=context.run.run_id,
        on_settled=recorder.record_now_and_then,
        should_stop=lambda: stop.requested,
    )
    summary = drain.run(_selection(config, runtime, run_id))
    recorder.record()
    _report(context, summary, recorder)
    if stop.requested:
        if run_id is not None:
            runtime.selections.let_go(platform, run_id)
        raise _stopped(context, stop, summary)
    if run_id is not None and config.start is None:
        _wait_for_retries(context, runtime, platform, run_id)
    elif run_id is not None:
        runtime.selections.let_go(platform, run_id)
    failed = recorder.counts[DeliveryStatus.FAILED]
    if run_id is not None:
        # An earlier try of this step may have recorded failures of its own.
        failed = runtime.selections.outcome_of_run(platform, run_id).get(DeliveryStatus.FAILED, 0)
    if failed:
        raise Failure(
            description=_failure_text(failed, recorder, FACTS[platform].title),
            metadata={FAILURES: recorder.failure_table()},
            allow_retries=False,
        )


def _is_terminated(context: AssetExecutionContext) -> bool:
    run = context.instance.get_run_by_id(context.run.run_id)
    return run is not None and run.status is DagsterRunStatus.CANCELING


def _stopped(context: AssetExecutionContext, stop: Stop, summary: DrainSummary) -> Failure:
    """What ends the step at once, and the run as cancelled: nothing has failed."""
    if not _is_terminated(context):
        # A run whose step fails is a failed run, and tells people so, unless it was being cancelled.
        context.instance.report_run_canceling(context.run)
    cause = stop.signal.name if stop.signal is not None else "a request"
    return Failure(
        description=(
            f"Stopped by {cause}: {summary.delivered} delivered; what was not sent is due again"
        ),
        allow_retries=False,
    )


def _selected_days(
    context: AssetExecutionContext, config: ExportConfig, runtime: Runtime, platform: Platform
) -> list[SelectedDay] | None:
    """The company-days this run was started for; None: it is a drain of what is due."""
    if context.has_partition_key or context.has_partition_key_range:
        pairs = selected(context.partition_keys)
    elif config.start is not None or config.end is not None:
        pairs = _configured(config, runtime, platform)
    else:
        return None
    known = runtime.companies.by_slug(sorted({slug for slug, _ in pairs}))
    unknown = sorted({slug for slug, _ in pairs} - known.keys())
    if unknown:
        raise UsageError(f"no company {', '.join(map(repr, unknown))}; nothing was sent")
    return [SelectedDay(known[slug].id, known[slug].timezone, day) for slug, day in pairs]


def _configured(
    config: ExportConfig, runtime: Runtime, platform: Platform
) -> list[tuple[str, date]]:
    span = days_between(config.start, config.end)
    slugs = config.companies or _connected(runtime, platform)
    return [(slug, day) for slug in slugs for day in span]


def _connected(runtime: Runtime, platform: Platform) -> list[str]:
    """The active companies that have a connection to `platform`."""
    active = [company for company in runtime.companies.listed() if company.active]
    connected = runtime.connections.of_companies(platform, [company.id for company in active])
    return [company.slug for company in active if company.id in connected]


def _selection(config: ExportConfig, runtime: Runtime, run_id: str | None) -> Selection:
    if run_id is not None:
        return Selection(run_id=run_id)
    known = runtime.companies.by_slug(config.companies)
    unknown = sorted(set(config.companies) - known.keys())
    if unknown:
        raise UsageError(f"no company {', '.join(map(repr, unknown))}; nothing was sent")
    return Selection(company_ids=tuple(company.id for company in known.values()))


def _wait_for_retries(
    context: AssetExecutionContext, runtime: Runtime, platform: Platform, run_id: str
) -> None:
    """Selected partitions that are to be tried again keep the step up for retry until their time."""
    open_rows, next_attempt_at = runtime.selections.open_of_run(platform, run_id)
    if not open_rows or next_attempt_at is None:
        return
    wait_s = max(1.0, (next_attempt_at - runtime.clock()).total_seconds())
    context.log.warning(f"{open_rows} deliveries are tried again in {wait_s:.0f} s")
    # One more than the deliveries' own retries: a wait for a twin in flight must not use them up.
    raise RetryRequested(
        max_retries=runtime.settings.scheduler_max_retries + 1, seconds_to_wait=wait_s
    )


def _report(context: AssetExecutionContext, summary: DrainSummary, recorder: Recorder) -> None:
    context.log.info(
        f"planned {summary.planned}, claimed {summary.claimed}, delivered {summary.delivered}, "
        f"retrying {summary.retrying}, skipped as duplicate {summary.skipped}, "
        f"failed for good {recorder.counts[DeliveryStatus.FAILED]}"
    )


def _failure_text(count: int, recorder: Recorder, title: str) -> str:
    noun = "delivery" if count == 1 else "deliveries"
    first = next(iter(recorder.failures), None)
    example = (
        f"; the first: {first.company_slug} {first.period_start}: {first.last_error}"
        if first
        else ""
    )
    return f"{count} {noun} to {title} failed for good{example}"


def build_exports() -> list[AssetsDefinition]:
    """One export for each platform."""
    with single_run_backfills():
        return [build_export(platform=platform) for platform in Platform]


exports = build_exports()
