"""Every sensor that Dagster loads, but the one of the schedules' first start, which is theirs."""

from collections.abc import Sequence

from dagster import SensorDefinition

from impact_in_pipelines.sensors.alerts import alert_sensors
from impact_in_pipelines.sensors.companies import company_partitions
from impact_in_pipelines.sensors.freshness import freshness_sensor
from impact_in_pipelines.sensors.notices import notice_sensor
from impact_in_pipelines.sensors.run_failures import run_failures
from impact_in_pipelines.sensors.schedules import schedule_table
from impact_in_pipelines.settings import Settings


def all_sensors(settings: Settings) -> Sequence[SensorDefinition]:
    """All of them; the settings say which are on."""
    return [
        company_partitions,
        schedule_table,
        *alert_sensors(settings),
        freshness_sensor(settings),
        notice_sensor(),
        run_failures,
    ]
