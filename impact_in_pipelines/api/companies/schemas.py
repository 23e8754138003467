"""Companies, connections and the audit log on the wire."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from impact_in_pipelines.api.http.schemas import (
    NO_NUL,
    Flag,
    Input,
    Model,
    Moment,
    ShownPlatform,
    Whole,
)
from impact_in_pipelines.connectors.credentials import credential_choices
from impact_in_pipelines.delivery.states import ErrorKind
from impact_in_pipelines.platforms import FACTS, Platform

Text = Annotated[str, Field(min_length=1, max_length=200, pattern=NO_NUL)]
Secret = Annotated[str, Field(min_length=1, max_length=4096, pattern=NO_NUL)]


class CompanyView(Model):
    """A tenant."""

    id: UUID
    slug: str = Field(examples=["acme"])
    name: str = Field(examples=["Acme AS"])
    country: str | None = Field(examples=["NO"])
    timezone: str = Field(examples=["Europe/Oslo"])
    active: bool
    created_at: Moment


class CompanyPage(Model):
    """A page of companies, by slug."""

    data: list[CompanyView]
    next_cursor: str | None


class NewCompany(Input):
    """A company to add."""

    slug: Annotated[
        str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$", examples=["acme"], max_length=63)
    ]
    name: Annotated[Text, Field(examples=["Acme AS"])]
    country: Annotated[str | None, Field(pattern=r"^[A-Z]{2}$", examples=["NO"])] = None
    timezone: Annotated[Text, Field(description="an IANA zone", examples=["Europe/Oslo"])] = "UTC"


class ConnectionOptions(Input):
    """What an account needs besides, by platform; a connector that was added may read others."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Text] = Field(init=False)

    auth: Literal["oauth", "api_key"] | None = None
    program_id: Text | None = None
    program_name: Text | None = None
    project_id: Text | None = None
    scope: Text | None = None


class ConnectionView(Model):
    """A company's account on a platform. Credentials are write-only: only their names are shown."""

    company_id: UUID
    company: str = Field(examples=["acme"])
    platform: ShownPlatform
    organization_id: str | None
    base_url: str | None
    options: dict[str, Any]
    enabled: bool
    rate_limit_per_minute: int | None
    max_concurrency: int | None
    credential_names: list[str]
    webhook_secret_set: bool
    lacks: list[str] = Field(description="what keeps it from being used; empty: nothing")
    updated_at: Moment


class ConnectionPage(Model):
    """A page of connections, by company and platform."""

    data: list[ConnectionView]
    next_cursor: str | None


def _credentials() -> list[str]:
    """What each platform knows an account by, in words."""
    return [f"{FACTS[platform].title}: {credential_choices(platform)}" for platform in Platform]


class ConnectionBody(Input):
    """Settings to change; what is absent or null stays as it is. `options` are replaced whole."""

    organization_id: Text | None = None
    base_url: Annotated[
        str | None,
        Field(
            max_length=500,
            pattern=r"^https?://[^\s@?#/\x00]+(/[^\s@?#\x00]*)?$",
            examples=["https://api.account.example"],
        ),
    ] = None
    credentials: Annotated[
        dict[Text, Secret] | None,
        Field(
            description=f"{'; '.join(_credentials())}; encrypted, never shown",
            json_schema_extra={"writeOnly": True},
            max_length=8,
        ),
    ] = None
    options: ConnectionOptions | None = None
    enabled: Flag | None = None
    rate_limit_per_minute: Annotated[Whole | None, Field(ge=1, le=100_000)] = None
    max_concurrency: Annotated[Whole | None, Field(ge=1, le=1_000)] = None
    webhook_secret: Annotated[
        Secret | None,
        Field(
            min_length=16,
            description="the secret with which the platform signs its call-backs; whsec_… "
            "(Base64) for Standard Webhooks; encrypted, never shown",
            json_schema_extra={"writeOnly": True},
        ),
    ] = None


class ConnectionTest(Model):
    """The result of testing an account without delivering anything."""

    ok: bool
    verified: list[str]
    not_verified: list[str]
    error_kind: ErrorKind | None = Field(description="the kind of failure", examples=["network"])
    error: str | None = Field(description="the kind of failure in words")


class AuditEntry(Model):
    """One change: who, what, before and after. Of secrets only that they changed."""

    id: UUID
    at: Moment
    actor: str
    action: str = Field(examples=["schedule.pause"])
    company_id: UUID | None
    company: str | None
    subject: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class AuditPage(Model):
    """A page of changes, the latest first."""

    data: list[AuditEntry]
    next_cursor: str | None
