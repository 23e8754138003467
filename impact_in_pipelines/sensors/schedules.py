"""The table of schedules in Dagster follows the database."""

from dagster import (
    DefaultSensorStatus,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    sensor,
)

from impact_in_pipelines.assets.delivery_schedules import as_materialization
from impact_in_pipelines.resources.runtime import RuntimeResource


@sensor(
    name="schedules_are_shown",
    minimum_interval_seconds=60,
    default_status=DefaultSensorStatus.RUNNING,
    description="Refreshes the asset delivery_schedules when a schedule was changed or has fired, or what "
    "is held has changed.",
)
def schedule_table(
    context: SensorEvaluationContext, runtime: RuntimeResource
) -> SensorResult | SkipReason:
    """Report a materialization without a run; the cursor is the version of the table that was shown."""
    parts = runtime.get()
    held = parts.closures.overview(parts.clock())
    # What is held changes no schedule: the table follows it as well.
    holds = [
        (c.platform.value, str(c.company_id), c.kind, c.state) for p in held for c in p.closures
    ]
    version = parts.schedules.version() + (f" {holds}" if holds else "")
    if context.cursor == version:
        return SkipReason("no schedule has changed")
    schedules = parts.schedules.listed()
    stats = parts.schedules.stats(parts.clock())
    slugs = {one.id: one.slug for one in parts.companies.listed()} if holds else {}
    shown = as_materialization(schedules, stats, held, slugs)
    return SensorResult(asset_events=[shown], cursor=version)
