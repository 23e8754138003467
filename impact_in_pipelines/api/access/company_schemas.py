"""A company's tokens on the wire."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from impact_in_pipelines.api.http.schemas import NO_NUL, Input, Model, Moment, Whole

RoleName = Literal["ADMIN_CONSOLE", "MANAGE_INTEGRATIONS"]


class NewApiToken(Input):
    """A token to make."""

    name: str = Field(
        min_length=1,
        max_length=100,
        pattern=NO_NUL,
        description="what people call it",
        examples=["Nightly export"],
    )
    roles: list[RoleName] = Field(
        max_length=2,
        description="ADMIN_CONSOLE views; with MANAGE_INTEGRATIONS it changes too",
        examples=[["ADMIN_CONSOLE"]],
    )
    days: Whole = Field(90, ge=1, le=366, description="for how many days it is valid")


class ApiTokenView(Model):
    """A token for programs; the token itself is never shown again."""

    id: UUID
    company_id: UUID
    name: str = Field(description="what people call it", examples=["Nightly export"])
    shown: str = Field(description="its first and last characters", examples=["impactin_a1B…x9Yz"])
    roles: list[str] = Field(description="what it may do", examples=[["ADMIN_CONSOLE"]])
    created_by: str
    created_at: Moment
    expires_at: Moment
    last_used_at: Moment | None = Field(
        description="when it was used last, to the minute; null: never"
    )
    revoked_at: Moment | None = Field(description="when it was revoked; null: it wasn't")
    revoked_by: str | None = Field(description="who revoked it; null: nobody")


class ApiTokenList(Model):
    """A company's tokens, the latest first; those that have ended for a month more."""

    data: list[ApiTokenView] = Field(description="the tokens")


class MadeApiToken(Model):
    """A token that was made."""

    listed: ApiTokenView = Field(description="as it is listed from now on")
    token: str | None = Field(
        description="the token itself, shown only now; null when the answer is repeated",
        examples=["impactin_x"],
    )
