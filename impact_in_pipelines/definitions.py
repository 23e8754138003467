"""The composition root: what Dagster loads."""

from dagster import Definitions, in_process_executor

from impact_in_pipelines.assets.exports import exports
from impact_in_pipelines.assets.external import impact_deliveries, impact_events
from impact_in_pipelines.resources.runtime_resource import RuntimeResource
from impact_in_pipelines.schedules.drains import drains
from impact_in_pipelines.sensors.companies import company_partitions
from impact_in_pipelines.settings import get_settings

_jobs, _schedules = drains(get_settings())

defs = Definitions(
    assets=[impact_events, *exports, impact_deliveries],
    jobs=_jobs,
    schedules=_schedules,
    sensors=[company_partitions],
    resources={"runtime": RuntimeResource()},
    # Backfills run as the implicit asset job; a process more for each step would cost 1.2 s.
    executor=in_process_executor,
)
