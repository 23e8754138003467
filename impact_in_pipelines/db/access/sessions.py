"""Who is signed in to the cockpit (table `web_sessions`). Statements: sessions.sql.

The browser holds a random id; the database only its digest, so that a copy of the table signs nobody in.
"""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Engine

from impact_in_pipelines.db.queries import load

_SQL = load("access/sessions")
_KEPT = timedelta(days=1)
"""An expired session is told from one that never was for so long."""


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


class SessionStore:
    """Opens, finds and closes sessions."""

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
    ) -> str:
        """Open a session until `expires_at` (aware); returns the id that the browser keeps."""
        session_id = secrets.token_urlsafe(32)
        with self._engine.begin() as connection:
            connection.execute(_SQL["purge"], {"forgotten": now - _KEPT})
            connection.execute(
                _SQL["open"],
                {
                    "id_hash": _digest(session_id),
                    "subject": subject,
                    "roles": sorted(roles),
                    "companies": None if companies is None else sorted(companies),
                    "form_token": secrets.token_urlsafe(24),
                    "now": now,
                    "expires_at": expires_at,
                },
            )
        return session_id

    def find(self, session_id: str) -> WebSession | None:
        """The session with this id, expired or not; None if there is none."""
        with self._engine.connect() as connection:
            row = connection.execute(_SQL["find"], {"id_hash": _digest(session_id)}).one_or_none()
        if row is None:
            return None
        companies = None if row.companies is None else frozenset(row.companies)
        return WebSession(
            row.subject, frozenset(row.roles), companies, row.form_token, row.expires_at
        )

    def close(self, session_id: str) -> None:
        """End the session, if there is one."""
        with self._engine.begin() as connection:
            connection.execute(_SQL["close"], {"id_hash": _digest(session_id)})


def _digest(session_id: str) -> str:
    return hashlib.sha256(session_id.encode()).hexdigest()
