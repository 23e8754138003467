"""OAuth accounts: tokens are refreshed once, shared, and checked before anything is sent."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine

from impact_in_pipelines.connectors.http.transport import Transport
from impact_in_pipelines.connectors.registry import connector_for
from impact_in_pipelines.db.accounts.oauth_tokens import OAuthTokenStore
from impact_in_pipelines.db.accounts.vault import Vault
from impact_in_pipelines.delivery.model import SendResult, Shipment
from impact_in_pipelines.delivery.ports import Connector
from impact_in_pipelines.delivery.states import AttemptOutcome, ErrorKind
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sandbox.server import Sandbox

from .accounts import (
    DELIVERED,
    OAUTH,
    PERMANENT,
    RETRYABLE,
    Tokens,
    account,
    send,
    shipment,
    verdict,
)


@pytest.mark.parametrize(("platform", "credentials"), OAUTH)
def test_an_expired_token_is_refreshed_once_within_the_attempt(
    sandbox: Sandbox, transport: Transport, platform: Platform, credentials: dict[str, str]
) -> None:
    """The 401 costs one token request and one repeat, nothing more."""
    connector = connector_for(platform, transport, Tokens())
    connection = account(sandbox, platform, credentials)
    assert connector.send(shipment(connection)).outcome is DELIVERED
    sandbox.client.expire_tokens()
    assert connector.send(shipment(connection)).outcome is DELIVERED
    stats = sandbox.client.stats()[platform]
    assert (stats["tokenRequests"], stats["received"], stats["accepted"]) == (2, 3, 2)


@pytest.mark.parametrize(("platform", "credentials"), OAUTH)
def test_a_401_that_stays_is_left_to_the_retry_plan(
    sandbox: Sandbox, transport: Transport, platform: Platform, credentials: dict[str, str]
) -> None:
    """Two requests in the attempt; the token may have been ended by another worker's new one, so
    that it is retried, and fails for good as an authentication error when no attempt is left."""
    sandbox.client.add_fault(platform, "expired_token")
    result = connector_for(platform, transport, Tokens()).send(
        shipment(account(sandbox, platform, credentials))
    )
    assert verdict(result) == (RETRYABLE, ErrorKind.AUTHENTICATION)
    stats = sandbox.client.stats()[platform]
    assert (stats["tokenRequests"], stats["received"]) == (2, 2)


def _send(connector: Connector, sent: Shipment) -> SendResult:
    return connector.send(sent)


def test_workers_that_end_each_others_tokens_fail_nothing_for_good(
    sandbox: Sandbox, transport: Transport
) -> None:
    """A platform with one live token a client, and eight workers that don't share theirs: a second 401
    in a row meets innocent deliveries. Sent again under the same key, each arrives once."""
    sandbox.client.configure(one_token_per_client=True)
    connection = account(sandbox, Platform.WORKDAY)
    connectors = [connector_for(Platform.WORKDAY, transport, Tokens()) for _ in range(8)]
    left = [shipment(connection) for _ in range(80)]
    rounds = 0
    while left and rounds < 40:
        # Fewer workers at each round, so that it comes to an end.
        at_work = max(1, 8 - rounds)
        with ThreadPoolExecutor(at_work) as pool:
            chosen = [connectors[number % at_work] for number in range(len(left))]
            results = list(pool.map(_send, chosen, left))
        assert AttemptOutcome.PERMANENT not in {result.outcome for result in results}
        ended = zip(left, results, strict=True)
        left = [sent for sent, result in ended if result.outcome is not DELIVERED]
        rounds += 1
    assert not left
    report = sandbox.client.accepted(Platform.WORKDAY)
    assert [line["timesAccepted"] for line in report["accepted"]] == [1] * 80


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"kind": "unauthorized"}, (PERMANENT, ErrorKind.AUTHENTICATION)),
        ({"kind": "bad_request"}, (PERMANENT, ErrorKind.AUTHENTICATION)),
        ({"kind": "server_error"}, (RETRYABLE, ErrorKind.SERVER_ERROR)),
        ({"kind": "connection_reset"}, (RETRYABLE, ErrorKind.NETWORK)),
        ({"kind": "malformed_json"}, (RETRYABLE, ErrorKind.BAD_RESPONSE)),
        ({"kind": "success_false"}, (RETRYABLE, ErrorKind.BAD_RESPONSE)),
    ],
)
def test_a_token_endpoints_trouble_ends_the_attempt_before_anything_is_sent(
    sandbox: Sandbox,
    transport: Transport,
    fault: dict[str, Any],
    expected: tuple[AttemptOutcome, ErrorKind],
) -> None:
    """Classified like any answer."""
    sandbox.client.add_fault(Platform.WORKDAY, target="token", **fault)
    assert verdict(send(sandbox, transport, Platform.WORKDAY)) == expected
    assert sandbox.client.stats()[Platform.WORKDAY]["received"] == 0


def test_twenty_threads_of_two_workers_share_one_token(
    sandbox: Sandbox, transport: Transport, engine: Engine
) -> None:
    """Through PostgreSQL: the second worker asks the table, not the platform."""
    tokens = OAuthTokenStore(engine, Vault([Fernet.generate_key().decode()]))
    connection = account(sandbox, Platform.WORKDAY)
    for _ in range(2):
        connector: Connector = connector_for(Platform.WORKDAY, transport, tokens)
        with ThreadPoolExecutor(20) as pool:
            sent = [shipment(connection) for _ in range(40)]
            results = list(pool.map(connector.send, sent))
        assert {result.outcome for result in results} == {DELIVERED}
    stats = sandbox.client.stats()[Platform.WORKDAY]
    assert (stats["tokenRequests"], stats["accepted"]) == (1, 80)
