"""The one transport of all connectors: pooled HTTP and layer 1 of the retries (design D5).

It keeps connections itself: a `Session` of requests keeps cookies between accounts, reads redirects without
bound, and costs many times as much CPU a request, and so do urllib3's pools (`benchmarks/NOTES.md`, *The
spike*). Nothing is taken from the environment: no proxies, no .netrc.
"""

import random
import re
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from urllib.parse import urlsplit

from requests.models import PreparedRequest
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    retry_if_result,
)
from urllib3.exceptions import URLSchemeUnknown

from impact_in_pipelines import __version__
from impact_in_pipelines.clock import utc_now
from impact_in_pipelines.connectors.classify import short_wait_ms
from impact_in_pipelines.connectors.http.addresses import AddressPolicy
from impact_in_pipelines.connectors.http.answer import Answer
from impact_in_pipelines.connectors.http.connections import Connections
from impact_in_pipelines.connectors.http.failures import plainly_did_not_arrive
from impact_in_pipelines.delivery.origins import Origin, origin_of
from impact_in_pipelines.settings import Settings

TRIES = 3
USER_AGENT = f"impact-in-pipelines/{__version__}"
_COMMON = {"User-Agent": USER_AGENT, "Accept": "application/json"}
_FIRST_WAIT_MS = 250.0
_KEPT_HOSTS = 64
_KEPT_CONNECTIONS = 256
# A value that ended its line would begin another field; behind a NUL some read nothing.
_FIELD = re.compile(r"[!#$%&'*+.^_`|~\w-]+: [^\0\r\n]*", re.ASCII)


class Transport:
    """Shared by all threads of a process; opens nothing until the first call.

    A call that plainly did not arrive, or was turned away with a Retry-After of at most
    `http_retry_after_max_ms`, is made up to `TRIES` times; none starts later than this wait plus
    `http_read_timeout_ms` after the first. One that may have arrived is never repeated here.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = utc_now,
        rng: random.Random | None = None,
        addresses: AddressPolicy | None = None,
    ) -> None:
        self.now = now
        self.addresses = addresses or AddressPolicy.from_settings(settings)
        self._rng = rng or random.Random()  # noqa: S311
        self._longest_wait_ms = float(settings.http_retry_after_max_ms)
        self._connections = Connections(
            self.addresses.addresses,
            connect_s=settings.http_connect_timeout_ms / 1000,
            read_s=settings.http_read_timeout_ms / 1000,
            hosts=_KEPT_HOSTS,
            each=_KEPT_CONNECTIONS,
        )
        self._total_seconds = (
            settings.http_read_timeout_ms + settings.http_retry_after_max_ms
        ) / 1000
        self._retrying = Retrying(
            retry=retry_if_exception(plainly_did_not_arrive) | retry_if_result(self._is_short_wait),
            wait=self._wait_seconds,
            sleep=sleep,
            retry_error_callback=_last_outcome,
        )

    def post(
        self,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        again: Callable[[], bool] | None = None,
    ) -> Answer:
        """The answer to `body`, sent as it is. Redirects are not followed. It is sent once more only if
        `again`, where given, says so.

        Raises what requests, urllib3 and the socket raise, and `ValueError` for a header that can't
        be sent (`failures.WIRE_ERRORS`); `classify.classify_failure` takes them all.
        """
        target = _target(url)
        fields = {**_COMMON, **headers}
        trouble = False

        def once() -> Answer:
            nonlocal trouble
            answer = self._once("POST", target, fields, body)
            # A 409 after our own 502 may mean that the first try is being processed: not a plain refusal.
            if trouble:
                answer = replace(answer, after_trouble=True)
            trouble = trouble or answer.status >= 500
            return answer

        started = time.monotonic()
        try:
            answer = once()
            if not self._is_short_wait(answer):
                return answer
        except Exception as error:
            if not plainly_did_not_arrive(error):
                raise
            first: Future[Answer] = Future()
            first.set_exception(error)
        else:
            first = Future()
            first.set_result(answer)
        return self._repeated(once, again, first, time.monotonic() - started)

    def _repeated(
        self,
        once: Callable[[], Answer],
        again: Callable[[], bool] | None,
        first: "Future[Answer]",
        took_s: float,
    ) -> Answer:
        """Repeat a call whose `first` try took so long. Only here is tenacity asked: its state, its copy for
        each call and its own bookkeeping cost as much as the rest of a call that needs none of them."""
        tried = iter([first])

        def next_try() -> Answer:
            return done.result() if (done := next(tried, None)) is not None else once()

        def stops(state: RetryCallState) -> bool:
            return self._stops(state, took_s) or (again is not None and not again())

        answer: Answer = self._retrying.copy(stop=stops)(next_try)
        return answer

    def probe(self, url: str) -> Answer:
        """The answer to a HEAD without credentials, tried once: does anybody answer there?"""
        return self._once("HEAD", _target(url), _COMMON, None)

    def close(self) -> None:
        """Close the connections that are kept."""
        self._connections.close()

    def _once(
        self, method: str, target: "_Target", headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        return self._connections.exchange(
            target.origin, method, _request(method, target, headers, body)
        )

    def _is_short_wait(self, answer: Answer) -> bool:
        return short_wait_ms(answer, self._longest_wait_ms, self.now()) is not None

    def _stops(self, state: RetryCallState, took_s: float) -> bool:
        elapsed = took_s + max(state.seconds_since_start or 0.0, state.idle_for)
        late = elapsed + state.upcoming_sleep > self._total_seconds
        return late or state.attempt_number >= TRIES

    def _wait_seconds(self, state: RetryCallState) -> float:
        wait_ms = _FIRST_WAIT_MS * 2.0 ** (state.attempt_number - 1) * self._rng.uniform(0.8, 1.2)
        if state.outcome is not None and not state.outcome.failed:
            asked_ms = short_wait_ms(state.outcome.result(), self._longest_wait_ms, self.now())
            wait_ms = max(wait_ms, asked_ms or 0.0)
        return wait_ms / 1000.0


def longest_attempt_s(settings: Settings) -> float:
    """The longest that one attempt can take, in seconds: a token and a request, and both once more, each made
    until the last try of its own has ended."""
    one_call_ms = (
        2 * settings.http_read_timeout_ms
        + settings.http_connect_timeout_ms
        + settings.http_retry_after_max_ms
    )
    return 4 * one_call_ms / 1000


def _last_outcome(state: RetryCallState) -> Answer:
    assert state.outcome is not None
    answer: Answer = state.outcome.result()
    return answer


@dataclass(frozen=True, slots=True)
class _Target:
    """Where a URL leads; `path` with its query."""

    origin: Origin
    path: str


@lru_cache(maxsize=8_192)
def _target(url: str) -> _Target:
    """Raises what requests raises for a URL that can't be used."""
    request = PreparedRequest()
    request.prepare_url(url, None)
    origin = origin_of(request.url or "")
    if origin is None:
        raise URLSchemeUnknown(urlsplit(url).scheme)
    return _Target(origin, request.path_url)


def _request(method: str, target: _Target, headers: Mapping[str, str], body: bytes | None) -> bytes:
    """The bytes of a request. Raises `ValueError` for a field that can't be sent."""
    given = {name.lower() for name in headers}
    usual = {"Host": target.origin.authority, "Accept-Encoding": "identity"}
    if body is not None:
        usual["Content-Length"] = str(len(body))
    lines = [f"{name}: {value}" for name, value in usual.items() if name.lower() not in given]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if "transfer-encoding" in given or not all(map(_FIELD.fullmatch, lines)):
        raise ValueError("a header can't be sent")  # without its value, which may be secret
    head = "\r\n".join([f"{method} {target.path} HTTP/1.1", *lines, "", ""])
    return head.encode("latin-1") + (body or b"")
