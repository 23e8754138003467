"""The composition root: what Dagster loads."""

from dagster import Definitions, in_process_executor

from impact_in_pipelines.assets.company_impact import company_impact
from impact_in_pipelines.assets.delivery_schedules import delivery_schedules
from impact_in_pipelines.assets.exports.factory import exports
from impact_in_pipelines.assets.exports.figures import figures
from impact_in_pipelines.assets.exports.figures_checks import figures_checks
from impact_in_pipelines.assets.external import observed
from impact_in_pipelines.assets.reporting.analytics import delivery_analytics
from impact_in_pipelines.assets.reporting.anomalies import anomalies
from impact_in_pipelines.assets.reporting.sla import sla_assets
from impact_in_pipelines.dagster_instance.process_logs import log_as_dagster_process
from impact_in_pipelines.dagster_instance.runs.warm_starts import start_runs_warm
from impact_in_pipelines.resources.console import LOGGERS
from impact_in_pipelines.resources.runtime import RuntimeResource
from impact_in_pipelines.schedules.changes import pause_or_resume
from impact_in_pipelines.schedules.first_start import first_start_sensor
from impact_in_pipelines.schedules.loaded import all_schedules
from impact_in_pipelines.sensors.loaded import all_sensors
from impact_in_pipelines.settings import get_settings

log_as_dagster_process()
start_runs_warm()
_settings = get_settings()

defs = Definitions(
    assets=[
        *observed,
        company_impact,
        *figures,
        *exports,
        delivery_schedules,
        *sla_assets,
        delivery_analytics,
        anomalies,
    ],
    asset_checks=[figures_checks],
    # The other jobs come with the schedules that start them.
    jobs=[pause_or_resume()],
    schedules=all_schedules(_settings),
    sensors=[*all_sensors(_settings), first_start_sensor(_settings)],
    loggers=LOGGERS,
    resources={"runtime": RuntimeResource()},
    # Backfills run as the implicit asset job; a process more for each step would cost 1.2 s.
    executor=in_process_executor,
)
