"""Reading an answer: the usual kind at once, any other by `http.client` and urllib3.

Those two take a quarter of what a whole request costs, for kinds of answers that platforms seldom give. An
answer is usual if nothing in it can be read in two ways: HTTP/1.1, a head of plain fields, each once, that
arrives in one piece, and a body of a known, moderate length without an encoding.
"""

import http.client
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass

from urllib3 import HTTPHeaderDict, HTTPResponse

from impact_in_pipelines.connectors.http.answer import Answer
from impact_in_pipelines.connectors.http.deadline import DeadlineReader

MAX_ANSWER_BYTES = 1024 * 1024
_USUAL_MOST = 65_536
_STATUS = re.compile(rb"HTTP/1\.1 ([2-5][0-9][0-9]) [ -~]*")
_FIELD = re.compile(rb"([A-Za-z0-9-]+):[ \t]*([ -~]*)")
_UNUSUAL = frozenset({b"transfer-encoding", b"content-encoding", b"upgrade"})
_WITHOUT_BODY = (204, 304)


def read_answer(reader: DeadlineReader, method: str) -> tuple[Answer, bool]:
    """The answer to a request that has been sent, and whether its connection may be used again.

    Raises what `http.client`, urllib3 and the socket raise.
    """
    received = reader.receive()
    usual = _usual_head(received) if method != "HEAD" else None
    if usual is not None:
        whole = bytearray(received)
        while len(whole) < usual.ends_at and (more := reader.receive()):
            whole += more
        if len(whole) == usual.ends_at:
            return usual.with_body(bytes(whole[usual.begins_at :])), True
        received = bytes(whole)
    reader.put_back(received)
    return _read_thoroughly(reader, method)


@dataclass(frozen=True, slots=True)
class _UsualHead:
    """A status, its fields by their lower-case names, and where the body begins and ends."""

    status: int
    fields: Mapping[bytes, bytes]
    begins_at: int
    ends_at: int

    def with_body(self, body: bytes) -> Answer:
        return Answer(
            status=self.status,
            body=body,
            content_type=self._text(b"content-type"),
            retry_after=self._text(b"retry-after"),
            date=self._text(b"date"),
        )

    def _text(self, name: bytes) -> str | None:
        found = self.fields.get(name)
        return None if found is None else found.decode("ascii")


def _usual_head(received: bytes) -> _UsualHead | None:
    """The head that `received` begins with; None: it isn't whole, or not a usual one."""
    end = received.find(b"\r\n\r\n")
    first, *lines = received[: max(end, 0)].split(b"\r\n")
    status = _STATUS.fullmatch(first)
    if status is None or int(status[1]) in _WITHOUT_BODY:
        return None
    fields: dict[bytes, bytes] = {}
    for line in lines:
        field = _FIELD.fullmatch(line)
        if field is None:
            return None
        fields[field[1].lower()] = field[2]
    length = fields.get(b"content-length", b"")
    if (
        len(fields) < len(lines)
        or not fields.keys().isdisjoint(_UNUSUAL)
        or fields.get(b"connection", b"keep-alive").lower() != b"keep-alive"
        or not length.isdigit()
        or len(length) > len(str(_USUAL_MOST))
        or int(length) > _USUAL_MOST
    ):
        return None
    return _UsualHead(int(status[1]), fields, end + 4, end + 4 + int(length))


class _Source:
    """Stands in for the socket where `http.client` makes its file."""

    def __init__(self, reader: DeadlineReader) -> None:
        self._reader = reader

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self._reader)


def _read_thoroughly(reader: DeadlineReader, method: str) -> tuple[Answer, bool]:
    raw = http.client.HTTPResponse(_Source(reader), method=method)  # type: ignore[arg-type]
    raw.begin()
    response = HTTPResponse(
        body=raw,
        headers=HTTPHeaderDict(raw.headers.items()),
        status=raw.status,
        preload_content=False,
        decode_content=False,
        original_response=raw,
        request_method=method,
    )
    # Not `preload_content`: it would unpack a gzip bomb to its last byte before anybody counts.
    body = response.read(MAX_ANSWER_BYTES + 1, decode_content=True)
    truncated = len(body) > MAX_ANSWER_BYTES
    answer = Answer(
        status=raw.status,
        body=body[:MAX_ANSWER_BYTES],
        content_type=response.headers.get("content-type"),
        retry_after=response.headers.get("retry-after"),
        date=response.headers.get("date"),
        truncated=truncated,
    )
    # On a connection that was used again, the rest of this answer would be read as the next one's.
    return answer, not truncated and raw.isclosed() and not raw.will_close
