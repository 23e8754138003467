"""Tokens for the API that a company has named (table `api_tokens`). Statements: api_tokens.sql.

They are random, and the table holds only their digests: a copy of it lets nobody in.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Engine

from impact_in_pipelines.db.access.audit import Change, record
from impact_in_pipelines.db.access.tokens import token_digest
from impact_in_pipelines.db.engine import rows_of
from impact_in_pipelines.db.queries import load

_SQL = load("access/api_tokens")
PREFIX = "impactin_"
"""What each begins with: no JWT does, and scanners of leaked secrets know it by that."""
_SHOWN_AFTER_END = timedelta(days=30)
_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token as it is listed; `shown` are its first and last characters."""

    id: UUID
    company_id: UUID
    name: str
    shown: str
    roles: Sequence[str]
    created_by: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None


@dataclass(frozen=True, slots=True)
class KnownToken:
    """Whom a token that was presented is for."""

    company_id: UUID
    name: str
    roles: Sequence[str]
    created_by: str
    created_at: datetime
    expires_at: datetime
    token_hash: str


class ApiTokenStore:
    """Makes, finds, lists and revokes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def listed(self, company_id: UUID, *, now: datetime) -> list[ApiToken]:
        """The company's tokens, the latest first; those that have ended for a month more."""
        values = {"company_id": company_id, "ended_after": now - _SHOWN_AFTER_END}
        with self._engine.connect() as connection:
            return [ApiToken(**row) for row in rows_of(connection.execute(_SQL["listed"], values))]

    def add(
        self,
        company_id: UUID,
        name: str,
        roles: Sequence[str],
        *,
        expires_at: datetime,
        at_most: int,
        actor: str,
        now: datetime,
    ) -> tuple[UUID, str] | None:
        """Make a token; returns its id and the token itself, which is kept nowhere. None: the company has
        `at_most` already."""
        token = PREFIX + secrets.token_urlsafe(32)
        with self._engine.begin() as connection:
            values = {"company_id": company_id, "now": now}
            if connection.execute(_SQL["count"], values).scalar_one() >= at_most:
                return None
            added = connection.execute(
                _SQL["add"],
                {
                    **values,
                    "name": name,
                    "token_hash": token_digest(token),
                    "shown": f"{token[: len(PREFIX) + 3]}…{token[-4:]}",
                    "roles": sorted(roles),
                    "actor": actor,
                    "expires_at": expires_at,
                },
            ).scalar_one()
            after = {"roles": sorted(roles), "expires_at": expires_at.isoformat()}
            change = Change("api_token.make", f"API token {name}", company_id, None, after)
            record(connection, [change], actor=actor, now=now)
        return added, token

    def find(self, token: str, *, now: datetime) -> KnownToken | None:
        """Whom `token` is for, and note that it was used; None: nobody, or it has ended."""
        token_hash = token_digest(token)
        with self._engine.begin() as connection:
            row = connection.execute(_SQL["found"], {"token_hash": token_hash}).one_or_none()
            if row is None or row.revoked_at is not None or row.expires_at <= now:
                return None
            connection.execute(
                _SQL["used"],
                {"token_hash": token_hash, "now": now, "not_since": now - _NOTED_EVERY},
            )
        return KnownToken(
            row.company_id,
            row.name,
            row.roles,
            row.created_by,
            row.created_at,
            row.expires_at,
            token_hash,
        )

    def revoke(self, company_id: UUID, token_id: UUID, *, actor: str, now: datetime) -> bool:
        """Refuse a token from now on; False: there is none that could be used."""
        values = {"id": token_id, "company_id": company_id, "actor": actor, "now": now}
        with self._engine.begin() as connection:
            row = connection.execute(_SQL["revoke"], values).one_or_none()
            if row is None:
                return False
            change = Change("api_token.revoke", f"API token {row.name}", company_id)
            record(connection, [change], actor=actor, now=now)
        return True
