"""The settings of what companies may settle for themselves."""

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field

OWN_LEVELS = (
    "success_rate_target_percent",
    "success_rate_warning_percent",
    "on_time_rate_target_percent",
    "latency_target_ms",
    "latency_warning_ms",
    "consecutive_failures_critical",
    "overdue_critical_after_minutes",
)
"""Service levels that a company can be allowed to have its own number for, without `sla_`."""

_LIMIT = re.compile(
    rf"({'|'.join(OWN_LEVELS)})=(\d{{1,9}}(?:\.\d{{1,3}})?)\.\.(\d{{1,9}}(?:\.\d{{1,3}})?)"
)
LevelLimits = tuple[tuple[str, float, float], ...]
"""Name, lowest, highest, both inclusive."""
USUAL_LIMITS = (
    "success_rate_target_percent=90..100; success_rate_warning_percent=80..100; "
    "on_time_rate_target_percent=80..100; latency_target_ms=60000..3600000; "
    "latency_warning_ms=30000..3600000; consecutive_failures_critical=1..10; "
    "overdue_critical_after_minutes=5..240"
)


def level_limits(value: Any) -> Any:
    """`latency_target_ms=60000..600000; …`, each at most once; `none`: nothing is allowed."""
    if not isinstance(value, str):
        return value
    if value.strip() == "none":
        return ()
    found = []
    for one in filter(None, (part.strip() for part in value.split(";"))):
        match = _LIMIT.fullmatch(one)
        if match is None or float(match[2]) > float(match[3]):
            raise ValueError("holds something else")
        found.append((match[1], float(match[2]), float(match[3])))
    if len({name for name, _, _ in found}) < len(found):
        raise ValueError("says something twice")
    return tuple(found)


class CompanySettings(BaseModel):
    """Part of `settings.Settings`: what companies may settle for themselves."""

    sla_company_limits: Annotated[LevelLimits, BeforeValidator(level_limits)] = Field(
        level_limits(USUAL_LIMITS),
        description="service levels that companies may set for themselves, with the lowest and highest, "
        "such as latency_target_ms=60000..600000; success_rate_target_percent=95..100; or none",
    )
