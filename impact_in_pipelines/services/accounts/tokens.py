"""Tokens for the API: those that a company makes and names, and taking tokens back before they expire."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from impact_in_pipelines.db.access.api_tokens import ApiToken
from impact_in_pipelines.db.access.tokens import TokenClaims
from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.errors.access import (
    ApiTokenUnknown,
    TokenLifetimeRefused,
    TokenNameMissing,
    TokenRolesRefused,
    TokensTooMany,
)
from impact_in_pipelines.runtime import Runtime

LONGEST_TOKEN = timedelta(days=366)
"""A subject's revocation is remembered for so long: no token of ours lives longer."""


MOST_TOKENS = 50
"""So many that can be used may a company have."""
LONGEST_NAME = 100
VIEWING = ("ADMIN_CONSOLE",)
CHANGING = ("ADMIN_CONSOLE", "MANAGE_INTEGRATIONS")


@dataclass(frozen=True, slots=True)
class MadeToken:
    """A token that was made: `token` is shown this once and kept nowhere."""

    listed: ApiToken
    token: str = field(repr=False)


def api_tokens(runtime: Runtime, company: Company) -> list[ApiToken]:
    """The company's tokens, the latest first; those that have ended for a month more."""
    return runtime.api_tokens.listed(company.id, now=runtime.clock())


def make_api_token(
    runtime: Runtime,
    company: Company,
    name: str,
    roles: Sequence[str],
    days: int,
    *,
    actor: str,
    held: Collection[str],
) -> MadeToken:
    """Make a token for this company's programs that holds for so many `days`.

    `held` are the rights of whoever asks, none of a token itself. Raises `TokenNameMissing`,
    `TokenLifetimeRefused`, `TokenRolesRefused`, `TokensTooMany`.
    """
    now, called = runtime.clock(), " ".join(name.split())[:LONGEST_NAME]
    if not called or not called.isprintable():
        raise TokenNameMissing
    if not 1 <= days <= LONGEST_TOKEN.days:
        raise TokenLifetimeRefused(LONGEST_TOKEN.days)
    if not set(roles) <= set(held) or tuple(sorted(roles)) not in (VIEWING, CHANGING):
        raise TokenRolesRefused
    made = runtime.api_tokens.add(
        company.id,
        called,
        roles,
        expires_at=now + timedelta(days=days),
        at_most=MOST_TOKENS,
        actor=actor,
        now=now,
    )
    if made is None:
        raise TokensTooMany(MOST_TOKENS)
    id_, token = made
    listed = next(one for one in api_tokens(runtime, company) if one.id == id_)
    return MadeToken(listed, token)


def revoke_api_token(runtime: Runtime, company: Company, token_id: UUID, *, actor: str) -> None:
    """Refuse a token of the company's from now on: requests within seconds, streams that are open with it
    too. Raises `ApiTokenUnknown`."""
    if not runtime.api_tokens.revoke(company.id, token_id, actor=actor, now=runtime.clock()):
        raise ApiTokenUnknown(str(token_id))


def revoke_token(runtime: Runtime, token: TokenClaims, *, actor: str) -> None:
    """Refuse `token` from now on: requests within seconds, streams that are open with it too."""
    runtime.access_tokens.revoke_token(token, actor=actor, now=runtime.clock())


def revoke_subject(runtime: Runtime, subject: str, *, actor: str) -> list[UUID]:
    """Refuse every token that `subject` holds now, those included that it made for programs, and end its
    sessions; returns these. A token that doesn't say when it was issued counts as issued before."""
    until = datetime.now(UTC) + LONGEST_TOKEN
    return runtime.access_tokens.revoke_subject(
        subject, until=until, actor=actor, now=runtime.clock()
    )
