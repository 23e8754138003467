"""The connectors against the sandbox over HTTP: every platform, every fault switch."""

from dataclasses import replace
from datetime import date
from typing import Any, Literal
from uuid import uuid4

import pytest

from impact_in_pipelines.connectors.http.transport import TRIES, Transport
from impact_in_pipelines.connectors.registry import connector_for, mapping_for
from impact_in_pipelines.delivery.states import AttemptOutcome, ErrorKind
from impact_in_pipelines.impact.figures import ImpactFigures
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sandbox.accounts.config import (
    BENEVITY_KEY,
    GOODERA_KEY,
    OAUTH_CLIENT_SECRET,
)
from impact_in_pipelines.sandbox.server import Sandbox

from .accounts import (
    COMPANY,
    DELIVERED,
    NOW,
    PERMANENT,
    RETRYABLE,
    Tokens,
    account,
    figures,
    send,
    shipment,
    verdict,
)


@pytest.mark.parametrize("platform", list(Platform))
def test_a_payload_is_accepted_under_its_key(
    sandbox: Sandbox, transport: Transport, platform: Platform
) -> None:
    """Body, headers and credentials keep the contract; key and attempt id arrive."""
    sent = shipment(account(sandbox, platform))
    result = connector_for(platform, transport, Tokens()).send(sent)
    assert verdict(result) == (DELIVERED, None)
    assert result.transaction_id
    assert result.http_status == 200
    assert result.latency_ms > 0
    [line] = sandbox.client.accepted(platform)["accepted"]
    assert line["key"] == str(sent.key)
    assert line["requestIds"] == [str(sent.request_id)]
    assert (line["organizationId"], line["periodStart"]) == ("org-1", "2026-03-01")
    [kept] = sandbox.client.bodies(platform)
    assert kept["body"].encode() == sent.body


@pytest.mark.parametrize("platform", list(Platform))
def test_an_empty_day_is_accepted(
    sandbox: Sandbox, transport: Transport, platform: Platform
) -> None:
    """Zeros are figures too."""
    empty = ImpactFigures(COMPANY, date(2026, 3, 1), date(2026, 3, 1), "UTC")
    connection = account(sandbox, platform)
    payload = mapping_for(platform)(empty, connection, NOW)
    result = connector_for(platform, transport, Tokens()).send(shipment(connection, payload))
    assert verdict(result) == (DELIVERED, None)


@pytest.mark.parametrize("platform", list(Platform))
def test_a_repeat_under_the_same_key_gets_the_first_answer(
    sandbox: Sandbox, transport: Transport, platform: Platform
) -> None:
    """Sent again after a crash, it is accepted once (D4)."""
    connector = connector_for(platform, transport, Tokens())
    sent = shipment(account(sandbox, platform))
    first, again = connector.send(sent), connector.send(sent)
    assert first.transaction_id == again.transaction_id
    assert [line["timesAccepted"] for line in sandbox.client.accepted(platform)["accepted"]] == [1]


@pytest.mark.parametrize("platform", list(Platform))
def test_another_body_under_the_same_key_is_rejected_for_good(
    sandbox: Sandbox, transport: Transport, platform: Platform
) -> None:
    """422: one key never carries two bodies (D4)."""
    connection, key = account(sandbox, platform), uuid4()
    connector = connector_for(platform, transport, Tokens())
    connector.send(shipment(connection, key=key))
    other = mapping_for(platform)(figures(participants=40), connection, NOW)
    result = connector.send(shipment(connection, other, key=key))
    assert verdict(result) == (PERMANENT, ErrorKind.REJECTED)
    assert result.http_status == 422


@pytest.mark.parametrize("platform", list(Platform))
@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"kind": "server_error", "status": 500}, (RETRYABLE, ErrorKind.SERVER_ERROR)),
        ({"kind": "server_error", "status": 502}, (RETRYABLE, ErrorKind.SERVER_ERROR)),
        (
            {"kind": "rate_limited", "retry_after_seconds": 90},
            (RETRYABLE, ErrorKind.RATE_LIMITED),
        ),
        ({"kind": "timeout_before"}, (RETRYABLE, ErrorKind.TIMEOUT)),
        ({"kind": "connection_reset"}, (RETRYABLE, ErrorKind.NETWORK)),
        ({"kind": "malformed_json"}, (RETRYABLE, ErrorKind.BAD_RESPONSE)),
        ({"kind": "success_false"}, (PERMANENT, ErrorKind.REJECTED)),
        ({"kind": "bad_request"}, (PERMANENT, ErrorKind.REJECTED)),
        ({"kind": "unauthorized"}, (PERMANENT, ErrorKind.AUTHENTICATION)),
    ],
)
def test_each_fault_is_classified(
    sandbox: Sandbox,
    transport: Transport,
    platform: Platform,
    fault: dict[str, Any],
    expected: tuple[AttemptOutcome, ErrorKind],
) -> None:
    """What the platform does wrong ends the attempt with the right outcome, kind and a clean
    text."""
    sandbox.client.add_fault(platform, **fault)
    result = send(sandbox, transport, platform)
    if fault["kind"] == "unauthorized" and platform is Platform.WORKDAY:
        expected = RETRYABLE, ErrorKind.AUTHENTICATION  # a token, not the credentials
    assert verdict(result) == expected
    assert result.error
    assert not any(
        secret in f"{result.error}{result.response}"
        for secret in (BENEVITY_KEY, GOODERA_KEY, OAUTH_CLIENT_SECRET)
    )
    assert sandbox.client.stats()[platform]["accepted"] == 0


@pytest.mark.parametrize("platform", list(Platform))
@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "timeout_after"},
        {"kind": "connection_reset_after"},
        {"kind": "malformed_json", "after_processing": True},
        {"kind": "server_error", "after_processing": True},
    ],
)
def test_what_arrived_without_an_answer_is_retryable_and_then_delivered_once(
    sandbox: Sandbox, transport: Transport, platform: Platform, fault: dict[str, Any]
) -> None:
    """The next attempt under the same key finds it accepted; the platform has it once."""
    sandbox.client.add_fault(platform, count=1, **fault)
    connector = connector_for(platform, transport, Tokens())
    sent = shipment(account(sandbox, platform))
    assert connector.send(sent).outcome is RETRYABLE
    assert connector.send(sent).outcome is DELIVERED
    [line] = sandbox.client.accepted(platform)["accepted"]
    assert (line["timesReceived"], line["timesAccepted"]) == (2, 1)


@pytest.mark.parametrize("platform", list(Platform))
@pytest.mark.parametrize("written", ["seconds", "date"])
def test_a_short_rate_limit_is_waited_out_within_the_attempt(
    sandbox: Sandbox, transport: Transport, platform: Platform, written: Literal["seconds", "date"]
) -> None:
    """Retry-After in seconds or as a date (D5, layer 1)."""
    sandbox.client.add_fault(platform, "rate_limited", count=TRIES - 1, retry_after_format=written)
    assert send(sandbox, transport, platform).outcome is DELIVERED
    assert sandbox.client.stats()[platform]["received"] == TRIES


@pytest.mark.parametrize("platform", list(Platform))
def test_a_longer_rate_limit_is_handed_to_the_retry_plan(
    sandbox: Sandbox, transport: Transport, platform: Platform
) -> None:
    """What the platform asked for goes with the result; nothing was repeated."""
    sandbox.client.add_fault(platform, "rate_limited", retry_after_seconds=90)
    result = send(sandbox, transport, platform)
    assert result.retry_after_ms == 90_000.0
    assert sandbox.client.stats()[platform]["received"] == 1


def test_the_published_rate_limit_is_met_and_understood(
    sandbox: Sandbox, transport: Transport
) -> None:
    """The 31st request of a minute is Workday's own 429."""
    sandbox.client.configure(rate_limits_enabled=True)
    connector = connector_for(Platform.WORKDAY, transport, Tokens())
    connection = account(sandbox, Platform.WORKDAY)
    results = [connector.send(shipment(connection)) for _ in range(31)]
    assert [result.outcome for result in results[:30]] == [DELIVERED] * 30
    assert verdict(results[30]) == (RETRYABLE, ErrorKind.RATE_LIMITED)
    assert (results[30].retry_after_ms or 0) > 10_000


@pytest.mark.parametrize(
    ("platform", "code", "kind"),
    [
        (Platform.BENEVITY, "ORG_NOT_FOUND", ErrorKind.REJECTED),
        (Platform.GOODERA, "PROJECT_NOT_FOUND", ErrorKind.REJECTED),
        (Platform.WORKDAY, "TENANT_INVALID", ErrorKind.AUTHENTICATION),
    ],
)
def test_an_unknown_organisation_is_final_and_named(
    sandbox: Sandbox, transport: Transport, platform: Platform, code: str, kind: ErrorKind
) -> None:
    """The platform's code stands in the log."""
    sandbox.client.configure(unknown_organizations={platform: ["org-1"]})
    result = send(sandbox, transport, platform)
    assert verdict(result) == (PERMANENT, kind)
    assert code in (result.error or "")


@pytest.mark.parametrize("platform", [Platform.BENEVITY, Platform.GOODERA])
def test_a_wrong_key_is_an_authentication_error_at_once(
    sandbox: Sandbox, transport: Transport, platform: Platform
) -> None:
    """One request; there is no token to refresh."""
    connection = account(sandbox, platform, {"api_key": "wrong-key-123"})
    result = connector_for(platform, transport, Tokens()).send(shipment(connection))
    assert verdict(result) == (PERMANENT, ErrorKind.AUTHENTICATION)
    assert sandbox.client.stats()[platform]["received"] == 1


@pytest.mark.parametrize("platform", list(Platform))
def test_a_request_that_is_being_processed_is_sent_again_under_its_key(
    sandbox: Sandbox, transport: Transport, platform: Platform
) -> None:
    """409 with Retry-After after a time-out: retryable, then the platform's first answer."""
    sandbox.client.add_fault(platform, "timeout_after", count=1)
    sandbox.client.add_fault(platform, "in_progress", count=1, retry_after_seconds=90)
    sandbox.client.add_fault(platform, "in_progress", count=1, retry_after_seconds=None)
    connector = connector_for(platform, transport, Tokens())
    sent = shipment(account(sandbox, platform))
    assert connector.send(sent).outcome is RETRYABLE
    again = replace(sent, may_have_arrived=True)
    busy = connector.send(again)
    assert verdict(busy) == (RETRYABLE, ErrorKind.SERVER_ERROR)
    assert busy.retry_after_ms == 90_000.0
    assert verdict(connector.send(again)) == (RETRYABLE, ErrorKind.SERVER_ERROR)
    assert connector.send(again).outcome is DELIVERED
    [line] = sandbox.client.accepted(platform)["accepted"]
    assert (line["timesReceived"], line["timesAccepted"]) == (4, 1)


def test_a_duplicate_activity_is_a_delivery(sandbox: Sandbox, transport: Transport) -> None:
    """Workday may answer a repeat with 409 DUPLICATE_ACTIVITY: the earlier attempt arrived."""
    sandbox.client.configure(workday_duplicates="conflict")
    sandbox.client.add_fault(Platform.WORKDAY, "timeout_after", count=1)
    connector = connector_for(Platform.WORKDAY, transport, Tokens())
    sent = shipment(account(sandbox, Platform.WORKDAY))
    assert connector.send(sent).outcome is RETRYABLE
    result = connector.send(sent)
    assert verdict(result) == (DELIVERED, None)
    assert result.transaction_id == str(sent.key)
    assert (result.http_status, dict(result.response or {})["errorCode"]) == (
        409,
        "DUPLICATE_ACTIVITY",
    )
