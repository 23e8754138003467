"""Maintenance windows: announced, listed and ended. Notices about what lies in one are withheld."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from impact_in_pipelines.errors.alerts import (
    MaintenancePast,
    MaintenanceReasonMissing,
    MaintenanceReversed,
    MaintenanceScopeMissing,
)
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.sla.incidents import MaintenanceWindow

PAST_SHOWN = timedelta(days=365)
_FOR_EVER = datetime(9999, 1, 1, tzinfo=UTC)


def add_maintenance(
    runtime: Runtime,
    *,
    company_id: UUID | None,
    platform: Platform | None,
    starts_at: datetime | None,
    ends_at: datetime,
    reason: str,
    actor: str,
) -> MaintenanceWindow:
    """Withhold notices about a company, a platform, or one on the other from `starts_at` (None: now) up to
    `ends_at`. Audited.

    Raises `MaintenanceScopeMissing`, `MaintenanceReasonMissing`, `MaintenanceReversed`, `MaintenancePast`.
    """
    now = runtime.clock()
    start = starts_at or now
    if company_id is None and platform is None:
        raise MaintenanceScopeMissing
    if not reason.strip():
        raise MaintenanceReasonMissing
    if ends_at <= start:
        raise MaintenanceReversed(start, ends_at)
    if ends_at <= now:
        raise MaintenancePast(ends_at)
    return runtime.maintenance.add(
        company_id=company_id,
        platform=platform,
        starts_at=start,
        ends_at=ends_at,
        reason=reason,
        by=actor,
        now=now,
    )


def end_maintenance(runtime: Runtime, window: str, *, actor: str) -> MaintenanceWindow:
    """End the window that `window` (an id or its beginning) names, now. Audited.

    Raises `IdMalformed`, `IdAmbiguous`, `MaintenanceUnknown`, `MaintenanceOver`.
    """
    return runtime.maintenance.end(window, by=actor, now=runtime.clock())


def listed_maintenance(runtime: Runtime, *, past: bool) -> Sequence[MaintenanceWindow]:
    """The windows that are open or still to come, the next to end first; with `past` those of the last 365
    days too."""
    now = runtime.clock()
    return runtime.maintenance.overlapping(now - PAST_SHOWN if past else now, _FOR_EVER)
