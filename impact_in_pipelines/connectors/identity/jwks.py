"""The public keys that tokens are signed with, from a JSON Web Key Set (RFC 7517), kept for a while."""

import math
import threading
import time
from collections.abc import Callable
from typing import Any

import jwt
import requests

KEPT_FOR_S = 600.0
NOT_BEFORE_S = 30.0
"""An unknown key id asks for the set again, but not more often: anybody can make one up."""
USABLE_FOR_S = 86_400.0
"""A set that could not be had anew for so long is no longer believed: keys may have been withdrawn."""
_TIMEOUT_S = (2.0, 5.0)


class JwksUnavailable(OSError):
    """The key set can't be had, and none was had within a day."""


class JwksClient:
    """Fetches the key set of `url` when it is needed; keeps the last one when a new one can't be had.

    Safe to share between threads.
    """

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: dict[str | None, Any] = {}
        self._fetched_at: float | None = None
        self._tried_at: float | None = None

    def key(self, key_id: str | None) -> Any | None:
        """The public key with this id, or None. Raises `JwksUnavailable`.

        Only who asks for an unknown key, or before there is any, waits for a fetch.
        """
        known = self._keys.get(key_id)
        age = self._age()
        if known is not None and age < KEPT_FOR_S:
            return known
        if self._lock.acquire(blocking=known is None or age >= USABLE_FOR_S):
            try:
                self._fetch_if_due(key_id)
            finally:
                self._lock.release()
        if self._age() >= USABLE_FOR_S:
            raise JwksUnavailable("no key set could be had")
        return self._keys.get(key_id)

    def _age(self) -> float:
        return math.inf if self._fetched_at is None else self._clock() - self._fetched_at

    def _fetch_if_due(self, key_id: str | None) -> None:
        now = self._clock()
        may_try = self._tried_at is None or now - self._tried_at >= NOT_BEFORE_S
        # Another thread may have fetched it while this one waited.
        if may_try and (key_id not in self._keys or self._age() >= KEPT_FOR_S):
            self._tried_at = now
            self._fetch(now)

    def _fetch(self, now: float) -> None:
        try:
            answer = requests.get(self._url, timeout=_TIMEOUT_S, allow_redirects=False)
            answer.raise_for_status()
            found = jwt.PyJWKSet.from_dict(answer.json())
        except (requests.RequestException, jwt.PyJWTError, ValueError, TypeError, AttributeError):
            return  # the keys that were had before go on serving
        # A symmetric key has no place in a public set, and would make everybody a signer.
        usable = [key for key in found.keys if key.key_type in ("RSA", "EC")]
        keys: dict[str | None, Any] = {key.key_id: key for key in usable}
        if len(usable) == 1:
            keys.setdefault(None, usable[0])
        self._keys, self._fetched_at = keys, now
