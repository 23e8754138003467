"""Who is signed in to the cockpit (table `web_sessions`). Statements: sessions.sql.

The browser holds a random id; the database only its digest, so that a copy of the table signs nobody in.
"""

import hashlib
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Engine

from impact_in_pipelines.db.access.audit import Change, record
from impact_in_pipelines.db.engine import rows_of
from impact_in_pipelines.db.queries import load

_SQL = load("access/sessions")
_KEPT = timedelta(days=1)
"""An expired session is told from one that never was for so long."""


class SignedInBy(StrEnum):
    """How a session began."""

    TOKEN = "token"  # noqa: S105 - a word, not a secret
    LINK = "link"
    PROVIDER = "provider"


@dataclass(frozen=True, slots=True)
class WebSession:
    """Who is signed in, with which rights; `companies` None means all. `form_token` goes with every form.

    `expires_at` is UTC; whoever reads a session decides whether it is over.
    """

    subject: str
    roles: frozenset[str]
    companies: frozenset[UUID] | None
    form_token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session as it is listed. Its id names it and signs nobody in."""

    id: UUID
    subject: str
    roles: Sequence[str]
    companies: Sequence[UUID] | None
    signed_in_by: SignedInBy
    created_at: datetime
    expires_at: datetime


class SessionStore:
    """Opens, finds, lists and closes sessions."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def open(
        self,
        subject: str,
        roles: Iterable[str],
        companies: Iterable[UUID] | None,
        *,
        now: datetime,
        expires_at: datetime,
        signed_in_by: SignedInBy = SignedInBy.TOKEN,
    ) -> str:
        """Open a session until `expires_at` (aware); returns the id that the browser keeps."""
        session_id = secrets.token_urlsafe(32)
        with self._engine.begin() as connection:
            connection.execute(_SQL["purge"], {"forgotten": now - _KEPT})
            connection.execute(
                _SQL["open"],
                {
                    "id_hash": digest(session_id),
                    "subject": subject,
                    "roles": sorted(roles),
                    "companies": None if companies is None else sorted(companies),
                    "form_token": secrets.token_urlsafe(24),
                    "now": now,
                    "expires_at": expires_at,
                    "signed_in_by": signed_in_by.value,
                },
            )
        return session_id

    def find(self, session_id: str) -> WebSession | None:
        """The session with this id, expired or not; None if there is none."""
        id_hash = digest(session_id)
        return self.by_digest([id_hash]).get(id_hash)

    def by_digest(self, id_hashes: Sequence[str]) -> Mapping[str, WebSession]:
        """Those of the sessions that are still there, by the digests of their ids, expired or not."""
        with self._engine.connect() as connection:
            rows = connection.execute(_SQL["find"], {"id_hashes": list(id_hashes)}).all()
        return {
            row.id_hash: WebSession(
                row.subject,
                frozenset(row.roles),
                None if row.companies is None else frozenset(row.companies),
                row.form_token,
                row.expires_at,
            )
            for row in rows
        }

    def listed(
        self,
        *,
        now: datetime,
        subject: str | None = None,
        within: Sequence[UUID] | None = None,
        limit: int = 1_000,
    ) -> list[OpenSession]:
        """Open sessions, the latest first: of `subject`, or everybody's; `within` leaves out those that see
        another company than these."""
        values = {
            "now": now,
            "subject": subject,
            "within": None if within is None else list(within),
            "limit": limit,
        }
        with self._engine.connect() as connection:
            rows = rows_of(connection.execute(_SQL["listed"], values))
        return [
            OpenSession(**{**row, "signed_in_by": SignedInBy(row["signed_in_by"])}) for row in rows
        ]

    def close(self, session_id: str) -> None:
        """End the session, if there is one."""
        with self._engine.begin() as connection:
            connection.execute(_SQL["close"], {"id_hash": digest(session_id)})

    def revoke(self, ids: Sequence[UUID], *, actor: str, now: datetime) -> list[UUID]:
        """End sessions by the ids that they are listed under, as one change of `actor`'s; returns those that
        were there."""
        with self._engine.begin() as connection:
            rows = connection.execute(_SQL["revoke"], {"ids": list(ids)}).all()
            changes = [Change("session.revoke", f"{row.subject} {row.id}", None) for row in rows]
            record(connection, changes, actor=actor, now=now)
        return [row.id for row in rows]


def digest(session_id: str) -> str:
    """What is kept of a session's id."""
    return hashlib.sha256(session_id.encode()).hexdigest()
