"""Whether a token or session that was good a moment ago still is: what was revoked, who signed out, which
roles and companies a session has lost.

One look at the database serves everybody in this process for `FRESH_S`, so that it costs the same for one
request a minute and for a thousand open streams. Each process looks for itself: nothing needs to be shared.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from impact_in_pipelines.api.access.tokens import ADMIN_CONSOLE, Principal
from impact_in_pipelines.db.access.sessions import SessionStore, WebSession
from impact_in_pipelines.db.access.tokens import AccessTokenStore, Revocations

FRESH_S = 2.0
"""How old a look may be: within so many seconds a revocation holds everywhere."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class AccessWatch:
    """What holds of tokens and sessions, at most `FRESH_S` seconds old. Used on one event loop."""

    def __init__(
        self,
        tokens: AccessTokenStore,
        sessions: SessionStore,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tokens = tokens
        self._sessions = sessions
        self._clock = clock
        self._watched: Counter[str] = Counter()
        self._looked_at = float("-inf")
        self._revocations = Revocations(frozenset(), {})
        self._found: Mapping[str, WebSession] = {}
        self._turn = asyncio.Lock()
        # A look never waits for the threads that answer requests, nor they for it.
        self._limiter = CapacityLimiter(1)

    async def revoked(self, principal: Principal) -> bool:
        """Whether the token is good no more, though its signature and expiry are. Raises what reading does:
        a failed look lets nobody in."""
        await self._look()
        if principal.token_hash in self._revocations.tokens:
            return True
        before = self._revocations.subjects.get(principal.subject)
        return before is not None and (principal.issued_at or _EPOCH) < before

    @asynccontextmanager
    async def watching(self, id_hash: str) -> AsyncIterator[None]:
        """Have every look include this session."""
        self._watched[id_hash] += 1
        try:
            yield
        finally:
            self._watched[id_hash] -= 1
            self._watched += Counter()  # drops those that nobody watches

    async def may_see(self, id_hash: str, company_id: UUID) -> bool:
        """Whether a watched session is still there, may look, and sees the company."""
        await self._look(id_hash)
        session = self._found.get(id_hash)
        return (
            session is not None
            and session.expires_at > datetime.now(UTC)
            and ADMIN_CONSOLE in session.roles
            and (session.companies is None or company_id in session.companies)
        )

    async def _look(self, id_hash: str | None = None) -> None:
        if self._is_fresh(id_hash):
            return
        async with self._turn:
            if self._is_fresh(id_hash):  # somebody else has looked meanwhile
                return
            watched = list(self._watched)
            started = self._clock()
            self._revocations, self._found = await run_sync(
                self._read, watched, limiter=self._limiter
            )
            self._looked_at = started

    def _is_fresh(self, id_hash: str | None) -> bool:
        known = id_hash is None or id_hash in self._found
        # A session that is gone is looked for once per period too.
        return self._clock() - self._looked_at < (FRESH_S if known else FRESH_S / 4)

    def _read(self, watched: list[str]) -> tuple[Revocations, Mapping[str, WebSession]]:
        found = self._sessions.by_digest(watched) if watched else {}
        return self._tokens.revocations(), found
