"""Platforms, and what holds them, on the wire."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from impact_in_pipelines.api.http.schemas import Input, Model, Moment, ShownPlatform
from impact_in_pipelines.delivery.holding.closures import Closure, HeldPlatform
from impact_in_pipelines.delivery.showing.sanitising import sanitised

Reason = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")]


class PlatformClosure(Model):
    """What holds a platform, or one company's connection to it. Nothing fails meanwhile."""

    company_id: UUID | None
    by: Literal["person", "platform_breaker", "connection_breaker", "platform_request"]
    held_by: str | None
    state: Literal["open", "half_open"] | None
    reason: str
    since: Moment
    next_probe_at: Moment | None


class HeldPlatformStatus(Model):
    """One platform: what holds it, and how many of the caller's deliveries that are due wait."""

    platform: ShownPlatform
    held: int
    oldest_due: Moment | None
    closures: list[PlatformClosure]


class PlatformList(Model):
    """Every platform."""

    data: list[HeldPlatformStatus]


class NewHold(Input):
    """A hold on one company's connection; without a company, on the whole platform."""

    company_id: UUID | None = None
    reason: Reason


class Resumption(Input):
    """What is to be resumed: one company's connection, or the platform."""

    company_id: UUID | None = None


class ResumedPlatform(Model):
    """What was resumed. Deliveries follow step by step, the oldest first."""

    platform: ShownPlatform
    company_id: UUID | None
    held: int


def closure_of(closure: Closure) -> PlatformClosure:
    """A closure as it goes out."""
    return PlatformClosure(
        company_id=closure.company_id,
        by=closure.by,
        held_by=closure.held_by,
        state=closure.state,
        reason=str(sanitised(closure.reason)),
        since=closure.since,
        next_probe_at=closure.next_probe_at,
    )


def platform_of(held: HeldPlatform) -> HeldPlatformStatus:
    """A platform as it goes out."""
    return HeldPlatformStatus(
        platform=held.platform.value,
        held=held.held,
        oldest_due=held.oldest,
        closures=[closure_of(one) for one in held.closures],
    )
