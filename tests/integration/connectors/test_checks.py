"""Trying an account out, and accounts that are not complete."""

from dataclasses import replace

import pytest

from impact_in_pipelines.connectors.check import check_connection
from impact_in_pipelines.connectors.http.transport import Transport
from impact_in_pipelines.connectors.registry import connector_for
from impact_in_pipelines.delivery.states import ErrorKind
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sandbox.client import SandboxClient
from impact_in_pipelines.sandbox.server import Sandbox

from .accounts import (
    CLIENT,
    OAUTH,
    PERMANENT,
    Tokens,
    account,
    shipment,
    verdict,
)


@pytest.mark.parametrize("platform", list(Platform))
def test_missing_credentials_are_named_before_anything_is_sent(
    sandbox: Sandbox, transport: Transport, platform: Platform
) -> None:
    """Permanent, kind `configuration`, nothing on the wire."""
    connection = account(sandbox, platform, {})
    result = connector_for(platform, transport, Tokens()).send(shipment(connection))
    assert verdict(result) == (PERMANENT, ErrorKind.CONFIGURATION)
    assert "missing" in (result.error or "")
    assert sandbox.client.stats()[platform]["received"] == 0


@pytest.mark.parametrize(("platform", "credentials"), OAUTH)
def test_checking_an_oauth_account_proves_its_client_without_delivering(
    sandbox: Sandbox, transport: Transport, platform: Platform, credentials: dict[str, str]
) -> None:
    """A new token each time: a kept one would prove nothing."""
    connection = account(sandbox, platform, credentials)
    tokens = Tokens()
    for _ in range(2):
        check = check_connection(connection, transport, tokens)
        assert check.ok
        assert any("access token" in clause for clause in check.verified)
        assert any("org-1" in clause for clause in check.not_verified)
    stats = sandbox.client.stats()[platform]
    assert (stats["tokenRequests"], stats["received"]) == (2, 0)
    wrong = account(sandbox, platform, {**credentials, "client_secret": "wrong-secret"})
    refused = check_connection(wrong, transport, tokens)
    assert not refused.ok
    assert "credentials" in (refused.error or "")
    assert "wrong-secret" not in repr(refused)


@pytest.mark.parametrize("platform", [Platform.BENEVITY, Platform.GOODERA])
def test_checking_a_key_account_says_that_the_key_was_not_tried(
    sandbox: Sandbox, transport: Transport, platform: Platform
) -> None:
    """The contract has no call that takes a key and delivers nothing."""
    check = check_connection(account(sandbox, platform), transport, Tokens())
    assert check.ok
    assert any("base URL" in clause for clause in check.verified)
    assert any("API key" in clause for clause in check.not_verified)
    assert sandbox.client.stats()[platform]["received"] == 0
    away = replace(account(sandbox, platform), base_url="http://127.0.0.1:1")
    refused = check_connection(away, transport, Tokens())
    assert not refused.ok
    assert "refused" in (refused.error or "")


def test_checking_says_when_credentials_travel_in_the_clear(
    sandbox: Sandbox, transport: Transport
) -> None:
    """Plain http to another host; on this machine it is nobody's business."""
    here = account(sandbox, Platform.GOODERA)
    away = replace(here, base_url="http://nowhere.invalid")
    clauses = [check_connection(found, transport, Tokens()).not_verified for found in (here, away)]
    assert ["not encrypted" in " ".join(found) for found in clauses] == [False, True]


def test_checking_an_incomplete_account_tries_nothing(
    sandbox: Sandbox, transport: Transport
) -> None:
    """The line says what is missing."""
    check = check_connection(account(sandbox, Platform.WORKDAY, CLIENT), transport, Tokens())
    assert not check.ok
    assert "tenant_id" in (check.error or "")


def test_the_sandbox_saw_no_stray_request(sandbox: Sandbox, transport: Transport) -> None:
    """A wrong base URL is a matter of configuration, and no platform hears of it."""
    connection = replace(account(sandbox, Platform.BENEVITY), base_url=f"{sandbox.url}/elsewhere")
    result = connector_for(Platform.BENEVITY, transport, Tokens()).send(shipment(connection))
    assert verdict(result) == (PERMANENT, ErrorKind.CONFIGURATION)
    assert "base URL" in (result.error or "")
    client: SandboxClient = sandbox.client
    assert all(client.stats()[platform]["received"] == 0 for platform in Platform)
