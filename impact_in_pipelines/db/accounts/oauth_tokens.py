"""OAuth access tokens shared between processes, encrypted (table `provider_tokens`)."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection, Engine, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from impact_in_pipelines.db.accounts.vault import Vault
from impact_in_pipelines.db.engine import translated_errors
from impact_in_pipelines.db.schema import counters, provider_tokens
from impact_in_pipelines.errors import ImpactInError

REFRESHES = "token_refreshes"
_first = insert(counters).values(name=REFRESHES, value=1)
_COUNT = _first.on_conflict_do_update(
    index_elements=[counters.c.name], set_={"value": counters.c.value + 1}
)


class OAuthTokenStore:
    """Implements `delivery.ports.OAuthTokens`. Keys are 64 characters
    (`connectors.identity.oauth.token_key`).

    Every method raises `DatabaseUnavailable` when PostgreSQL doesn't answer.
    """

    def __init__(self, engine: Engine, vault: Vault) -> None:
        self._engine = engine
        self._vault = vault

    def get(self, key: str, now: datetime) -> str | None:
        """The token under `key` that is still good at `now`, or None. One that no key of the vault
        can read counts as none: a new one is had for the asking."""
        statement = select(provider_tokens.c.token).where(
            provider_tokens.c.key == key, provider_tokens.c.expires_at > now
        )
        with self._transaction() as connection:
            encrypted = connection.scalar(statement)
        if encrypted is None:
            return None
        try:
            return self._vault.decrypt_text(encrypted)
        except ImpactInError:
            self._drop(key, encrypted)
            return None

    def put(self, key: str, token: str, expires_at: datetime) -> None:
        """Keep `token` until `expires_at` (UTC), unless one that lasts longer is there."""
        values = {
            "token": self._vault.encrypt_text(token),
            "token_hash": _digest(token),
            "expires_at": expires_at,
            "updated_at": func.now(),
        }
        statement = insert(provider_tokens).values(key=key, **values)
        statement = statement.on_conflict_do_update(
            index_elements=[provider_tokens.c.key],
            set_=values,
            where=provider_tokens.c.expires_at <= statement.excluded.expires_at,
        )
        with self._transaction() as connection:
            connection.execute(statement)
            connection.execute(_COUNT)

    def forget(self, key: str, token: str) -> None:
        """Drop `token` if it is still the one that is kept: a platform has refused it."""
        statement = delete(provider_tokens).where(
            provider_tokens.c.key == key, provider_tokens.c.token_hash == _digest(token)
        )
        with self._transaction() as connection:
            connection.execute(statement)

    def drop(self, key: str) -> None:
        """Drop whatever is kept under `key`: its company is erased."""
        with self._transaction() as connection:
            connection.execute(delete(provider_tokens).where(provider_tokens.c.key == key))

    def _drop(self, key: str, encrypted: bytes) -> None:
        # Left there, it would keep new ones out for as long as it lasts.
        statement = delete(provider_tokens).where(
            provider_tokens.c.key == key, provider_tokens.c.token == encrypted
        )
        with self._transaction() as connection:
            connection.execute(statement)

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with translated_errors(self._engine.url), self._engine.begin() as connection:
            yield connection


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
