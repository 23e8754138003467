"""The one state of a running sandbox; everything runs on one event loop, so it needs no locks."""

import itertools
import secrets
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from impact_in_pipelines.sandbox.accounts.config import PLATFORMS, SINKS, SandboxConfig, Service
from impact_in_pipelines.sandbox.accounts.limits import RateLimiter
from impact_in_pipelines.sandbox.accounts.tokens import TokenBook
from impact_in_pipelines.sandbox.faults import FaultBook
from impact_in_pipelines.sandbox.ledger import Counts, Ledger

MESSAGES_KEPT = 10_000


def utc_now() -> datetime:
    """Return the current time, aware, in UTC."""
    return datetime.now(UTC)


class SandboxState:
    """Configuration, faults, ledgers, limits, tokens, Workday's activities and messages.

    `clock` counts seconds and never goes back (limits, tokens); `now` is the time of day in UTC.
    """

    def __init__(
        self,
        config: SandboxConfig | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._first_config = config or SandboxConfig()
        self.now = now
        self.faults = FaultBook()
        self.limiter = RateLimiter(clock)
        self.tokens = {platform: TokenBook(clock) for platform in PLATFORMS}
        self._run = secrets.token_hex(3)
        self._serial = itertools.count(1)
        self.reset()

    def reset(self) -> None:
        """Forget everything and go back to the configuration the sandbox was started with."""
        self.config = self._first_config
        self.counts = {service: Counts() for service in Service}
        self.ledgers = {platform: Ledger() for platform in PLATFORMS}
        self.workday_activities: set[tuple[str, str]] = set()
        self.messages: dict[Service, deque[dict[str, Any]]] = {
            sink: deque(maxlen=MESSAGES_KEPT) for sink in SINKS
        }
        self.faults.clear()
        self.limiter.clear()
        for book in self.tokens.values():
            book.revoke_all()

    def new_id(self, prefix: str) -> str:
        """Return an id no other answer of this process carries, also across resets."""
        return f"{prefix}-{self._run}-{next(self._serial):08d}"
