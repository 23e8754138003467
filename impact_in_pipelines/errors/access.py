"""Refusals about who may come in: sessions, sign-in links, tokens."""

from impact_in_pipelines.errors.base import Conflict, NotFound, UsageError, refusal


@refusal("session.unknown")
class SessionUnknown(NotFound):
    """No open session and no usable link has this id, or none that whoever asks may end."""

    session: str


@refusal("token.spent")
class TokenSpent(Conflict):
    """The token or link has signed somebody in already, or was revoked."""


@refusal("token.unreadable")
class TokenUnreadable(UsageError):
    """What should be revoked isn't a token of ours."""
