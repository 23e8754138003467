"""Answers that break off, trickle or grow without end: bounded, and never repeated."""

import gzip
import socket
from contextlib import suppress

import pytest

from connectors.helpers import (
    Handler,
    answers,
    http_answer,
    raw_server,
)
from connectors.transports import OK, Waits, failure, trickle
from impact_in_pipelines.connectors.classify import classify_answer
from impact_in_pipelines.connectors.http.reading import MAX_ANSWER_BYTES
from impact_in_pipelines.connectors.http.transport import Transport
from impact_in_pipelines.connectors.plugins.answers import Promise
from impact_in_pipelines.delivery.states import AttemptOutcome, ErrorKind
from impact_in_pipelines.redaction.redactor import Redactor


def _silence(accepted: socket.socket, _request: bytes, _number: int) -> None:
    with suppress(OSError):
        accepted.recv(1)


def _hang_up(_accepted: socket.socket, _request: bytes, _number: int) -> None:
    """Close without a word."""


def _reset(accepted: socket.socket, _request: bytes, _number: int) -> None:
    accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


def _half(accepted: socket.socket, _request: bytes, _number: int) -> None:
    accepted.sendall(http_answer(200, b"x" * 100)[:-50])


def _half_head(accepted: socket.socket, _request: bytes, _number: int) -> None:
    accepted.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")


def _no_http(accepted: socket.socket, _request: bytes, _number: int) -> None:
    accepted.sendall(b"220 mail ready\r\n")


def _bad_chunks(accepted: socket.socket, _request: bytes, _number: int) -> None:
    accepted.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nno\r\n")


def _bad_gzip(accepted: socket.socket, _request: bytes, _number: int) -> None:
    accepted.sendall(http_answer(200, b"not gzip", {"Content-Encoding": "gzip"}))


@pytest.mark.parametrize(
    ("handler", "kind"),
    [
        (_silence, ErrorKind.TIMEOUT),
        (_hang_up, ErrorKind.NETWORK),
        (_reset, ErrorKind.NETWORK),
        (_half, ErrorKind.NETWORK),
        (_no_http, ErrorKind.NETWORK),
        (_bad_chunks, ErrorKind.NETWORK),
        (_bad_gzip, ErrorKind.BAD_RESPONSE),
    ],
)
def test_what_may_have_arrived_is_never_repeated(
    hasty: Transport, waits: Waits, handler: Handler, kind: ErrorKind
) -> None:
    """One request on the wire, whatever becomes of the answer; the delivery is retried later."""
    with raw_server(handler) as server:
        result = failure(hasty, server.url)
        assert len(server.requests) == 1
    assert (result.outcome, result.error_kind) == (AttemptOutcome.RETRYABLE, kind)
    assert "may have arrived" in (result.error or "")
    assert waits == []


def test_a_head_that_breaks_off_is_no_success(hasty: Transport) -> None:
    """`http.client` takes it for an answer without a body; the promised JSON isn't in it."""
    with raw_server(_half_head) as server:
        answer = hasty.post(server.url, {}, b"{}")
        assert len(server.requests) == 1
    promise = Promise("Benevity", "key", id_fields=("transactionId",))
    result = classify_answer(
        answer, promise, Redactor(), hasty.now(), may_have_arrived=False, on_token=False
    )
    assert (result.outcome, result.error_kind) == (
        AttemptOutcome.RETRYABLE,
        ErrorKind.BAD_RESPONSE,
    )


@pytest.mark.parametrize(
    ("part", "head"),
    [
        (b"x", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"),
        (b"x", b"HTTP/1.1 200 OK\r\nX-Slow: "),
        (b"X-Slow: y\r\n", b"HTTP/1.1 200 OK\r\n"),
        (b"1\r\nx\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", b""),
    ],
)
def test_a_trickling_answer_meets_an_overall_deadline(
    hasty: Transport, part: bytes, head: bytes
) -> None:
    """The read time-out bounds head and body together: every byte would start a socket's anew."""
    with raw_server(trickle(part, head)) as server:
        result = failure(hasty, server.url)
    assert result.error_kind is ErrorKind.TIMEOUT


def test_a_kept_connection_gets_its_whole_time_again(hasty: Transport) -> None:
    """What an answer before left of its time doesn't shorten the next call's."""
    with raw_server(answers(OK)) as server:
        for _ in range(20):
            assert hasty.post(server.url, {}, b"{}" * 50_000).status == 200
        assert server.connections == 1


def test_a_large_answer_is_cut_and_its_connection_dropped(transport: Transport) -> None:
    """A platform can't fill our memory; what is left on that connection is nobody's answer."""
    big = http_answer(200, b"x" * (2 * MAX_ANSWER_BYTES))
    with raw_server(answers(big, OK)) as server:
        answer = transport.post(server.url, {}, b"{}")
        assert answer.truncated
        assert len(answer.body) == MAX_ANSWER_BYTES
        assert transport.post(server.url, {}, b"{}").body == b'{"success": true}'
        assert server.connections == 2


def test_a_compressed_answer_is_read_and_bounded(transport: Transport) -> None:
    """Some gateways compress unasked; the limit is on what comes out."""
    encoded = {"Content-Encoding": "gzip"}
    small = http_answer(200, gzip.compress(b'{"success": true}'), encoded)
    bomb = http_answer(200, gzip.compress(b"0" * (8 * MAX_ANSWER_BYTES)), encoded)
    with raw_server(answers(small, bomb)) as server:
        assert transport.post(server.url, {}, b"{}").body == b'{"success": true}'
        answer = transport.post(server.url, {}, b"{}")
    assert answer.truncated
    assert len(answer.body) == MAX_ANSWER_BYTES


_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "part"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        (_CHUNKED, b"1;" + b"x" * 100 + b"\r\ny\r\n"),
        (_CHUNKED + b"0\r\n", b"X: y\r\n"),
    ],
)
def test_an_answer_without_end_is_given_up_long_before_the_deadline(
    transport: Transport, head: bytes, part: bytes
) -> None:
    """It would keep the processor from all others for as long."""

    def endless(accepted: socket.socket, _request: bytes, _number: int) -> None:
        accepted.sendall(head)
        while True:
            accepted.sendall(part * 1_000)

    with raw_server(endless) as server:
        assert failure(transport, server.url).error_kind is ErrorKind.NETWORK
