"""OAuth 2.0 access tokens (RFC 6749, client credentials): issued, expired, revoked."""

import secrets
from collections.abc import Callable


class TokenBook:
    """The live tokens of one platform."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._expires_at: dict[str, float] = {}
        self._clients: dict[str, str] = {}

    def issue(self, lifetime_seconds: int, client_id: str = "") -> str:
        """Return a new token of a client that is good for `lifetime_seconds`."""
        now = self._clock()
        self._expires_at = {
            token: expires_at for token, expires_at in self._expires_at.items() if expires_at > now
        }
        token = secrets.token_urlsafe(24)
        self._expires_at[token] = now + lifetime_seconds
        self._clients = {
            known: client for known, client in self._clients.items() if known in self._expires_at
        }
        self._clients[token] = client_id
        return token

    def revoke_of(self, client_id: str) -> None:
        """Make every token of one client expired."""
        for token in [token for token, client in self._clients.items() if client == client_id]:
            self.revoke(token)

    def is_live(self, token: str) -> bool:
        """Whether the token was issued here and hasn't expired or been revoked."""
        return self._expires_at.get(token, float("-inf")) > self._clock()

    def revoke(self, token: str) -> None:
        """Make one token expired; an unknown one is no error."""
        self._expires_at.pop(token, None)

    def revoke_all(self) -> None:
        """Make every token issued so far expired."""
        self._expires_at.clear()
