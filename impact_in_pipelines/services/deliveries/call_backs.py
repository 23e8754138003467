"""What a platform says later of a delivery that it has accepted: who signed it, and what becomes of it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from impact_in_pipelines.connectors.credentials import redactor_for
from impact_in_pipelines.connectors.identity.oauth import token_key
from impact_in_pipelines.db.deliveries.call_backs import (
    CallBackResult,
    CallBackStore,
    SigningAccount,
    Word,
)
from impact_in_pipelines.delivery.showing.sanitising import sanitised
from impact_in_pipelines.errors.deliveries import CallBackTooLarge
from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.redaction.redactor import Redactor
from impact_in_pipelines.runtime import Runtime

_LARGEST_UNKNOWN = 16 * 1024
"""Bytes of a call-back of a transaction that nobody has: it is held against the secret of every account."""
_WORDS = {
    "failed": Word.FAILED,
    **dict.fromkeys(("completed", "success", "succeeded", "delivered", "processed"), Word.ARRIVED),
}


@dataclass(frozen=True, slots=True)
class CallBackTaken:
    """What a call-back has done, and to which deliveries."""

    result: CallBackResult
    deliveries: tuple[UUID, ...]


class CallBacks:
    """Takes call-backs: first `signed_by`, then `take`."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._store = CallBackStore(runtime.database.engine, runtime.vault)
        self._searching = threading.Lock()

    def signed_by(
        self, platform: Platform, transaction_id: str, holds: Callable[[str], bool], *, size: int
    ) -> SigningAccount | None:
        """The account whose secret holds for a call-back of `size` bytes; None: it is nobody's.

        Those who have the transaction are tried first. Whoever else signs it is known as well, and has no
        such transaction: whether another company has it isn't theirs to know. Raises `CallBackTooLarge`.
        """
        for account in self._store.holders(platform, transaction_id):
            if holds(account.secret):
                return account
        if size > _LARGEST_UNKNOWN:
            raise CallBackTooLarge(_LARGEST_UNKNOWN)
        # One search at a time: nobody who guesses signatures can occupy more than one thread's work.
        with self._searching:
            for account in self._store.accounts(platform):
                if holds(account.secret):
                    return account
        return None

    def take(
        self,
        platform: Platform,
        account: SigningAccount,
        *,
        transaction_id: str,
        message_id: str,
        status: str,
        message: str | None,
        at: datetime | None,
    ) -> CallBackTaken:
        """Apply what `account` has signed; `at` (aware) is the event's own time, by default now.

        `failed` takes back what had arrived, a good word restores what was taken back, anything else is
        noted. Raises `TransactionUnknown` for one that isn't in the log yet.
        """
        now = self._runtime.clock()
        said = self._redactor(platform, account).text(
            str(sanitised(message or "no reason was given"))
        )
        result, ids = self._store.take(
            platform,
            account.company_id,
            transaction_id=transaction_id,
            message_id=message_id,
            word=_WORDS.get(status.strip().lower(), Word.OTHER),
            error=f"{FACTS[platform].title} accepted it and took it back: {said}",
            # A clock that runs ahead must not outrank what is said later.
            at=min(at or now, now),
            now=now,
        )
        return CallBackTaken(result, tuple(ids))

    def _redactor(self, platform: Platform, account: SigningAccount) -> Redactor:
        """Knows everything secret of the account: a platform may echo what it was sent."""
        runtime = self._runtime
        found = runtime.connections.of_companies(platform, [account.company_id])
        connection = found.get(account.company_id)
        if connection is None:
            return Redactor([account.secret])
        token = None
        if connection.uses_oauth:
            token = runtime.oauth_tokens.get(token_key(connection), runtime.clock())
        return redactor_for(connection, account.secret, *([token] if token else []))
