"""Every schedule that Dagster loads."""

from collections.abc import Sequence

from dagster import ScheduleDefinition

from impact_in_pipelines.schedules.anomalies import daily_anomalies
from impact_in_pipelines.schedules.drains import drain_schedules
from impact_in_pipelines.schedules.evidence import daily_evidence
from impact_in_pipelines.schedules.impact import hourly_refresh
from impact_in_pipelines.schedules.retention import nightly_retention
from impact_in_pipelines.schedules.sla import sla_schedules
from impact_in_pipelines.settings import Settings


def all_schedules(settings: Settings) -> Sequence[ScheduleDefinition]:
    """All of them, each with the job that it starts."""
    return [
        *drain_schedules(settings),
        hourly_refresh(settings),
        *sla_schedules(settings),
        daily_anomalies(settings),
        nightly_retention(),
        daily_evidence(),
    ]
