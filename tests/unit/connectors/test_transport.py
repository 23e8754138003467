"""The transport against real sockets: what is repeated within an attempt, what never is, and its
bounds."""

import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from connectors.helpers import (
    RawServer,
    answers,
    at_once,
    closed_port,
    http_answer,
    raw_server,
    settings,
)
from connectors.tls_servers import tls_server
from connectors.transports import OK, Waits, failure, trickle
from impact_in_pipelines.connectors.http.failures import plainly_did_not_arrive
from impact_in_pipelines.connectors.http.transport import TRIES, Transport
from impact_in_pipelines.delivery.states import AttemptOutcome, ErrorKind


def test_the_body_goes_out_byte_for_byte(transport: Transport) -> None:
    """What was frozen and hashed is what is sent, with its length and no encoding asked for."""
    body = '{"a":"é","n":1}'.encode()
    with raw_server(answers(OK)) as server:
        transport.post(f"{server.url}/impact", {"Idempotency-Key": "k"}, body)
    head, _, sent = server.requests[0].partition(b"\r\n\r\n")
    assert sent == body
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /impact HTTP/1.1"
    assert b"Content-Length: 16" in lines
    assert b"Idempotency-Key: k" in lines
    assert any(line.startswith(b"User-Agent: impact-in-pipelines/") for line in lines)


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("//v1/impact", b"//v1/impact"),
        ("/a//b/impact", b"/a//b/impact"),
        ("/a%2Fb/impact?x=1", b"/a%2Fb/impact?x=1"),
        ("", b"/"),
    ],
)
def test_the_path_of_a_url_is_kept(transport: Transport, given: str, sent: bytes) -> None:
    """Two slashes at its beginning are no host: the same host may have somebody else's endpoint there."""
    with raw_server(answers(OK)) as server:
        transport.post(f"{server.url}{given}", {}, b"{}")
    assert server.requests[0].split(b" ", 2)[1] == sent


def test_head_and_body_leave_together(transport: Transport) -> None:
    """One call to the system and one packet a request, where two would be waited for."""

    def one_read() -> bytes:
        with listener.accept()[0] as accepted:
            found = accepted.recv(65_536)
            accepted.sendall(OK)
        return found

    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as server:
        reading = server.submit(one_read)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/impact"
        answer = transport.post(url, {"Idempotency-Key": "k"}, b'{"n":1}')
        read = reading.result(timeout=30)
    assert answer.status == 200
    assert read.startswith(b"POST /impact")
    assert read.endswith(b'\r\n\r\n{"n":1}')


def test_connections_are_kept(transport: Transport) -> None:
    """A hundred calls in turn need one connection."""
    with raw_server(answers(OK)) as server:
        for _ in range(100):
            transport.post(server.url, {}, b"{}")
        assert server.connections == 1


def test_a_hundred_threads_keep_a_hundred_connections(transport: Transport) -> None:
    """The pool is as large as the largest concurrency (specification: 100)."""
    with raw_server(at_once(100, OK)) as server, ThreadPoolExecutor(100) as pool:
        for _ in range(3):
            list(pool.map(lambda _: transport.post(server.url, {}, b"{}"), range(100)))
        assert len(server.requests) == 300
        assert server.connections == 100


def test_redirects_are_not_followed(transport: Transport) -> None:
    """A redirect would carry the key to another host."""
    with raw_server(answers(http_answer(302, headers={"Location": "/elsewhere"}))) as server:
        assert transport.post(server.url, {}, b"{}").status == 302
        assert len(server.requests) == 1


def test_cookies_do_not_travel_between_accounts(transport: Transport) -> None:
    """What one company's answer set must not go out with another's request."""
    with raw_server(answers(http_answer(200, b"{}", {"Set-Cookie": "who=first"}))) as server:
        transport.post(server.url, {}, b"{}")
        transport.post(server.url, {}, b"{}")
        assert b"cookie" not in server.requests[1].lower()


def test_the_environment_names_no_proxy(
    transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deliveries take no detour that a variable happens to name."""
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed_port()}")
    with raw_server(answers(OK)) as server:
        assert transport.post(server.url, {}, b"{}").status == 200


def test_a_refused_connection_is_tried_three_times(transport: Transport, waits: Waits) -> None:
    """It plainly did not arrive (D5, layer 1); the waits grow and jitter."""
    result = failure(transport, f"http://127.0.0.1:{closed_port()}")
    assert (result.outcome, result.error_kind) == (AttemptOutcome.RETRYABLE, ErrorKind.NETWORK)
    assert "refused" in (result.error or "")
    assert len(waits) == TRIES - 1
    assert 0.2 <= waits[0] <= 0.3
    assert 0.4 <= waits[1] <= 0.6


def test_a_server_that_comes_up_in_between_is_reached(waits: Waits) -> None:
    """The repeat within the attempt spares the delivery a wait of minutes."""
    listening: list[RawServer] = []
    port = closed_port()

    def wake(_seconds: float) -> None:
        listening.append(RawServer(answers(OK), port))

    made = Transport(settings(), sleep=wake)
    assert made.post(f"http://127.0.0.1:{port}", {}, b"{}").status == 200
    assert len(listening[0].requests) == 1
    listening[0].close()
    made.close()


def test_an_unknown_host_is_a_network_error(transport: Transport) -> None:
    """The name may come back; the text says what to check. `.invalid` never resolves (RFC 6761)."""
    result = failure(transport, "http://nowhere.invalid")
    assert (result.outcome, result.error_kind) == (AttemptOutcome.RETRYABLE, ErrorKind.NETWORK)
    assert "base URL" in (result.error or "")


@pytest.mark.parametrize("status", [429, 503])
def test_a_short_retry_after_is_waited_out(transport: Transport, waits: Waits, status: int) -> None:
    """Then the call is repeated under the same headers and body."""
    busy = http_answer(status, headers={"Retry-After": "2"})
    with raw_server(answers(busy, busy, OK)) as server:
        assert transport.post(server.url, {"Idempotency-Key": "k"}, b"{}").status == 200
        assert len(set(server.requests)) == 1
    assert waits == [2.0, 2.0]


def test_after_three_tries_the_last_answer_counts(transport: Transport, waits: Waits) -> None:
    """The delivery's own retry plan takes over."""
    busy = http_answer(429, headers={"Retry-After": "1"})
    with raw_server(answers(busy)) as server:
        assert transport.post(server.url, {}, b"{}").status == 429
        assert len(server.requests) == TRIES
    assert waits == [1.0, 1.0]


@pytest.mark.parametrize(
    "answer",
    [
        http_answer(429, headers={"Retry-After": "11"}),
        http_answer(429),
        http_answer(503),
        http_answer(500, headers={"Retry-After": "1"}),
        http_answer(400, headers={"Retry-After": "1"}),
    ],
)
def test_other_answers_are_not_repeated(transport: Transport, waits: Waits, answer: bytes) -> None:
    """A long wait is the delivery's business, and a 500 may have arrived."""
    with raw_server(answers(answer)) as server:
        transport.post(server.url, {}, b"{}")
        assert len(server.requests) == 1
    assert waits == []


def test_waits_stay_within_a_total(waits: Waits) -> None:
    """No call starts later than the longest wait plus the read time-out after the first."""
    made = Transport(
        settings(HTTP_READ_TIMEOUT_MS="1000", HTTP_RETRY_AFTER_MAX_MS="5000"), sleep=waits
    )
    busy = http_answer(429, headers={"Retry-After": "4"})
    with raw_server(answers(busy)) as server:
        assert made.post(server.url, {}, b"{}").status == 429
        assert len(server.requests) == 2
    assert waits == [4.0]
    made.close()


@pytest.mark.parametrize(
    "url", ["http://", "http://host:port/x", "host/x", "mailto:a@b", "http://[::1/x", "http://*/"]
)
def test_an_address_that_cannot_be_used_is_a_matter_of_configuration(
    transport: Transport, url: str
) -> None:
    """Permanent: no retry mends it."""
    result = failure(transport, url)
    assert (result.outcome, result.error_kind) == (
        AttemptOutcome.PERMANENT,
        ErrorKind.CONFIGURATION,
    )


@pytest.mark.parametrize(
    "value",
    [
        "secret-value\r\nX: y",
        "secret-value\r\n folded",
        "secret-value\u2603",
        "secret-value\nX: y",
        "secret-value\rX: y",
        "secret-value\0",
    ],
)
def test_a_header_that_cannot_be_sent_shows_no_secret(transport: Transport, value: str) -> None:
    """The error of `http.client` quotes the whole value; ours doesn't."""
    with raw_server(answers(OK)) as server:
        result = failure(transport, server.url, {"Authorization": value})
        assert server.requests == []
    assert result.error_kind is ErrorKind.CONFIGURATION
    assert "secret-value" not in (result.error or "")


def test_an_untrusted_certificate_is_refused_before_anything_is_sent(
    transport: Transport, waits: Waits, tmp_path: Path
) -> None:
    """TLS is verified: a key never reaches a host that can't prove its name."""
    with tls_server(tmp_path) as server:
        result = failure(transport, f"https://127.0.0.1:{server.port}")
        assert server.requests == []
    assert result.error_kind is ErrorKind.NETWORK
    assert "certificate isn't trusted" in (result.error or "")
    assert waits == []


def test_a_trusted_certificate_is_taken_and_the_deadline_holds_over_tls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same transport speaks TLS, kept connections and whole-answer time-out included."""
    slow = trickle(b"x", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")

    def handle(accepted: socket.socket, request: bytes, number: int) -> bool | None:
        if number < 3:
            accepted.sendall(OK)
            return True
        return slow(accepted, request, number)

    with tls_server(tmp_path, handle) as server:
        monkeypatch.setattr(
            "requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(tmp_path / "certificate.pem")
        )
        hasty = Transport(settings(HTTP_READ_TIMEOUT_MS="300"))
        url = f"https://127.0.0.1:{server.port}"
        assert hasty.post(url, {}, b"{}").status == 200
        assert hasty.post(url, {}, b"{}").status == 200
        assert server.connections == 1
        assert failure(hasty, url).error_kind is ErrorKind.TIMEOUT
        hasty.close()


def test_only_what_never_left_is_plainly_not_arrived() -> None:
    """An error that nobody classified counts as one that may have arrived."""
    assert not plainly_did_not_arrive(RuntimeError("?"))
    assert not plainly_did_not_arrive(ConnectionResetError())
    assert not plainly_did_not_arrive(TimeoutError())
