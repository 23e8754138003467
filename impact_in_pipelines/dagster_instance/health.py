"""How Dagster is: its storage, its daemon, and whether schedules and sensors are on."""

from datetime import UTC, datetime

import dagster
from dagster import DagsterInstance, DefaultScheduleStatus, DefaultSensorStatus, Definitions

from impact_in_pipelines.db.engine import Database, translated_errors
from impact_in_pipelines.errors import DatabaseUnavailable
from impact_in_pipelines.services.operating.health import Diagnosis, Fact

_SILENT_AFTER_S = 90.0
"""Each of the daemon's parts says every 30 s that it is at work."""

_STOPPED = "STOPPED"
"""What Dagster keeps of a schedule or sensor that a person has switched off."""

_RUNNING = (DefaultScheduleStatus.RUNNING, DefaultSensorStatus.RUNNING)


def examined(definitions: Definitions, database: Database, now: datetime) -> list[Diagnosis]:
    """The findings about the instance that DAGSTER_HOME names, at `now` (UTC). `definitions` are ours; its
    storage is on the server of `database`."""
    try:
        with translated_errors(database.url), DagsterInstance.get() as instance:
            storage = Diagnosis(Fact.STORAGE_ANSWERS, {"version": dagster.__version__})
            return [storage, _daemon(instance, now), _automation(instance, definitions)]
    except DatabaseUnavailable as error:
        return [Diagnosis(Fact.STORAGE_FAILS, {"why": error})]


def _daemon(instance: DagsterInstance, now: datetime) -> Diagnosis:
    beats = instance.get_daemon_heartbeats()
    ages = {
        kind: now - datetime.fromtimestamp(beats[kind].timestamp, UTC) if kind in beats else None
        for kind in instance.get_required_daemon_types()
    }
    silent = [
        kind for kind, age in ages.items() if age is None or age.total_seconds() > _SILENT_AFTER_S
    ]
    known = [age for age in ages.values() if age is not None]
    seconds = max(known).total_seconds() if known else None
    if silent:
        return Diagnosis(Fact.DAEMON_SILENT, {"parts": sorted(silent), "seconds": seconds})
    return Diagnosis(Fact.DAEMON_AT_WORK, {"seconds": seconds or 0.0})


def _automation(instance: DagsterInstance, definitions: Definitions) -> Diagnosis:
    stored = {one.instigator_name: one.status.value for one in instance.all_instigator_state()}
    ours = (*(definitions.schedules or ()), *(definitions.sensors or ()))
    wanted = [one.name for one in ours if one.default_status in _RUNNING]
    off = [name for name in wanted if stored.get(name) == _STOPPED]
    if off:
        return Diagnosis(Fact.AUTOMATION_OFF, {"names": sorted(off)})
    return Diagnosis(Fact.AUTOMATION_ON, {"count": len(wanted)})
