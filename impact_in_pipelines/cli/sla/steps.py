"""The command that begins the work on a recommendation; the recommendation itself names none."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "renew_credential": "impact-in connections set {company} {platform} --credentials -",
        "complete_connection": (
            "impact-in connections set {company} {platform} --base-url URL --credentials -"
        ),
        "correct_data": "impact-in deliveries show {delivery}",
        "find_cause": "impact-in deliveries show {delivery}",
        "call_platform": "impact-in deliveries show {delivery}",
        "raise_or_spread": "impact-in schedules plan",
        "keep_scheduler_running": "impact-in schedules list",
        "mend_failing_schedule": "impact-in schedules show {schedule}",
        "shorten_latency": "impact-in schedules plan",
        "spread_minute": "impact-in schedules plan",
        "stop_burning": "impact-in deliveries list --status failed --platform {platform}",
        "mend_before_retrying": "impact-in deliveries list --status failed --platform {platform}",
        "replay_failed": "impact-in deliveries replay --all-failed{of_company}",
    }
)
"""By the rule of the recommendation."""


def command_of(recommendation: Mapping[str, Any]) -> str | None:
    """What to type for a report's `recommendationDetails[n]`, or None."""
    template = COMMANDS.get(recommendation["rule"])
    if template is None:
        return None
    named = {name: recommendation.get(name) for name in ("company", "platform")}
    delivery, schedule = recommendation.get("deliveryId"), recommendation.get("scheduleId")
    typed = template.format(
        company=named["company"] or "COMPANY",
        platform=named["platform"] or "PLATFORM",
        delivery=delivery[:8] if delivery else "ID",
        schedule=schedule[:13] if schedule else "ID",
        of_company=f" --company {named['company']}" if named["company"] else "",
    )
    # Of all platforms: no filter.
    return typed.replace(" --platform PLATFORM", "")
