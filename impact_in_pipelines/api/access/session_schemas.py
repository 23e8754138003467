"""Sessions and sign-in links on the wire."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from impact_in_pipelines.api.http.schemas import Model, Moment


class SessionView(Model):
    """A session of the cockpit that is open."""

    id: UUID
    subject: str = Field(description="who is signed in", examples=["ingrid"])
    roles: list[str] = Field(description="what the session may do", examples=[["ADMIN_CONSOLE"]])
    companies: list[UUID] | None = Field(description="the companies it sees; null: all")
    signed_in_by: Literal["token", "link", "provider"]
    created_at: Moment
    expires_at: Moment


class SessionList(Model):
    """The sessions that are open, the latest first, at most 1,000."""

    data: list[SessionView] = Field(description="the sessions")


class SignInLinkView(Model):
    """A sign-in link that has signed nobody in yet. The link itself is not shown again."""

    id: UUID
    subject: str = Field(description="the person whom it signs in", examples=["ingrid"])
    roles: list[str] = Field(description="what the session may do", examples=[["ADMIN_CONSOLE"]])
    companies: list[UUID] | None = Field(description="the companies it sees; null: all")
    created_by: str
    created_at: Moment
    expires_at: Moment


class SignInLinkList(Model):
    """The links that are still valid, the latest first, at most 1,000."""

    data: list[SignInLinkView] = Field(description="the links")


class Revoked(Model):
    """The sessions, links or tokens that were ended."""

    id: UUID
