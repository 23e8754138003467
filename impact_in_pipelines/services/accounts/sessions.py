"""Signing in, what is open, and ending it: cockpit sessions and sign-in links.

A sign-in link holds a bearer token. Any token signs in once, whether it came in a link or was typed in.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from impact_in_pipelines.db.access.sessions import OpenSession, SignedInBy
from impact_in_pipelines.db.access.tokens import SignInLink, TokenClaims
from impact_in_pipelines.errors.access import SessionUnknown, TokenSpent
from impact_in_pipelines.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose sessions and links a caller may see: its own (`subject`), or everybody's (None); of these only
    such as see no other company than `companies` (None: all)."""

    subject: str | None
    companies: Sequence[UUID] | None


EVERYBODY = Whose(None, None)


def open_session(
    runtime: Runtime,
    subject: str,
    roles: Iterable[str],
    companies: Iterable[UUID] | None,
    *,
    expires_at: datetime,
    signed_in_by: SignedInBy,
    instead_of: str | None = None,
) -> str:
    """Open a session until `expires_at` (aware) and end the one that it replaces; returns the id for the
    browser."""
    if instead_of is not None:
        runtime.sessions.close(instead_of)
    return runtime.sessions.open(
        subject,
        roles,
        companies,
        now=runtime.clock(),
        expires_at=expires_at,
        signed_in_by=signed_in_by,
    )


def sign_in_with_token(runtime: Runtime, token: TokenClaims, *, instead_of: str | None) -> str:
    """Open a session for a token whose signature was checked. Raises `TokenSpent` the second time."""
    was_link = runtime.access_tokens.use(token, now=runtime.clock())
    if was_link is None:
        raise TokenSpent
    return open_session(
        runtime,
        token.subject,
        token.roles,
        token.companies,
        expires_at=token.expires_at,
        signed_in_by=SignedInBy.LINK if was_link else SignedInBy.TOKEN,
        instead_of=instead_of,
    )


def sign_out(runtime: Runtime, session_id: str) -> None:
    """End the session that the browser holds."""
    runtime.sessions.close(session_id)


def make_link(runtime: Runtime, token: TokenClaims, *, actor: str) -> UUID:
    """Note that `token` goes out as a sign-in link, so that it can be listed and revoked."""
    return runtime.access_tokens.make_link(token, created_by=actor, now=runtime.clock())


def sessions(runtime: Runtime, whose: Whose) -> list[OpenSession]:
    """Open sessions, the latest first."""
    return runtime.sessions.listed(
        now=runtime.clock(), subject=whose.subject, within=whose.companies
    )


def links(runtime: Runtime, whose: Whose) -> list[SignInLink]:
    """Links that are good still, the latest first."""
    return runtime.access_tokens.links(
        now=runtime.clock(), created_by=whose.subject, within=whose.companies
    )


def revoke(runtime: Runtime, id_: UUID, whose: Whose, *, actor: str) -> None:
    """End the session or revoke the link that is listed under `id_`. A page that is open with it notices
    within seconds. Raises `SessionUnknown` for one that `whose` doesn't hold."""
    now = runtime.clock()
    if any(one.id == id_ for one in sessions(runtime, whose)):
        ended = runtime.sessions.revoke([id_], actor=actor, now=now)
    elif any(one.id == id_ for one in links(runtime, whose)):
        ended = runtime.access_tokens.revoke_links([id_], actor=actor, now=now)
    else:
        ended = []
    if not ended:
        raise SessionUnknown(str(id_))
