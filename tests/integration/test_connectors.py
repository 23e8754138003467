"""The connectors against the sandbox over HTTP: every platform, every fault switch."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any, Literal
from uuid import UUID, uuid4

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine

from impact_in_pipelines.connectors.check import check_connection
from impact_in_pipelines.connectors.http.transport import TRIES, Transport
from impact_in_pipelines.connectors.registry import connector_for, mapping_for
from impact_in_pipelines.db.accounts.oauth_tokens import OAuthTokenStore
from impact_in_pipelines.db.accounts.vault import Vault
from impact_in_pipelines.delivery.model import Connection, SendResult, Shipment
from impact_in_pipelines.delivery.payload import Payload
from impact_in_pipelines.delivery.ports import Connector
from impact_in_pipelines.delivery.states import AttemptOutcome, ErrorKind
from impact_in_pipelines.impact.figures import ActivityFigures, ImpactFigures, OutcomeFigures
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sandbox.accounts.config import (
    BENEVITY_KEY,
    GOODERA_KEY,
    OAUTH_CLIENT_ID,
    OAUTH_CLIENT_SECRET,
    WORKDAY_TENANT,
)
from impact_in_pipelines.sandbox.client import SandboxClient
from impact_in_pipelines.sandbox.server import Sandbox, running_sandbox
from impact_in_pipelines.settings import read_settings

COMPANY = UUID("00000000-0000-4000-8000-000000000001")
NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
CLIENT = {"client_id": OAUTH_CLIENT_ID, "client_secret": OAUTH_CLIENT_SECRET}
CREDENTIALS = {
    Platform.BENEVITY: {"api_key": BENEVITY_KEY},
    Platform.GOODERA: {"api_key": GOODERA_KEY},
    Platform.WORKDAY: {**CLIENT, "tenant_id": WORKDAY_TENANT},
}
DELIVERED, RETRYABLE = AttemptOutcome.DELIVERED, AttemptOutcome.RETRYABLE
PERMANENT, SPLIT = AttemptOutcome.PERMANENT, AttemptOutcome.SPLIT


@dataclass
class Tokens:
    """A token store in memory."""

    kept: dict[str, tuple[str, datetime]] = field(default_factory=dict)

    def get(self, key: str, now: datetime) -> str | None:
        """The token that is good at `now`, or None."""
        token, expires_at = self.kept.get(key, ("", now))
        return token if expires_at > now else None

    def put(self, key: str, token: str, expires_at: datetime) -> None:
        """Keep `token`."""
        self.kept[key] = (token, expires_at)

    def forget(self, key: str, token: str) -> None:
        """Drop `token` if it is kept."""
        if self.kept.get(key, ("",))[0] == token:
            del self.kept[key]


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    """One sandbox process for this module."""
    with running_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    """The sandbox, as new, without rate limits."""
    running.client.reset()
    running.client.configure(rate_limits_enabled=False)
    return running


@pytest.fixture
def transport() -> Iterator[Transport]:
    """Short time-outs, no waiting."""
    settings = read_settings({"HTTP_READ_TIMEOUT_MS": "1000"})
    made = Transport(settings, sleep=lambda _: None)
    yield made
    made.close()


def account(
    sandbox: Sandbox, platform: Platform, credentials: dict[str, str] | None = None
) -> Connection:
    """An account of the sandbox."""
    return Connection(
        company_id=COMPANY,
        platform=platform,
        organization_id="org-1",
        base_url=f"{sandbox.url}/{platform}",
        credentials=CREDENTIALS[platform] if credentials is None else credentials,
    )


def figures(**changes: Any) -> ImpactFigures:
    """A day with every kind of figure."""
    values: dict[str, Any] = {
        "company_id": COMPANY,
        "period_start": date(2026, 3, 1),
        "period_end": date(2026, 3, 1),
        "timezone": "UTC",
        "participants": 41,
        "volunteers": 12,
        "volunteer_hours": 96.25,
        "sessions": 7,
        "events": 60,
        "activities": (
            ActivityFigures("mentoring", 30.5, 12, 8, 20),
            ActivityFigures("session", 65.75, 30, 9, 7),
        ),
        "outcomes": (
            OutcomeFigures("integration", 0.6789, 20, 0.1, 0.9),
            OutcomeFigures("job_readiness", 1.0, 11, 1.0, 1.0),
            OutcomeFigures("language", 10.0, 18, 10.0, 10.0),
            OutcomeFigures("well_being", 3.3333, 9, 1.0, 5.0),
        ),
    }
    return ImpactFigures(**{**values, **changes})


def shipment(
    connection: Connection, *payloads: Payload, key: UUID | None = None, is_batch: bool = False
) -> Shipment:
    """One attempt; by default with the payload of `figures` under a new key."""
    return Shipment(
        connection=connection,
        key=key or uuid4(),
        request_id=uuid4(),
        payloads=payloads or (mapping_for(connection.platform)(figures(), connection, NOW),),
        is_batch=is_batch,
    )


def send(sandbox: Sandbox, transport: Transport, platform: Platform, **changes: Any) -> SendResult:
    """One attempt with a connector of its own."""
    return connector_for(platform, transport, Tokens()).send(
        shipment(account(sandbox, platform), **changes)
    )


def verdict(result: SendResult) -> tuple[AttemptOutcome, ErrorKind | None]:
    """Outcome and kind."""
    return result.outcome, result.error_kind


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


OAUTH = [(Platform.WORKDAY, CREDENTIALS[Platform.WORKDAY]), (Platform.BENEVITY, CLIENT)]


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


def batch_of(connection: Connection, size: int) -> Shipment:
    """A batch of so many organisations' records."""
    payloads = (
        mapping_for(Platform.GOODERA)(
            figures(), replace(connection, organization_id=f"org-{number}"), NOW
        )
        for number in range(size)
    )
    return shipment(connection, *payloads, is_batch=True)


def test_a_batch_is_accepted_whole_under_its_id(sandbox: Sandbox, transport: Transport) -> None:
    """A hundred records, one request, one key."""
    sent = batch_of(account(sandbox, Platform.GOODERA), 100)
    connector = connector_for(Platform.GOODERA, transport, Tokens())
    assert connector.batch_limit == 100
    assert connector.send(sent).outcome is DELIVERED
    stats = sandbox.client.stats()[Platform.GOODERA]
    assert (stats["acceptedRequests"], stats["accepted"]) == (1, 100)


@pytest.mark.parametrize("fault", ["unknown_project", "bad_request", "success_false", "too_long"])
def test_a_batch_refused_for_one_records_sake_is_to_be_split(
    sandbox: Sandbox, transport: Transport, fault: str
) -> None:
    """Refused whole: nothing was taken, so its records may be sent singly."""
    if fault == "unknown_project":
        sandbox.client.configure(unknown_organizations={Platform.GOODERA: ["org-1"]})
    elif fault != "too_long":
        sandbox.client.add_fault(Platform.GOODERA, fault)
    sent = batch_of(account(sandbox, Platform.GOODERA), 101 if fault == "too_long" else 3)
    result = connector_for(Platform.GOODERA, transport, Tokens()).send(sent)
    assert verdict(result) == (SPLIT, ErrorKind.BATCH_REFUSED)
    assert sandbox.client.stats()[Platform.GOODERA]["accepted"] == 0


@pytest.mark.parametrize("kind", ["unauthorized", "server_error", "timeout_before"])
def test_a_batch_that_meets_other_trouble_stays_whole(
    sandbox: Sandbox, transport: Transport, kind: str
) -> None:
    """Until it is resolved it is repeated whole under the same key."""
    sandbox.client.add_fault(Platform.GOODERA, kind)
    sent = batch_of(account(sandbox, Platform.GOODERA), 3)
    result = connector_for(Platform.GOODERA, transport, Tokens()).send(sent)
    assert result.outcome is (PERMANENT if kind == "unauthorized" else RETRYABLE)


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
