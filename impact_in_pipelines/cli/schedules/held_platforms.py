"""Which platforms a scheduler holds: their drain schedule is switched off in Dagster."""

import os
from collections.abc import Iterator, Sequence

from impact_in_pipelines.dagster_instance.environment import dagster_environment
from impact_in_pipelines.errors import ImpactInError
from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.settings import Settings
from impact_in_pipelines.sla.incidents import PlatformHealth, PlatformState


def held_platforms(settings: Settings) -> list[Platform] | None:
    """The platforms whose drain schedule is off; None if Dagster can't be asked."""
    from impact_in_pipelines.dagster_instance.automation import running_by_schedule_name

    try:
        os.environ.update(dagster_environment(settings))
    except (ImpactInError, OSError):
        return None
    running = running_by_schedule_name()
    if running is None:
        return None
    return [
        platform
        for platform in Platform
        if not running.get(f"deliver_to_{platform.value}", settings.enable_scheduler)
    ]


def held_in_words(held: Sequence[Platform] | None) -> Iterator[str]:
    """A sentence for each held platform, or that nobody knows."""
    if held is None:
        yield "Whether the drains are on is not known: Dagster's storage doesn't answer."
        return
    for platform in held:
        yield (
            f"{FACTS[platform].title} is held: its drain schedule deliver_to_{platform.value} is "
            "off. What falls due waits and is caught up when it is on again."
        )


def unwell_in_words(health: Sequence[PlatformHealth]) -> Iterator[str]:
    """A sentence for each platform that doesn't answer as it should."""
    for one in health:
        if one.state is not PlatformState.HEALTHY:
            which = "is out" if one.state is PlatformState.OUTAGE else "fails throughout"
            because = f": {one.reason}" if one.reason else ""
            yield f"{FACTS[one.platform].title} {which} since {one.since:%Y-%m-%d %H:%M} UTC{because}"
