"""Refusals about who may come in: sessions, sign-in links, tokens."""

from impact_in_pipelines.errors.base import Conflict, NotFound, UsageError, refusal


@refusal("session.unknown")
class SessionUnknown(NotFound):
    """No open session and no usable link has this id, or none that whoever asks may end."""

    session: str


@refusal("token.spent")
class TokenSpent(Conflict):
    """The token or link has signed somebody in already, or was revoked."""


@refusal("token.not_for_signing_in")
class TokenNotForSigningIn(Conflict):
    """A token that was made for programs signs nobody in to the cockpit."""


@refusal("token.name_missing")
class TokenNameMissing(UsageError):
    """A token is known by its name."""


@refusal("token.lifetime")
class TokenLifetimeRefused(UsageError):
    """It would be over already, or hold for longer than any token may."""

    days: int


@refusal("token.roles")
class TokenRolesRefused(Conflict):
    """Nobody gives a token more rights than they hold, and a token makes no other."""


@refusal("token.too_many")
class TokensTooMany(Conflict):
    """The company has as many as it may."""

    most: int


@refusal("token.unknown")
class ApiTokenUnknown(NotFound):
    """The company has no token with this id that could be revoked."""

    token: str


@refusal("token.unreadable")
class TokenUnreadable(UsageError):
    """What should be revoked isn't a token of ours."""
