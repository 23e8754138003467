"""Taking bearer tokens back before they expire."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from impact_in_pipelines.db.access.tokens import TokenClaims
from impact_in_pipelines.runtime import Runtime

LONGEST_TOKEN = timedelta(days=366)
"""A subject's revocation is remembered for so long: no token of ours lives longer."""


def revoke_token(runtime: Runtime, token: TokenClaims, *, actor: str) -> None:
    """Refuse `token` from now on: requests within seconds, streams that are open with it too."""
    runtime.access_tokens.revoke_token(token, actor=actor, now=runtime.clock())


def revoke_subject(runtime: Runtime, subject: str, *, actor: str) -> list[UUID]:
    """Refuse every token that `subject` holds now, and end its sessions; returns these. A token that doesn't
    say when it was issued counts as issued before."""
    until = datetime.now(UTC) + LONGEST_TOKEN
    return runtime.access_tokens.revoke_subject(
        subject, until=until, actor=actor, now=runtime.clock()
    )
