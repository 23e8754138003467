"""An answer is the same whichever way it is read, and so is whether its connection may be used again."""

import gzip
import socket
import time
from collections.abc import Callable
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impact_in_pipelines.connectors.http import reading
from impact_in_pipelines.connectors.http.answer import Answer
from impact_in_pipelines.connectors.http.deadline import DeadlineReader
from impact_in_pipelines.connectors.http.failures import WIRE_ERRORS

T = TypeVar("T")

_statuses = st.sampled_from(
    [b"HTTP/1.1 200 OK", b"HTTP/1.1 429 Too Many", b"HTTP/1.1 500 ", b"HTTP/1.1 204 No Content"]
) | st.sampled_from([b"HTTP/1.0 200 OK", b"HTTP/1.1 200", b"HTTP/1.1 2000 OK", b"ICY 200 OK"])
_fields = st.sampled_from(
    [
        b"Content-Type: application/json",
        b"content-type: text/plain",
        b"Retry-After:7",
        b"Retry-After: \t8",
        b"Date: Thu, 26 Nov 2026 23:00:00 GMT",
        b"Connection: close",
        b"Connection: keep-alive",
        b"Connection: Upgrade",
        b"Transfer-Encoding: chunked",
        b"Content-Encoding: gzip",
        b"Set-Cookie: a=b",
        b"Set-Cookie: c=d",
        b"X-Folded: a\r\n b",
        b"X-Odd : a",
        b"no field at all",
        b"X-Not-ASCII: \xe9",
        b"",
    ]
)
_bodies = st.sampled_from([b"", b"{}", b'{"success": true}', b"2\r\n{}\r\n0\r\n\r\n"])
_lengths = st.sampled_from([b"right", b"right", b"right", b"7", b"0", b"-1", b" 2", b"x", b""])


@given(_statuses, st.lists(_fields, max_size=5), _bodies, _lengths, st.booleans())
def test_the_quick_way_and_the_thorough_one_agree(
    status: bytes, fields: list[bytes], body: bytes, length: bytes, in_two_parts: bool
) -> None:
    """What a platform may answer, and what it may not: no kind of answer is judged by how it was read."""
    if length:
        said = str(len(body)).encode() if length == b"right" else length
        fields = [*fields, b"Content-Length: " + said]
    answer = b"\r\n".join([status, *fields, b"", body])
    parts = [answer[:-1], answer[-1:]] if in_two_parts else [answer]
    read = _read(parts, reading.read_answer)
    judged = read[0] if isinstance(read, tuple) else read
    assert judged == _read(parts, reading._read_thoroughly)


@pytest.mark.parametrize("parts", [1, 2])
def test_a_usual_answer_is_read_at_once(parts: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However its head and its body arrive, it is read by httptools alone."""
    monkeypatch.delattr(reading, "_read_thoroughly")
    head = b"HTTP/1.1 200 OK\r\nRetry-After: 3\r\nContent-Length: 2\r\n\r\n"
    sent = [head, b"{}"] if parts == 2 else [head + b"{}"]
    expected = Answer(status=200, body=b"{}", retry_after="3")
    assert _read(sent, reading.read_answer) == (expected, True)


_REST = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@pytest.mark.parametrize("hint", [b"100 Continue", b"102 Processing", b"103 Early Hints"])
@pytest.mark.parametrize("at_once", [True, False])
def test_what_comes_before_an_answer_is_none(hint: bytes, at_once: bool) -> None:
    """Taken for one, the answer itself would be read as that to the next request: another company's."""
    before = b"HTTP/1.1 " + hint + b"\r\nLink: </a>\r\nRetry-After: 9\r\n\r\n"
    parts = [before + _REST] if at_once else [before, _REST]
    assert _read(parts, reading.read_answer) == (Answer(status=200, body=b"{}"), True)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (_REST + b"HTTP/1.1 200 OK\r\n", 200),
        (_REST + b"{", 200),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", 101),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n", 204),
        (b"HTTP/1.1 200 OK\r\n\r\n{}", 200),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", 200),
    ],
)
def test_a_connection_on_which_anything_is_odd_is_not_used_again(
    answer: bytes, status: int
) -> None:
    """What is left on it would be read as an answer to the next request."""
    read = _read([answer], reading.read_answer)
    assert isinstance(read, tuple)
    assert (read[0].status, read[1]) == (status, False)


_PACKED = gzip.compress(b"{}", mtime=0)  # each of the processes that test names its cases alike


@pytest.mark.parametrize(
    ("rest", "body"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n{}", b"{}"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + _PACKED, b"{}"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n{}", b"{}"),
    ],
)
@pytest.mark.parametrize("hints", [1, 3])
def test_hints_are_no_answers_to_the_thorough_reader_either(
    rest: bytes, body: bytes, hints: int
) -> None:
    """http.client knows only 100: an answer that is packed would be judged by the hint before it."""
    hint = b"HTTP/1.1 103 Early Hints\r\nRetry-After: 9\r\n\r\n"
    read = _read([hint * hints + rest], reading.read_answer)
    assert read == (Answer(status=200, body=body), False)


def test_what_follows_the_body_is_no_field() -> None:
    """Neither way of reading it: whoever wrote the head may not know who wrote that."""
    answer = (
        b"HTTP/1.1 429 No\r\nTransfer-Encoding: chunked\r\nRetry-After: 3\r\n\r\n"
        b"2;a=b\r\n{}\r\n0\r\nRetry-After: 9\r\nContent-Encoding: gzip\r\n\r\n"
    )
    expected = Answer(status=429, body=b"{}", retry_after="3")
    assert _read([answer], reading.read_answer) == (expected, True)
    assert _read([answer], reading._read_thoroughly) == expected


@pytest.mark.parametrize("coding", [b"gzip, chunked", b"chunked, gzip", b"identity", b"xchunked"])
def test_a_coding_of_the_transfer_that_nobody_asked_for_is_read_thoroughly(coding: bytes) -> None:
    """And what is left on the connection with it."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: " + coding + b"\r\n\r\n"
    answer = head + b"2\r\n{}\r\n0\r\n\r\n"
    thorough = _read([answer], reading._read_thoroughly)
    assert _read([answer], reading.read_answer) == (thorough, False)


def test_an_answer_is_the_same_wherever_it_is_split() -> None:
    """Networks do that; each byte by itself, and in two at each."""
    answer = (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nConnection: Keep-Alive\r\n"
        b"Transfer-Encoding: chunked\r\nRetry-After: 3\r\n\r\n2;x\r\n{}\r\n0\r\nX: y\r\n\r\n"
    )
    expected = (Answer(status=200, body=b"{}", retry_after="3"), True)
    splits = [[answer[:at], answer[at:]] for at in range(len(answer))]
    for parts in [*splits, [answer[at : at + 1] for at in range(len(answer))]]:
        assert _read(parts, reading.read_answer) == expected


def test_a_field_that_is_said_thousands_of_times_is_not_put_together() -> None:
    """A megabyte of them took seconds, in which no other thread ran; http.client refuses the 101st."""
    arriving = reading._Arriving()
    for _ in range(16):
        arriving.feed(b"HTTP/1.1 200 OK\r\n" * (not arriving._begun) + b"Date:x\r\n" * 8_000)
    assert arriving.settled
    assert not arriving.is_plain
    assert len(arriving._fields[b"date"]) < 2 * reading._LONGEST_FIELD


def test_an_answer_without_a_body_leaves_its_connection_open() -> None:
    """Many answer 204 to whatever they have taken."""
    parts = [b"HTTP/1.1 204 No Content\r\nDate: x\r\n\r\n"]
    assert _read(parts, reading.read_answer) == (Answer(status=204, body=b"", date="x"), True)


def _read(parts: list[bytes], read: Callable[[DeadlineReader, str], T]) -> T | type[BaseException]:
    """What is read of an answer after which nothing comes."""
    # Packets: each part is received by itself.
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        for part in filter(None, parts):
            theirs.sendall(part)
        theirs.shutdown(socket.SHUT_WR)
        try:
            return read(DeadlineReader(ours, time.monotonic() + 30), "POST")
        except WIRE_ERRORS as error:
            return type(error)
