"""Transports that note their waits, and how a call that must fail is judged."""

import socket
from contextlib import suppress

import pytest

from connectors.helpers import (
    Handler,
    http_answer,
)
from impact_in_pipelines.connectors.classify import classify_failure
from impact_in_pipelines.connectors.http.failures import WIRE_ERRORS
from impact_in_pipelines.connectors.http.transport import Transport
from impact_in_pipelines.delivery.model import SendResult
from impact_in_pipelines.redaction.redactor import Redactor

OK = http_answer(200, b'{"success": true}')


class Waits(list[float]):
    """Takes the place of `sleep`: notes the seconds instead of waiting."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def failure(transport: Transport, url: str, headers: dict[str, str] | None = None) -> SendResult:
    """How a call that must fail is judged."""
    with pytest.raises(WIRE_ERRORS) as caught:
        transport.post(url, headers or {}, b"{}")
    return classify_failure(caught.value, "Benevity", Redactor(["secret-value"]))


def trickle(part: bytes, head: bytes = b"") -> Handler:
    """A handler that sends `head`, then `part` again and again, faster than any read time-out."""

    def handle(accepted: socket.socket, _request: bytes, _number: int) -> None:
        accepted.sendall(head)
        accepted.settimeout(0.02)
        for _ in range(1_000):
            accepted.sendall(part)
            with suppress(TimeoutError):
                if not accepted.recv(1):
                    return

    return handle
