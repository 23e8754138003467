"""What a person can mend, as codes with parameters; `wording` makes sentences of them."""

from impact_in_pipelines.errors.base import (
    REFUSALS,
    Conflict,
    DatabaseUnavailable,
    Gone,
    ImpactInError,
    InvalidSchedule,
    InvalidSetting,
    NotFound,
    UsageError,
    refusal,
)

__all__ = [
    "REFUSALS",
    "Conflict",
    "DatabaseUnavailable",
    "Gone",
    "ImpactInError",
    "InvalidSchedule",
    "InvalidSetting",
    "NotFound",
    "UsageError",
    "refusal",
]
