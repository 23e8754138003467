"""Accounts of the sandbox, a day of figures, and one attempt to send it."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

from impact_in_pipelines.connectors.http.transport import Transport
from impact_in_pipelines.connectors.registry import connector_for, mapping_for
from impact_in_pipelines.delivery.model import Connection, SendResult, Shipment
from impact_in_pipelines.delivery.payload import Payload
from impact_in_pipelines.delivery.states import AttemptOutcome, ErrorKind
from impact_in_pipelines.impact.figures import ActivityFigures, ImpactFigures, OutcomeFigures
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sandbox.accounts.config import (
    BENEVITY_KEY,
    GOODERA_KEY,
    OAUTH_CLIENT_ID,
    OAUTH_CLIENT_SECRET,
    WORKDAY_TENANT,
)
from impact_in_pipelines.sandbox.server import Sandbox

DELIVERED, RETRYABLE = AttemptOutcome.DELIVERED, AttemptOutcome.RETRYABLE
PERMANENT, SPLIT = AttemptOutcome.PERMANENT, AttemptOutcome.SPLIT
COMPANY = UUID("00000000-0000-4000-8000-000000000001")
NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
CLIENT = {"client_id": OAUTH_CLIENT_ID, "client_secret": OAUTH_CLIENT_SECRET}
CREDENTIALS = {
    Platform.BENEVITY: {"api_key": BENEVITY_KEY},
    Platform.GOODERA: {"api_key": GOODERA_KEY},
    Platform.WORKDAY: {**CLIENT, "tenant_id": WORKDAY_TENANT},
}


@dataclass
class Tokens:
    """A token store in memory."""

    kept: dict[str, tuple[str, datetime]] = field(default_factory=dict)

    def get(self, key: str, now: datetime) -> str | None:
        """The token that is good at `now`, or None."""
        token, expires_at = self.kept.get(key, ("", now))
        return token if expires_at > now else None

    def put(self, key: str, token: str, expires_at: datetime) -> None:
        """Keep `token`."""
        self.kept[key] = (token, expires_at)

    def forget(self, key: str, token: str) -> None:
        """Drop `token` if it is kept."""
        if self.kept.get(key, ("",))[0] == token:
            del self.kept[key]


def account(
    sandbox: Sandbox, platform: Platform, credentials: dict[str, str] | None = None
) -> Connection:
    """An account of the sandbox."""
    return Connection(
        company_id=COMPANY,
        platform=platform,
        organization_id="org-1",
        base_url=f"{sandbox.url}/{platform}",
        credentials=CREDENTIALS[platform] if credentials is None else credentials,
    )


def figures(**changes: Any) -> ImpactFigures:
    """A day with every kind of figure."""
    values: dict[str, Any] = {
        "company_id": COMPANY,
        "period_start": date(2026, 3, 1),
        "period_end": date(2026, 3, 1),
        "timezone": "UTC",
        "participants": 41,
        "volunteers": 12,
        "volunteer_hours": 96.25,
        "sessions": 7,
        "events": 60,
        "activities": (
            ActivityFigures("mentoring", 30.5, 12, 8, 20),
            ActivityFigures("session", 65.75, 30, 9, 7),
        ),
        "outcomes": (
            OutcomeFigures("integration", 0.6789, 20, 0.1, 0.9),
            OutcomeFigures("job_readiness", 1.0, 11, 1.0, 1.0),
            OutcomeFigures("language", 10.0, 18, 10.0, 10.0),
            OutcomeFigures("well_being", 3.3333, 9, 1.0, 5.0),
        ),
    }
    return ImpactFigures(**{**values, **changes})


def shipment(
    connection: Connection, *payloads: Payload, key: UUID | None = None, is_batch: bool = False
) -> Shipment:
    """One attempt; by default with the payload of `figures` under a new key."""
    return Shipment(
        connection=connection,
        key=key or uuid4(),
        request_id=uuid4(),
        payloads=payloads or (mapping_for(connection.platform)(figures(), connection, NOW),),
        is_batch=is_batch,
    )


def send(sandbox: Sandbox, transport: Transport, platform: Platform, **changes: Any) -> SendResult:
    """One attempt with a connector of its own."""
    return connector_for(platform, transport, Tokens()).send(
        shipment(account(sandbox, platform), **changes)
    )


def verdict(result: SendResult) -> tuple[AttemptOutcome, ErrorKind | None]:
    """Outcome and kind."""
    return result.outcome, result.error_kind


OAUTH = [(Platform.WORKDAY, CREDENTIALS[Platform.WORKDAY]), (Platform.BENEVITY, CLIENT)]
