"""Refusals about platforms that are held and resumed."""

from datetime import datetime

from impact_in_pipelines.errors.base import Conflict, UsageError, refusal
from impact_in_pipelines.platforms import Platform


@refusal("platform.no_reason")
class HoldReasonMissing(UsageError):
    """The reason of a hold is what people read: it can't be empty."""


@refusal("platform.held")
class PlatformHeld(Conflict):
    """A person holds it already."""

    platform: Platform
    by: str


@refusal("platform.not_held")
class PlatformNotHeld(Conflict):
    """Nothing holds it: what is due is sent."""

    platform: Platform


@refusal("platform.resumed_lately")
class PlatformResumedLately(Conflict):
    """It was resumed a moment ago, and is being tried."""

    platform: Platform
    again_at: datetime
