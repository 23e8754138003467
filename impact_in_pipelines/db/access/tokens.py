"""Bearer tokens that something happened to: sign-in links, sign-ins, revocations (tables `access_tokens`,
`revoked_subjects`). Statements: tokens.sql.

Only digests are kept. A token that is in neither table is judged by its signature and claims alone.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Engine

from impact_in_pipelines.db.access.audit import Change, record
from impact_in_pipelines.db.engine import rows_of
from impact_in_pipelines.db.queries import load

_SQL = load("access/tokens")
_KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class TokenClaims:
    """A token as the tables know it; `companies` None means all."""

    token_hash: str
    subject: str
    roles: Sequence[str]
    companies: Sequence[UUID] | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SignInLink:
    """A link that has signed nobody in yet."""

    id: UUID
    subject: str
    roles: Sequence[str]
    companies: Sequence[UUID] | None
    created_by: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Revocations:
    """Tokens by digest, and subjects whose tokens from before an instant (UTC) are good no more."""

    tokens: frozenset[str]
    subjects: Mapping[str, datetime]


class AccessTokenStore:
    """Makes and lists links, lets a token sign in once, revokes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def make_link(self, token: TokenClaims, *, created_by: str, now: datetime) -> UUID:
        """Note a token as a sign-in link; returns what it is listed under."""
        change = Change("sign_in_link.make", token.subject, None, after={"roles": [*token.roles]})
        values = {**_values(token), "created_by": created_by, "now": now}
        with self._engine.begin() as connection:
            connection.execute(_SQL["purge"], {"forgotten": now - _KEPT})
            made: UUID = connection.execute(_SQL["make_link"], values).scalar_one()
            record(connection, [change], actor=created_by, now=now)
        return made

    def use(self, token: TokenClaims, *, now: datetime) -> bool | None:
        """Let `token` sign in: whether it was a link; None if it has signed in before or is revoked."""
        with self._engine.begin() as connection:
            connection.execute(_SQL["purge"], {"forgotten": now - _KEPT})
            row = connection.execute(_SQL["use"], {**_values(token), "now": now}).one_or_none()
        return None if row is None else bool(row.is_link)

    def links(
        self,
        *,
        now: datetime,
        created_by: str | None = None,
        within: Sequence[UUID] | None = None,
        limit: int = 1_000,
    ) -> list[SignInLink]:
        """Links that are good still, the latest first: those of one maker, or everybody's; `within` leaves
        out those for another company than these."""
        values = {
            "now": now,
            "created_by": created_by,
            "within": None if within is None else list(within),
            "limit": limit,
        }
        with self._engine.connect() as connection:
            return [
                SignInLink(**row) for row in rows_of(connection.execute(_SQL["listed"], values))
            ]

    def revoke_links(self, ids: Sequence[UUID], *, actor: str, now: datetime) -> list[UUID]:
        """Revoke links, the tokens in them included; returns those that were there."""
        with self._engine.begin() as connection:
            rows = connection.execute(_SQL["revoke_links"], {"ids": list(ids), "now": now}).all()
            changes = [
                Change("sign_in_link.revoke", f"{row.subject} {row.id}", None) for row in rows
            ]
            record(connection, changes, actor=actor, now=now)
        return [row.id for row in rows]

    def revoke_token(self, token: TokenClaims, *, actor: str, now: datetime) -> None:
        """Refuse `token` from now on."""
        with self._engine.begin() as connection:
            connection.execute(_SQL["revoke_token"], {**_values(token), "now": now})
            change = Change("token.revoke", token.subject, None)
            record(connection, [change], actor=actor, now=now)

    def revoke_subject(
        self, subject: str, *, until: datetime, actor: str, now: datetime
    ) -> list[UUID]:
        """Refuse every token of `subject` that was issued before this moment of the database's, remembered
        until `until` (when the last of them has expired), and those that it made for programs, and end its
        sessions; returns the sessions."""
        values = {"subject": subject, "expires_at": until}
        with self._engine.begin() as connection:
            connection.execute(_SQL["revoke_subject"], values)
            ended = connection.execute(_SQL["subjects_sessions"], {"subject": subject}).all()
            made = {"subject": subject, "actor": actor, "now": now}
            tokens = connection.execute(_SQL["subjects_api_tokens"], made).all()
            changes = [
                Change("api_token.revoke", f"API token {row.name}", row.company_id)
                for row in tokens
            ]
            subjects = Change("subject.revoke", subject, None)
            record(connection, [subjects, *changes], actor=actor, now=now)
        return [row.id for row in ended]

    def revocations(self) -> Revocations:
        """All that hold now."""
        with self._engine.connect() as connection:
            tokens = connection.execute(_SQL["revoked_tokens"]).scalars()
            subjects = connection.execute(_SQL["revoked_subjects"]).all()
            return Revocations(
                frozenset(tokens), {row.subject: row.issued_before for row in subjects}
            )


def token_digest(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def _values(token: TokenClaims) -> dict[str, object]:
    return {
        "token_hash": token.token_hash,
        "subject": token.subject,
        "roles": sorted(token.roles),
        "companies": None if token.companies is None else sorted(token.companies),
        "expires_at": token.expires_at,
    }
