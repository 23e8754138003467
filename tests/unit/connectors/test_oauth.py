"""Tokens are shared, refreshed early, asked for once at a time, and their failures judged like
answers."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from urllib.parse import parse_qs

import pytest

from connectors.helpers import (
    CLIENT_SECRET,
    NOW,
    Handler,
    MemoryTokens,
    answers,
    closed_port,
    connection,
    http_answer,
    raw_server,
    settings,
)
from impact_in_pipelines.connectors.http.transport import Transport
from impact_in_pipelines.connectors.identity.oauth import (
    STORED_FOR,
    TokenRefusedError,
    TokenSource,
    token_key,
)
from impact_in_pipelines.delivery.states import AttemptOutcome, ErrorKind
from impact_in_pipelines.errors import DatabaseUnavailable
from impact_in_pipelines.platforms import Platform


class Clock:
    """A time of day that moves when told."""

    def __init__(self) -> None:
        self.time = NOW

    def __call__(self) -> datetime:
        return self.time

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.time += timedelta(seconds=seconds)


class AbsentStore:
    """A store whose database is away."""

    def get(self, *_: object) -> str | None:
        raise DatabaseUnavailable("PostgreSQL doesn't answer")

    def put(self, *_: object) -> None:
        raise DatabaseUnavailable("PostgreSQL doesn't answer")

    def forget(self, *_: object) -> None:
        raise DatabaseUnavailable("PostgreSQL doesn't answer")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def transport(clock: Clock) -> Iterator[Transport]:
    made = Transport(settings(), now=clock, sleep=lambda _: None)
    yield made
    made.close()


def granting(lifetime_seconds: int = 3600) -> Handler:
    """A token endpoint that gives `token-1`, `token-2`, …"""

    def handle(accepted: socket.socket, _request: bytes, number: int) -> bool:
        body = {"access_token": f"token-{number}", "token_type": "Bearer"}
        grant = json.dumps({**body, "expires_in": lifetime_seconds}).encode()
        accepted.sendall(http_answer(200, grant))
        return True

    return handle


def test_the_request_is_what_rfc_6749_says(transport: Transport) -> None:
    """Form-encoded client credentials with Workday's scope, secrets in the body, not in the URL."""
    with raw_server(granting()) as server:
        account = connection(Platform.WORKDAY, server.url + "/")
        TokenSource(transport, MemoryTokens()).token(account)
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /oauth2/token HTTP/1.1")
    assert b"content-type: application/x-www-form-urlencoded" in head.lower()
    assert parse_qs(body.decode(), strict_parsing=True) == {
        "grant_type": ["client_credentials"],
        "client_id": ["client-1"],
        "client_secret": [CLIENT_SECRET],
        "scope": ["volunteer_management"],
    }


def test_twenty_threads_share_one_token_request(transport: Transport) -> None:
    """One refresh at a time in a process; the others wait and use it."""
    store = MemoryTokens()
    source = TokenSource(transport, store)
    start = threading.Barrier(20)
    with raw_server(granting()) as server:
        account = connection(Platform.WORKDAY, server.url)

        def ask(_: int) -> str:
            start.wait(30)
            return source.token(account)

        with ThreadPoolExecutor(20) as pool:
            assert set(pool.map(ask, range(20))) == {"token-1"}
        assert len(server.requests) == 1
    assert store.puts == 1


def test_two_processes_share_a_token_through_the_store(transport: Transport) -> None:
    """What one worker got, the next one finds."""
    store = MemoryTokens()
    with raw_server(granting()) as server:
        account = connection(Platform.WORKDAY, server.url)
        assert TokenSource(transport, store).token(account) == "token-1"
        assert TokenSource(transport, store).token(account) == "token-1"
        assert len(server.requests) == 1


@pytest.mark.parametrize(("lifetime", "good_for"), [(3600, 3540), (600, 540), (100, 50), (10, 5)])
def test_a_token_is_refreshed_a_minute_early(
    transport: Transport, clock: Clock, lifetime: int, good_for: int
) -> None:
    """Or after half its life, where it lives shorter than two minutes."""
    source = TokenSource(transport, MemoryTokens())
    with raw_server(granting(lifetime)) as server:
        account = connection(Platform.WORKDAY, server.url)
        assert source.token(account) == "token-1"
        clock.advance(good_for - 1)
        assert source.token(account) == "token-1"
        clock.advance(1)
        assert source.token(account) == "token-2"


def test_a_stored_token_is_looked_up_anew_before_it_expires(
    transport: Transport, clock: Clock
) -> None:
    """A worker that doesn't know until when a token is good asks the store again, not the
    platform."""
    store = MemoryTokens()
    with raw_server(granting(600)) as server:
        account = connection(Platform.WORKDAY, server.url)
        TokenSource(transport, store).token(account)
        other = TokenSource(transport, store)
        for _ in range(17):
            assert other.token(account) == "token-1"
            clock.advance(STORED_FOR.total_seconds())
        assert len(server.requests) == 1
        clock.advance(STORED_FOR.total_seconds())
        assert other.token(account) == "token-2"


def test_a_refused_token_is_replaced_once(transport: Transport) -> None:
    """Many threads meet the same 401; the first refreshes, the others find the new token."""
    store = MemoryTokens()
    source = TokenSource(transport, store)
    with raw_server(granting()) as server:
        account = connection(Platform.WORKDAY, server.url)
        old = source.token(account)

        def again(_: int) -> str:
            source.refused(account, old)
            return source.token(account)

        with ThreadPoolExecutor(20) as pool:
            assert set(pool.map(again, range(20))) == {"token-2"}
        assert len(server.requests) == 2
    assert [token for token, _ in store.kept.values()] == ["token-2"]


def test_a_token_that_another_worker_has_replaced_is_taken_from_the_store(
    transport: Transport,
) -> None:
    """A 401 that somebody else has already dealt with costs no token request."""
    store = MemoryTokens()
    first, second = TokenSource(transport, store), TokenSource(transport, store)
    with raw_server(granting()) as server:
        account = connection(Platform.WORKDAY, server.url)
        old = first.token(account)
        assert second.token(account) == old
        first.refused(account, old)
        new = first.token(account)
        second.refused(account, old)
        assert second.token(account) == new
        assert len(server.requests) == 2


def test_threads_that_waited_for_a_failing_refresh_share_its_failure(
    transport: Transport,
) -> None:
    """Twenty threads don't wait for twenty time-outs one after the other; a later one asks
    again."""
    waiting = threading.Semaphore(0)
    source = TokenSource(transport, MemoryTokens(), monotonic=_counting(waiting))

    def fail(accepted: socket.socket, _request: bytes, _number: int) -> bool:
        for _ in range(20):
            waiting.acquire(timeout=30)
        accepted.sendall(http_answer(401, b'{"error": "invalid_client"}'))
        return True

    with raw_server(fail) as server:
        account = connection(Platform.WORKDAY, server.url)

        def ask(_: int) -> ErrorKind | None:
            with pytest.raises(TokenRefusedError) as caught:
                source.token(account)
            return caught.value.result.error_kind

        with ThreadPoolExecutor(20) as pool:
            assert set(pool.map(ask, range(20))) == {ErrorKind.AUTHENTICATION}
        assert len(server.requests) == 1
        for _ in range(20):
            waiting.release()
        assert ask(0) is ErrorKind.AUTHENTICATION
        assert len(server.requests) == 2


def _counting(waiting: threading.Semaphore) -> Callable[[], float]:
    """A monotonic clock of ticks that signals each time it is read."""
    lock = threading.Lock()
    ticks = iter(range(1_000_000))

    def read() -> float:
        with lock:
            tick = next(ticks)
        waiting.release()
        return float(tick)

    return read


@pytest.mark.parametrize(
    ("answer", "outcome", "kind"),
    [
        (http_answer(401, b'{"error": "invalid_client"}'), "permanent", "authentication"),
        (http_answer(400, b'{"error": "invalid_scope"}'), "permanent", "authentication"),
        (http_answer(500), "retryable", "server_error"),
        (http_answer(200, b"{}"), "retryable", "bad_response"),
    ],
)
def test_the_endpoints_refusals_are_judged(
    transport: Transport, answer: bytes, outcome: str, kind: str
) -> None:
    """A client that isn't accepted is final; a server's trouble is not."""
    with raw_server(answers(answer)) as server, pytest.raises(TokenRefusedError) as caught:
        TokenSource(transport, MemoryTokens()).token(connection(Platform.WORKDAY, server.url))
    result = caught.value.result
    assert (result.outcome, result.error_kind) == (AttemptOutcome(outcome), ErrorKind(kind))
    assert "token endpoint" in (result.error or "")


def test_an_endpoint_that_is_away_is_a_retryable_network_error(transport: Transport) -> None:
    """Nothing was sent at all."""
    account = connection(Platform.WORKDAY, f"http://127.0.0.1:{closed_port()}")
    with pytest.raises(TokenRefusedError) as caught:
        TokenSource(transport, MemoryTokens()).token(account)
    result = caught.value.result
    assert (result.outcome, result.error_kind) == (AttemptOutcome.RETRYABLE, ErrorKind.NETWORK)


def test_a_refusal_shows_no_secret(transport: Transport) -> None:
    """An endpoint that echoes the form doesn't put the secret into the log."""
    echo = json.dumps({"error": f"client-1 {CLIENT_SECRET} unknown"}).encode()
    with (
        raw_server(answers(http_answer(401, echo))) as server,
        pytest.raises(TokenRefusedError) as caught,
    ):
        TokenSource(transport, MemoryTokens()).token(connection(Platform.WORKDAY, server.url))
    assert CLIENT_SECRET not in f"{caught.value} {caught.value.result}"


def test_a_store_that_is_away_costs_token_requests_not_deliveries(transport: Transport) -> None:
    """The store is a cache."""
    source = TokenSource(transport, AbsentStore())
    with raw_server(granting()) as server:
        account = connection(Platform.WORKDAY, server.url)
        assert source.token(account) == "token-1"
        source.refused(account, "token-1")
        assert source.token(account) == "token-2"


def test_a_clients_token_is_its_own() -> None:
    """Another address, client, secret or platform is another token, and the key shows none of
    them."""
    account = connection(Platform.WORKDAY)
    credentials = dict(account.credentials)
    others = [
        connection(Platform.WORKDAY, "http://127.0.0.1:10"),
        connection(Platform.WORKDAY, credentials={**credentials, "client_id": "client-2"}),
        connection(Platform.WORKDAY, credentials={**credentials, "client_secret": "guessed"}),
        connection(Platform.BENEVITY, credentials=credentials),
    ]
    keys = {token_key(found) for found in (account, *others)}
    assert len(keys) == 5
    assert all(len(key) == 64 for key in keys)
    assert "client-1" not in "".join(keys)
    assert token_key(connection(Platform.WORKDAY, "http://127.0.0.1:9/")) == token_key(account)
