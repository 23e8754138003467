"""OAuth 2.0 client credentials (RFC 6749, section 4.4): tokens shared between threads and
processes."""

import hashlib
import json
import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlencode

from impact_in_pipelines.connectors.classify import classify_failure
from impact_in_pipelines.connectors.credentials import redactor_for
from impact_in_pipelines.connectors.http.failures import WIRE_ERRORS
from impact_in_pipelines.connectors.http.transport import Transport
from impact_in_pipelines.connectors.identity.token_answers import TokenGrant, classify_token_answer
from impact_in_pipelines.delivery.model import Connection, SendResult
from impact_in_pipelines.delivery.ports import OAuthTokens
from impact_in_pipelines.errors import ImpactInError
from impact_in_pipelines.platforms import FACTS

EARLY_SECONDS = 60.0
STORED_FOR = timedelta(seconds=30)
"""How long a token from the store is used before the store is asked again."""

_log = logging.getLogger(__name__)


class TokenRefusedError(Exception):
    """The token endpoint gave none; `result` says why, judged like any answer."""

    def __init__(self, result: SendResult) -> None:
        super().__init__(result.error)
        self.result = result


@dataclass(slots=True)
class _Slot:
    """What this process knows of one client; all under `lock`."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    token: str | None = field(default=None, repr=False)
    good_until: datetime | None = None
    failure: SendResult | None = None
    failed_at: float = float("-inf")


class TokenSource:
    """Access tokens, from memory, the shared store or the token endpoint, in this order.

    A token counts as expired `EARLY_SECONDS` before it is (half its life, if that is less); one whose
    lifetime is 0 serves the attempt it was fetched for. In one
    process one thread at a time asks the endpoint for a client, and those that waited share its
    answer, a failure too. A store that can't be reached costs token requests, not deliveries.
    """

    def __init__(
        self,
        transport: Transport,
        store: OAuthTokens,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport = transport
        self._store = store
        self._monotonic = monotonic
        self._slots: defaultdict[str, _Slot] = defaultdict(_Slot)
        self._slots_lock = threading.Lock()

    def token(self, connection: Connection) -> str:
        """A token that is good now. Raises `TokenRefusedError`."""
        key = token_key(connection)
        slot = self._slot(key)
        asked_at = self._monotonic()
        with slot.lock:
            now = self._transport.now()
            if slot.token is not None and slot.good_until is not None and now < slot.good_until:
                return slot.token
            if slot.failure is not None and slot.failed_at >= asked_at:
                raise TokenRefusedError(slot.failure)
            return self._stored(key, slot, now) or self._fetch(key, slot, connection)

    def refused(self, connection: Connection, token: str) -> None:
        """The platform doesn't take `token` any more: forget it, unless a newer one is there."""
        key = token_key(connection)
        slot = self._slot(key)
        with slot.lock:
            if slot.token == token:
                slot.token = None
            try:
                self._store.forget(key, token)
            except ImpactInError as error:
                _log.warning("a refused token stays in the token store: %s", error)

    def fetch(self, connection: Connection) -> str:
        """A new token from the endpoint, whatever is kept: proves the credentials. Raises
        `TokenRefusedError`."""
        key = token_key(connection)
        slot = self._slot(key)
        with slot.lock:
            return self._fetch(key, slot, connection)

    def _slot(self, key: str) -> _Slot:
        with self._slots_lock:
            return self._slots[key]

    def _stored(self, key: str, slot: _Slot, now: datetime) -> str | None:
        # The store tells whether a token is good at an instant, not until when.
        good_until = now + STORED_FOR
        try:
            token = self._store.get(key, good_until)
        except ImpactInError as error:
            _log.warning("the token store can't be read: %s", error)
            return None
        if token is not None:
            slot.token, slot.good_until = token, good_until
        return token

    def _fetch(self, key: str, slot: _Slot, connection: Connection) -> str:
        asked_at = self._transport.now()
        granted = self._ask(connection)
        if isinstance(granted, SendResult):
            slot.failure, slot.failed_at = granted, self._monotonic()
            raise TokenRefusedError(granted)
        early = min(EARLY_SECONDS, granted.lifetime_s / 2)
        good_until = asked_at + timedelta(seconds=granted.lifetime_s - early)
        slot.token, slot.good_until, slot.failure = granted.token, good_until, None
        if granted.lifetime_s > 0:  # else it serves this attempt, and nobody after it
            try:
                self._store.put(key, granted.token, good_until)
            except ImpactInError as error:
                _log.warning("a new token can't be shared: %s", error)
        return granted.token

    def _ask(self, connection: Connection) -> TokenGrant | SendResult:
        title = FACTS[connection.platform].title
        redactor = redactor_for(connection)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        url = f"{connection.base_url.rstrip('/')}/oauth2/token"
        try:
            answer = self._transport.post(url, headers, _form(connection))
        except WIRE_ERRORS as error:
            return classify_failure(error, f"{title} token endpoint", redactor)
        return classify_token_answer(answer, title, redactor, self._transport.now())


def token_key(connection: Connection) -> str:
    """What a client's token is kept under: 64 hex digits, from which no id can be read.

    The secret is part of it: a company that only knows another one's client id must not get its
    token.
    """
    credentials = connection.credentials
    parts = [
        connection.platform.value,
        connection.base_url.rstrip("/"),
        credentials["client_id"],
        credentials["client_secret"],
        _scope(connection) or "",
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _scope(connection: Connection) -> str | None:
    scope = FACTS[connection.platform].oauth_scope or connection.options.get("scope")
    return scope if isinstance(scope, str) else None


def _form(connection: Connection) -> bytes:
    fields = {
        "grant_type": "client_credentials",
        "client_id": connection.credentials["client_id"],
        "client_secret": connection.credentials["client_secret"],
    }
    if scope := _scope(connection):
        fields["scope"] = scope
    return urlencode(fields).encode()
