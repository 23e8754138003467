"""A connector whose own code fails: before its request nothing was sent, after it all may have arrived."""

import json
from typing import Any

import pytest

from connectors.helpers import (
    MemoryTokens,
    RawServer,
    answers,
    connection,
    http_answer,
    raw_server,
    settings,
    shipment,
)
from impact_in_pipelines.connectors.base import PlatformConnector
from impact_in_pipelines.connectors.http.transport import Transport
from impact_in_pipelines.connectors.identity.oauth import TokenSource
from impact_in_pipelines.connectors.plugins.benevity import Benevity
from impact_in_pipelines.delivery.model import SendResult
from impact_in_pipelines.delivery.states import MAY_HAVE_ARRIVED, AttemptOutcome, ErrorKind
from impact_in_pipelines.platforms import Platform

TAKEN = http_answer(200, json.dumps({"success": True, "transactionId": "t-1"}).encode())
TOKEN = http_answer(200, b'{"access_token": "tk-1", "token_type": "Bearer", "expires_in": 3600}')


def failing_in(part: str) -> Benevity:
    """A connector of which one part looks for a field that isn't there."""
    plugin = Benevity()

    def fails(*_: Any) -> Any:
        return {"secret": "s3cret"}["receipt"]

    setattr(plugin, part, fails)
    return plugin


def sent(plugin: Benevity, server: RawServer, credentials: dict[str, str] | None) -> SendResult:
    """One attempt with it."""
    transport = Transport(settings(), sleep=lambda _: None)
    connector = PlatformConnector(
        Platform.BENEVITY, plugin, transport, TokenSource(transport, MemoryTokens())
    )
    account = connection(Platform.BENEVITY, server.url, credentials=credentials)
    result = connector.send(shipment(account, {"hours": 4.5}))
    transport.close()
    return result


@pytest.mark.parametrize("credentials", [None, {"client_id": "c", "client_secret": "s3cret-cs"}])
@pytest.mark.parametrize("part", ["promise", "classify"])
def test_what_fails_over_an_answer_may_have_arrived(
    part: str, credentials: dict[str, str] | None
) -> None:
    """A batch that had arrived counted as unsent once, because the verdict on its answer failed: a replay
    would have sent its records again under keys of their own."""
    script = (TOKEN, TAKEN) if credentials else (TAKEN,)
    with raw_server(answers(*script)) as server:
        result = sent(failing_in(part), server, credentials)
    assert len(server.requests) == len(script)
    assert (result.outcome, result.http_status) == (AttemptOutcome.RETRYABLE, 200)
    assert result.error_kind is ErrorKind.BAD_RESPONSE
    assert result.error_kind in MAY_HAVE_ARRIVED
    assert result.error == "Benevity: its connector failed (KeyError)"


def test_a_verdict_that_is_none_may_have_arrived() -> None:
    """Something else than `Judgement` fails only where it is read."""
    plugin = Benevity()
    plugin.classify = lambda *_: "delivered"  # type: ignore[method-assign, assignment]
    with raw_server(answers(TAKEN)) as server:
        result = sent(plugin, server, None)
    assert (result.error_kind, result.http_status) == (ErrorKind.BAD_RESPONSE, 200)


@pytest.mark.parametrize("credentials", [None, {"client_id": "c", "client_secret": "s3cret-cs"}])
@pytest.mark.parametrize("part", ["path", "headers"])
def test_what_fails_before_the_request_has_sent_nothing(
    part: str, credentials: dict[str, str] | None
) -> None:
    """It waits for a corrected version, and no request goes out, not even for a token."""
    with raw_server(answers(TOKEN)) as server:
        result = sent(failing_in(part), server, credentials)
    assert server.requests == []
    assert result.outcome is AttemptOutcome.RETRYABLE
    assert result.error_kind is ErrorKind.CONFIGURATION
    assert result.error_kind not in MAY_HAVE_ARRIVED
