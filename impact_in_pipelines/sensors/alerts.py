"""The alert sensors: thin ticks that write incidents and notices, and send what is to be sent.

Unlike the schedules' ticks these have effects, and evaluating one in the UI has them too. That is harmless:
each does what is due at that moment, once, whoever asks (an incident is opened once, a notice written once).
"""

from collections.abc import Callable

from dagster import (
    DefaultSensorStatus,
    SensorDefinition,
    SensorEvaluationContext,
    SkipReason,
    sensor,
)

from impact_in_pipelines.db.engine import translated_errors
from impact_in_pipelines.errors import DatabaseUnavailable
from impact_in_pipelines.plurals import count
from impact_in_pipelines.resources.runtime import RuntimeResource
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.services.alerts import Alerts, Watched
from impact_in_pipelines.services.impact.uploads import purge as purge_uploads
from impact_in_pipelines.settings import Settings
from impact_in_pipelines.wording import sentence


def alert_sensors(settings: Settings) -> list[SensorDefinition]:
    """`sla_breaches`, `platform_outages` and `corrections_to_decide` (off by default where
    ENABLE_SLA_MONITORING is false) and `send_notifications`, which always runs: what was written is to be
    sent."""
    monitoring = _status(settings.enable_sla_monitoring)

    @sensor(
        name="sla_breaches",
        minimum_interval_seconds=60,
        default_status=monitoring,
        description="Opens an incident for each SLA breach, raises it, and closes it on recovery.",
    )
    def sla_breaches(context: SensorEvaluationContext, runtime: RuntimeResource) -> SkipReason:
        return _tick(runtime, lambda parts: _watched(context, Alerts(parts).watch_sla()))

    @sensor(
        name="platform_outages",
        minimum_interval_seconds=60,
        default_status=monitoring,
        description=(
            "Opens one incident when every attempt at a platform has failed for "
            f"{count(settings.outage_after_minutes, 'minute')}, whichever company's."
        ),
    )
    def platform_outages(context: SensorEvaluationContext, runtime: RuntimeResource) -> SkipReason:
        return _tick(runtime, lambda parts: _watched(context, Alerts(parts).watch_outages()))

    @sensor(
        name="corrections_to_decide",
        minimum_interval_seconds=120,
        default_status=monitoring,
        description=(
            "Opens one incident for each platform on which delivered figures have changed and "
            "companies must decide on the correction. Each of these companies has a notice of "
            "its own."
        ),
    )
    def corrections_to_decide(
        context: SensorEvaluationContext, runtime: RuntimeResource
    ) -> SkipReason:
        return _tick(runtime, lambda parts: _watched(context, Alerts(parts).watch_corrections()))

    @sensor(
        name="send_notifications",
        minimum_interval_seconds=30,
        default_status=DefaultSensorStatus.RUNNING,
        description=(
            "Sends the outbox to Slack and PagerDuty, in order; what fails is sent later. Once a "
            "day it removes old notices and "
            "incidents."
        ),
    )
    def send_notifications(
        context: SensorEvaluationContext, runtime: RuntimeResource
    ) -> SkipReason:
        return _tick(runtime, lambda parts: _sent(context, parts))

    return [sla_breaches, platform_outages, corrections_to_decide, send_notifications]


def _tick(runtime: RuntimeResource, act: Callable[[Runtime], str]) -> SkipReason:
    """What `act` says it did. A database that is away is a reason to skip, never a finding."""
    try:
        parts = runtime.get()
        with translated_errors(parts.database.url):
            return SkipReason(act(parts))
    except DatabaseUnavailable as error:
        return SkipReason(f"nothing was judged: {sentence(error)}")


def _watched(context: SensorEvaluationContext, watched: Watched | None) -> str:
    for line in watched.moved if watched else ():
        context.log.info(line)  # the tick's log says which, its reason only how many
    return "another tick is at it" if watched is None else str(watched)


def _sent(context: SensorEvaluationContext, parts: Runtime) -> str:
    alerts, today = Alerts(parts), parts.clock().date().isoformat()
    if context.cursor != today:
        # Once a day; the cursor moves only if it has succeeded.
        purged = alerts.purge()
        purge_uploads(parts)
        context.update_cursor(today)
        if purged.notices or purged.incidents or purged.budgets:
            context.log.info(
                f"dropped {count(purged.notices, 'old notice')}, {count(purged.incidents, 'old incident')}, "
                f"the limits of {count(purged.budgets, 'account')}"
            )
    sent = alerts.send()
    for trouble in sent.troubles:
        context.log.warning(trouble)
    by_channel = ", ".join(f"{name} {count}" for name, count in sent.accepted.items())
    said = f"sent: {by_channel}" if sent.total else "nothing was sent"
    waiting = sum(one.waiting for one in parts.outbox.backlog())
    return f"{said}; {waiting} waiting" + (f"; {sent.troubles[0]}" if sent.troubles else "")


def _status(running: bool) -> DefaultSensorStatus:
    return DefaultSensorStatus.RUNNING if running else DefaultSensorStatus.STOPPED
