"""What keeps a connection or a platform closed: a platform's request, a breaker, or a person (D12)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from impact_in_pipelines.platforms import Platform


@dataclass(frozen=True, slots=True)
class Closure:
    """Nothing is sent on this connection before `closed_until` (UTC); `company_id` None: on none of the
    platform's. `since` is when it was closed, `reason` one line without secrets.

    `kind`: `retry_after`, `breaker` (then `closed_until` is when the next canary may go, `state` and `cause`
    are those of `delivery.holding.breaking`) or `person` (`held_by`, until they resume it)."""

    company_id: UUID | None
    platform: Platform
    kind: str
    closed_until: datetime
    since: datetime
    reason: str
    state: str | None = None
    cause: str | None = None
    held_by: str | None = None
    probing: bool = False

    @property
    def by(self) -> str:
        """What holds: `platform_breaker`, `connection_breaker`, `person` or `platform_request`."""
        match self.kind:
            case "breaker":
                return "platform_breaker" if self.company_id is None else "connection_breaker"
            case "person":
                return "person"
            case _:
                return "platform_request"

    @property
    def next_probe_at(self) -> datetime | None:
        """When something is tried again by itself; None: when a person says so."""
        return None if self.kind == "person" else self.closed_until


@dataclass(frozen=True, slots=True)
class HeldPlatform:
    """One platform with the closures in force, its own first, and how many deliveries that are due they hold,
    the oldest due since `oldest`."""

    platform: Platform
    closures: Sequence[Closure]
    held: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class Hold:
    """What a delivery that waits is held by (D12): `by` is `person` (`who`), `platform_breaker`,
    `connection_breaker` or `platform_request`; `next_probe_at` (UTC) is when something is tried again, None:
    when the person says so. `reason` is as stored: sanitise before showing."""

    by: str
    who: str | None
    reason: str
    since: datetime
    next_probe_at: datetime | None

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Hold":
        """The hold that the log's `@hold` tells of (db/queries.py)."""
        probe = stored["next_probe_at"]
        return cls(
            by=stored["by"],
            who=stored["who"],
            reason=stored["reason"],
            since=datetime.fromisoformat(stored["since"]),
            next_probe_at=datetime.fromisoformat(probe) if probe else None,
        )
