"""The accounts the sandbox knows and its live configuration."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

BENEVITY_KEY = "sandbox-benevity-key"
GOODERA_KEY = "sandbox-goodera-key"
OAUTH_CLIENT_ID = "sandbox-client"
OAUTH_CLIENT_SECRET = "sandbox-secret"
WORKDAY_TENANT = "sandbox-tenant"
DEFAULT_PORT = 3999


class Service(StrEnum):
    """Everything the sandbox stands in for: three platforms and two alert sinks."""

    BENEVITY = "benevity"
    GOODERA = "goodera"
    WORKDAY = "workday"
    SLACK = "slack"
    PAGERDUTY = "pagerduty"


PLATFORMS = (Service.BENEVITY, Service.GOODERA, Service.WORKDAY)
SINKS = (Service.SLACK, Service.PAGERDUTY)
Platform = Literal[Service.BENEVITY, Service.GOODERA, Service.WORKDAY]


class Wire(BaseModel):
    """A JSON object in camelCase that refuses fields it doesn't know."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_alias=True,
        validate_by_name=True,
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
    )


class RateLimit(Wire):
    """How many requests one organisation may send; `per_day` None means no daily limit."""

    per_minute: Annotated[int, Field(ge=1)]
    per_day: Annotated[int, Field(ge=1)] | None = None


DESIGN_RATE_LIMITS: dict[Platform, RateLimit] = {
    Service.BENEVITY: RateLimit(per_minute=100, per_day=10_000),
    Service.GOODERA: RateLimit(per_minute=60),
    Service.WORKDAY: RateLimit(per_minute=30),
}


class SandboxConfig(Wire):
    """The live configuration; `POST /_sandbox/config` takes any part of it.

    `unknown_organizations` lists, per platform, the organisation, project or tenant ids that
    don't exist there; every other organisation does. With `one_token_per_client` a new access
    token ends the client's earlier ones. `workday_duplicates` says how Workday
    answers a repeat of an accepted transaction: with the first answer, with a conflict, or
    (`activity`) as a tenant that goes by the ids of activities, in whatever transaction. With
    `idempotency` off the platforms take every repeat as new, as a platform that ignores the key
    would; the ledger then shows what was doubled.
    """

    latency_ms: Annotated[int, Field(ge=0, le=60_000)] = 0
    token_lifetime_seconds: Annotated[int, Field(ge=0)] = 3600
    one_token_per_client: bool = False
    rate_limits_enabled: bool = True
    rate_limits: dict[Platform, RateLimit] = DESIGN_RATE_LIMITS
    unknown_organizations: dict[Platform, frozenset[str]] = {}
    workday_duplicates: Literal["replay", "conflict", "activity"] = "replay"
    idempotency: bool = True
    benevity_keys: Annotated[frozenset[str], Field(repr=False, exclude=True)] = frozenset(
        {BENEVITY_KEY}
    )
    goodera_keys: Annotated[frozenset[str], Field(repr=False, exclude=True)] = frozenset(
        {GOODERA_KEY}
    )
    oauth_clients: Annotated[dict[str, str], Field(repr=False, exclude=True)] = {
        OAUTH_CLIENT_ID: OAUTH_CLIENT_SECRET
    }
    workday_tenants: frozenset[str] = frozenset({WORKDAY_TENANT})

    def merged(self, change: "SandboxConfig") -> "SandboxConfig":
        """Return this configuration with the fields given in `change`, platform by platform."""
        given = {name: getattr(change, name) for name in change.model_fields_set}
        for per_platform in ("rate_limits", "unknown_organizations"):
            if per_platform in given:
                given[per_platform] = {**getattr(self, per_platform), **given[per_platform]}
        return self.model_copy(update=given)

    def knows(self, platform: Platform, *names: str) -> bool:
        """Whether none of these organisation, project or tenant ids was declared unknown."""
        unknown = self.unknown_organizations.get(platform)
        return unknown is None or unknown.isdisjoint(names)
