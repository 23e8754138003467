"""What all connectors do alike: authenticate, send once, judge the answer."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

from impact_in_pipelines.connectors.classify import (
    classify_answer,
    classify_failure,
    configuration_error,
    error_result,
    token_was_refused,
)
from impact_in_pipelines.connectors.credentials import (
    check_account,
    evidence,
    redactor_for,
)
from impact_in_pipelines.connectors.http.answer import Answer
from impact_in_pipelines.connectors.http.failures import WIRE_ERRORS
from impact_in_pipelines.connectors.http.transport import Transport
from impact_in_pipelines.connectors.identity.oauth import TokenRefusedError, TokenSource
from impact_in_pipelines.connectors.plugin import PlatformPlugin
from impact_in_pipelines.delivery.model import SendResult, Shipment
from impact_in_pipelines.delivery.states import AttemptOutcome, ErrorKind
from impact_in_pipelines.errors import UsageError
from impact_in_pipelines.logs.context import begin
from impact_in_pipelines.platforms import FACTS, Platform

_log = logging.getLogger(__name__)


def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class _Outgoing:
    """A shipment, where it goes, and its headers but for an OAuth token."""

    url: str
    headers: dict[str, str]
    shipment: Shipment


class PlatformConnector:
    """Implements `delivery.ports.Connector`; the platform's plug-in says where, with which headers, for which
    promise.

    Safe to share between threads.
    """

    def __init__(
        self,
        platform: Platform,
        plugin: PlatformPlugin,
        transport: Transport,
        tokens: TokenSource,
        *,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.platform = platform
        self._plugin = plugin
        self._transport = transport
        self._tokens = tokens
        self._clock = clock

    @cached_property
    def batch_limit(self) -> int:
        """Records that fit in one request; 1: no batches."""
        return FACTS[self.platform].batch_limit

    def send(self, shipment: Shipment, *, again: Callable[[], bool] = _always) -> SendResult:
        """One attempt, layer 1 of the retries and one token refresh included (design D5). Never
        raises for what the wire or the platform does; `latency_ms` is the whole attempt's.

        A token that is refused again is a case for the retry plan: many workers share one client,
        and another one's new token may have ended this one's between two requests. Each request to the
        account after the first asks `again`; token requests don't count against its limits.
        """
        started = self._clock()
        try:
            result = self._attempt(shipment, again)
        except Exception as error:
            # Nothing was sent yet.
            result = self._failed(error, shipment, ErrorKind.CONFIGURATION)
        return result.taking((self._clock() - started) * 1000.0)

    def _attempt(self, shipment: Shipment, again: Callable[[], bool]) -> SendResult:
        connection = shipment.connection
        try:
            check_account(connection)
        except UsageError as error:
            return configuration_error(evidence(error))
        # All that the connector says of a request, before any is sent: the second one, with a new token,
        # must not fail over it after the first.
        request = _Outgoing(self._url(shipment), self._headers(shipment), shipment)
        if not connection.uses_oauth:
            return self._send_once(request, again)
        try:
            token = self._tokens.token(connection)
        except TokenRefusedError as refused:
            return refused.result
        begin(secrets=[token])
        return self._send_once(request, again, token)

    def _send_once(
        self, request: _Outgoing, again: Callable[[], bool], token: str = ""
    ) -> SendResult:
        """Send and judge; whatever fails here, the request may have arrived."""
        connection = request.shipment.connection
        answer: Answer | Exception | None = None
        try:
            answer = self._post(request, token, again)
            if token and isinstance(answer, Answer) and token_was_refused(answer):
                # By name: another worker may have stored a newer one meanwhile, which must stay.
                self._tokens.refused(connection, token)
                if again():
                    token = self._tokens.token(connection)
                    begin(secrets=[token])
                    answer = self._post(request, token, again)
            return self._judge(answer, request.shipment, token)
        except TokenRefusedError as refused:
            return refused.result
        except Exception as error:
            status = answer.status if isinstance(answer, Answer) else None
            result = self._failed(error, request.shipment, ErrorKind.BAD_RESPONSE)
            return replace(result, http_status=status)

    def _failed(self, error: Exception, shipment: Shipment, kind: ErrorKind) -> SendResult:
        """Somebody else's code: its faults are its platform's, and a corrected version repairs them. The
        text isn't kept, it may hold what was signed with."""
        _log.error("the connector of %s failed", self.platform, exc_info=error)
        return error_result(
            AttemptOutcome.RETRYABLE,
            kind,
            f"{FACTS[self.platform].title}: its connector failed ({type(error).__name__})",
            redactor_for(shipment.connection),
        )

    def _url(self, shipment: Shipment) -> str:
        return f"{shipment.connection.base_url.rstrip('/')}{self._plugin.path(shipment)}"

    def _headers(self, shipment: Shipment) -> dict[str, str]:
        common = {
            "Content-Type": "application/json",
            "Idempotency-Key": str(shipment.key),
            "X-Request-ID": str(shipment.request_id),
        }
        if shipment.traceparent is not None:
            common["traceparent"] = shipment.traceparent
        return {**common, **self._plugin.headers(shipment)}

    def _post(
        self, request: _Outgoing, token: str, again: Callable[[], bool]
    ) -> Answer | Exception:
        bearing = {"Authorization": f"Bearer {token}"} if token else {}
        # The frozen bytes, not `json=`: encoded anew, one key could carry two bodies (D4).
        body = request.shipment.body
        try:
            return self._transport.post(
                request.url, {**request.headers, **bearing}, body, again=again
            )
        except WIRE_ERRORS as error:
            return error

    def _judge(self, answer: Answer | Exception, shipment: Shipment, token: str = "") -> SendResult:
        redactor = redactor_for(shipment.connection, token)
        promise = self._plugin.promise(shipment)
        if isinstance(answer, Exception):
            return classify_failure(answer, promise.title, redactor)
        return classify_answer(
            answer,
            promise,
            redactor,
            self._transport.now(),
            may_have_arrived=shipment.may_have_arrived,
            on_token=bool(token),
            verdict=self._plugin.classify(answer, shipment),
        )
