"""The sensor that notifies companies: a thin tick that finds what has happened, and sends.

As those of alerts it has effects, and evaluating it in the UI has them too: it does what is due, once.
"""

from dagster import (
    DefaultSensorStatus,
    SensorDefinition,
    SensorEvaluationContext,
    SkipReason,
    sensor,
)

from impact_in_pipelines.db.engine import translated_errors
from impact_in_pipelines.errors import DatabaseUnavailable
from impact_in_pipelines.resources.runtime import RuntimeResource
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.services.notices.sending import (
    purge_notices,
    send_notices,
    write_notices,
)
from impact_in_pipelines.wording import sentence


def notice_sensor() -> SensorDefinition:
    """`notify_companies`, which always runs: without channels it reads two rows."""

    @sensor(
        name="notify_companies",
        minimum_interval_seconds=30,
        default_status=DefaultSensorStatus.RUNNING,
        description=(
            "Notifies companies of what happened to their deliveries, by e-mail, Slack and webhooks; "
            "what fails is sent later. Once a day it removes old notices."
        ),
    )
    def notify_companies(context: SensorEvaluationContext, runtime: RuntimeResource) -> SkipReason:
        try:
            parts = runtime.get()
            with translated_errors(parts.database.url):
                return SkipReason(_notified(context, parts))
        except DatabaseUnavailable as error:
            return SkipReason(f"nobody was notified: {sentence(error)}")

    return notify_companies


def _notified(context: SensorEvaluationContext, parts: Runtime) -> str:
    today = parts.clock().date().isoformat()
    if context.cursor != today:
        # Once a day; the cursor moves only if it has succeeded.
        purge_notices(parts)
        context.update_cursor(today)
    written = write_notices(parts)
    sent = send_notices(parts)
    for channel_id in sent.disabled:
        context.log.warning(f"notice channel {channel_id} was switched off: it failed for too long")
    found = "another tick is at it" if written is None else f"written: {written}"
    return f"{found}; sent: {sent.accepted}" + (
        f"; not accepted: {sent.refused}" if sent.refused else ""
    )
