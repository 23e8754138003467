"""The one transport of all connectors: pooled HTTP and layer 1 of the retries (design D5).

It goes through requests' adapter, not its `Session`: a session keeps cookies between accounts,
reads redirects without bound, and costs half as much CPU again a request (measured: 0.75 against
0.52 ms, urllib3 alone 0.42). Nothing is taken from the environment: no proxies, no .netrc.
"""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache

from requests.models import PreparedRequest
from requests.structures import CaseInsensitiveDict
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    retry_if_result,
)
from urllib3 import BaseHTTPResponse

from impact_in_pipelines import __version__
from impact_in_pipelines.clock import utc_now
from impact_in_pipelines.connectors.classify import short_wait_ms
from impact_in_pipelines.connectors.http.addresses import AddressPolicy
from impact_in_pipelines.connectors.http.answer import Answer
from impact_in_pipelines.connectors.http.deadline import BoundedAdapter
from impact_in_pipelines.connectors.http.failures import plainly_did_not_arrive
from impact_in_pipelines.settings import Settings

MAX_ANSWER_BYTES = 1024 * 1024
TRIES = 3
USER_AGENT = f"impact-in-pipelines/{__version__}"
_FIRST_WAIT_MS = 250.0
_POOLED_HOSTS = 64
_POOLED_CONNECTIONS = 128


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
        self._timeout = (
            settings.http_connect_timeout_ms / 1000,
            settings.http_read_timeout_ms / 1000,
        )
        self._adapter = BoundedAdapter(
            self.addresses.addresses,
            pool_connections=_POOLED_HOSTS,
            pool_maxsize=_POOLED_CONNECTIONS,
        )
        self._total_seconds = (
            settings.http_read_timeout_ms + settings.http_retry_after_max_ms
        ) / 1000
        self._retrying = Retrying(
            retry=retry_if_exception(plainly_did_not_arrive) | retry_if_result(self._is_short_wait),
            stop=self._stops,
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
        request = _prepared("POST", url, headers, body)
        trouble = False

        def once() -> Answer:
            nonlocal trouble
            answer = replace(self._once(request), after_trouble=trouble)
            trouble = trouble or answer.status >= 500
            return answer

        retrying = self._retrying
        if again is not None:
            retrying = retrying.copy(stop=lambda state: self._stops(state) or not again())
        answer: Answer = retrying(once)
        return answer

    def probe(self, url: str) -> Answer:
        """The answer to a HEAD without credentials, tried once: does anybody answer there?"""
        return self._once(_prepared("HEAD", url, {}, None))

    def close(self) -> None:
        """Close the pooled connections."""
        self._adapter.close()

    def _once(self, request: PreparedRequest) -> Answer:
        response = self._adapter.send(
            request, stream=True, timeout=self._timeout, verify=True, proxies={}
        )
        raw: BaseHTTPResponse = response.raw
        try:
            body = raw.read(MAX_ANSWER_BYTES + 1, decode_content=True)
            truncated = len(body) > MAX_ANSWER_BYTES
        except BaseException:
            raw.close()
            raise
        if truncated:
            raw.close()
        else:
            raw.release_conn()
        headers = response.headers
        return Answer(
            status=response.status_code,
            body=body[:MAX_ANSWER_BYTES],
            content_type=headers.get("content-type"),
            retry_after=headers.get("retry-after"),
            date=headers.get("date"),
            truncated=truncated,
        )

    def _is_short_wait(self, answer: Answer) -> bool:
        return short_wait_ms(answer, self._longest_wait_ms, self.now()) is not None

    def _stops(self, state: RetryCallState) -> bool:
        elapsed = max(state.seconds_since_start or 0.0, state.idle_for)
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


@lru_cache(maxsize=8_192)
def _checked_url(url: str) -> str:
    request = PreparedRequest()
    request.prepare_url(url, None)
    assert request.url is not None
    return request.url


def _prepared(
    method: str, url: str, headers: Mapping[str, str], body: bytes | None
) -> PreparedRequest:
    """Fill in the request by hand: `prepare()` looks for credentials, cookies and files anew each
    time."""
    request = PreparedRequest()
    request.method = method
    request.url = _checked_url(url)
    fields = CaseInsensitiveDict(
        {"User-Agent": USER_AGENT, "Accept": "application/json", **headers}
    )
    if body is not None:
        fields["Content-Length"] = str(len(body))
    request.headers = fields
    request.body = body
    return request
