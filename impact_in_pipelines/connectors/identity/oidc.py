"""An OpenID Connect provider: its discovery document, the way to its sign-in page, the code exchanged.

Authorization code flow with PKCE (OpenID Connect Core 1.0, section 3.1; RFC 7636), by Authlib.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import requests
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from pydantic import SecretStr

FAILED_FOR_S = 10.0
"""A provider that couldn't be reached isn't asked again for so long."""
_TIMEOUT_S = 5.0
_NAMES = ("authorization_endpoint", "token_endpoint", "jwks_uri")


class ProviderUnavailable(OSError):
    """The provider can't be reached, or its discovery document isn't one."""


class CodeRefused(Exception):
    """The provider doesn't take the code: it was used, is too old, or isn't its own."""


@dataclass(frozen=True, slots=True)
class _Endpoints:
    authorization: str
    token: str
    keys: str


class OidcProvider:
    """The provider at `issuer`; nothing is fetched before it is needed. Safe to share between threads."""

    def __init__(
        self,
        issuer: str,
        client_id: str,
        client_secret: SecretStr | None,
        scopes: str,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.issuer = issuer
        self.client_id = client_id
        self._secret = client_secret
        self._scopes = scopes
        self._lock = threading.Lock()
        self._clock = clock
        self._endpoints: _Endpoints | None = None
        self._failed: tuple[float, str] | None = None

    @property
    def keys_url(self) -> str:
        """Where its public keys are. Raises `ProviderUnavailable`."""
        return self._discovered().keys

    def sign_in_url(self, redirect_uri: str, *, state: str, nonce: str, verifier: str) -> str:
        """The page to send the browser to. Raises `ProviderUnavailable`."""
        with self._session(redirect_uri) as session:
            url, _ = session.create_authorization_url(
                self._discovered().authorization, state=state, nonce=nonce, code_verifier=verifier
            )
        return str(url)

    def id_token(self, code: str, redirect_uri: str, *, verifier: str) -> str:
        """The ID token for a code, unverified. Raises `CodeRefused`, `ProviderUnavailable`."""
        endpoint = self._discovered().token
        try:
            with self._session(redirect_uri) as session:
                answer: dict[str, Any] = session.fetch_token(
                    endpoint, code=code, code_verifier=verifier, grant_type="authorization_code"
                )
        except OAuthError as refusal:
            raise CodeRefused(str(refusal.error)) from None
        except (requests.RequestException, ValueError) as error:
            raise ProviderUnavailable(f"{type(error).__name__} at the token endpoint") from None
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise CodeRefused("the answer holds no ID token; is openid among the scopes?")
        return token

    def _session(self, redirect_uri: str) -> OAuth2Session:
        return OAuth2Session(
            client_id=self.client_id,
            client_secret=self._secret.get_secret_value() if self._secret else None,
            scope=self._scopes,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            default_timeout=_TIMEOUT_S,
        )

    def _discovered(self) -> _Endpoints:
        with self._lock:
            if self._endpoints is None:
                # Everybody who waits for the lock would else ask a provider that hangs once more, in turn.
                if self._failed is not None and self._clock() - self._failed[0] < FAILED_FOR_S:
                    raise ProviderUnavailable(self._failed[1])
                try:
                    self._endpoints = self._discover()
                except ProviderUnavailable as failure:
                    self._failed = (self._clock(), str(failure))
                    raise
            return self._endpoints

    def _discover(self) -> _Endpoints:
        url = self.issuer.rstrip("/") + "/.well-known/openid-configuration"
        try:
            answer = requests.get(url, timeout=_TIMEOUT_S, allow_redirects=False)
            answer.raise_for_status()
            found = answer.json()
            endpoints = [found[name] for name in _NAMES]
        except (requests.RequestException, ValueError, KeyError, TypeError) as error:
            raise ProviderUnavailable(f"{type(error).__name__} at the discovery document") from None
        # Another issuer's document would have another issuer's keys accepted (OIDC Discovery, 4.3).
        if found.get("issuer") != self.issuer or not all(isinstance(e, str) for e in endpoints):
            raise ProviderUnavailable("the discovery document isn't this issuer's")
        return _Endpoints(*endpoints)
