"""Platforms and connections that are held: listed, held by a person, resumed (design D12).

A hold on a whole platform has no company. Held, nothing is sent and nothing fails; what is due keeps its
place.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from impact_in_pipelines.delivery.holding.closures import Closure, HeldPlatform
from impact_in_pipelines.errors.platforms import (
    HoldReasonMissing,
    PlatformHeld,
    PlatformNotHeld,
    PlatformResumedLately,
)
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Resumed:
    """What was resumed, and how many deliveries were held until now."""

    platform: Platform
    company_id: UUID | None
    held: int


def listed(runtime: Runtime, company_ids: Sequence[UUID] | None = None) -> list[HeldPlatform]:
    """Each platform with what holds it or connections of these companies (None: all), and how many of their
    deliveries are held."""
    return runtime.closures.overview(runtime.clock(), company_ids=company_ids)


def hold(
    runtime: Runtime,
    platform: Platform,
    *,
    company_id: UUID | None,
    reason: str,
    actor: str,
) -> Closure:
    """Send nothing to a platform, or on one company's connection, until it is resumed. Audited; people are
    reminded of it once a day.

    Raises `HoldReasonMissing`, `PlatformHeld`.
    """
    if not reason.strip():
        raise HoldReasonMissing
    made = runtime.closures.hold(
        platform, company_id, reason=reason.strip(), by=actor, now=runtime.clock()
    )
    if made is None:
        (held,) = [
            one
            for one in runtime.closures.in_force(runtime.clock())
            if (one.platform, one.company_id, one.kind) == (platform, company_id, "person")
        ]
        raise PlatformHeld(platform, held.held_by or "")
    return made


def resume(runtime: Runtime, platform: Platform, *, company_id: UUID | None, actor: str) -> Resumed:
    """Lift a person's hold; what a breaker holds is tried at once, by one delivery as ever. Audited.

    Raises `PlatformNotHeld`, and `PlatformResumedLately` within the cool-down of the last resume: clicking
    must not become a way to hammer a platform.
    """
    now = runtime.clock()
    cooldown = timedelta(seconds=runtime.settings.breaker_resume_cooldown_seconds)
    result = runtime.closures.resume(
        platform, company_id, by=actor, now=now, resumed_before=now - cooldown
    )
    if result is None:
        raise PlatformNotHeld(platform)
    if result.resumed_at is not None:
        raise PlatformResumedLately(platform, result.resumed_at + cooldown)
    return Resumed(platform, company_id, result.held)
