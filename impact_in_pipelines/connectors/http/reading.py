"""Reading an answer: by httptools, or by `http.client` and urllib3 where that doesn't take it.

Those two take more than half of what a whole request costs. They are asked again, from the first byte, about
whatever httptools refuses or can't see the end of, and about what is packed: how an answer is judged never
depends on who read it. A connection over which such an answer came isn't used again.
"""

import http.client
import io
from contextlib import suppress

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser
from urllib3 import HTTPHeaderDict, HTTPResponse

from impact_in_pipelines.connectors.http.answer import Answer
from impact_in_pipelines.connectors.http.deadline import DeadlineReader

MAX_ANSWER_BYTES = 1024 * 1024
_FIELDS = frozenset(
    {
        b"content-type",
        b"retry-after",
        b"date",
        b"content-encoding",
        b"connection",
        b"content-length",
        b"transfer-encoding",
    }
)
_LONGEST_FIELD = 8_192
_FINAL_FROM = 200
_SWITCHED = 101
_MOST_HINTS = 100
_WITHOUT_BODY = (204, 304)


def read_answer(reader: DeadlineReader, method: str) -> tuple[Answer, bool]:
    """The answer to a request that has been sent, and whether its connection may be used again.

    Raises what `http.client`, urllib3 and the socket raise.
    """
    received = bytearray()
    if method != "HEAD":
        arriving = _Arriving()
        # What it refuses, the others may know how to read, or how to say what is wrong with it.
        with suppress(HttpParserError, HttpParserUpgrade):
            while not arriving.settled and len(received) <= MAX_ANSWER_BYTES:
                part = reader.receive()
                if not part:
                    break
                received += part
                arriving.feed(part)
            if arriving.is_plain and len(received) <= MAX_ANSWER_BYTES:
                return arriving.answer(), arriving.reusable
    reader.put_back(bytes(received))
    return _read_thoroughly(reader, method), False


class _Arriving:
    """What httptools calls as an answer arrives."""

    def __init__(self) -> None:
        self._parser: HttpResponseParser | None = HttpResponseParser(self)
        self._fields: dict[bytes, bytes] = {}
        self._body: list[bytes] = []
        self._begun = 0
        self._status = 0
        self._in_head = True
        self._ended = False
        self._contradicts_itself = False
        self.reusable = False

    def feed(self, part: bytes) -> None:
        """Raises `HttpParserError`, and `HttpParserUpgrade`."""
        if self._parser is not None:
            self._parser.feed_data(part)
        if self.settled:
            # It knows us and we know it: the garbage collector would have to find both.
            self._parser = None

    @property
    def settled(self) -> bool:
        """Nothing more has to be read to know whether it is plain."""
        return self._ended or self._contradicts_itself

    @property
    def is_plain(self) -> bool:
        """It has ended with nothing behind it, and its body is as it stands."""
        whole = self._ended and self._begun == 1 and not self._contradicts_itself
        packed = self._fields.get(b"transfer-encoding", b"chunked").lower() != b"chunked"
        return whole and not packed and b"content-encoding" not in self._fields

    def answer(self) -> Answer:
        return Answer(
            status=self._status,
            body=b"".join(self._body),
            content_type=self._text(b"content-type"),
            retry_after=self._text(b"retry-after"),
            date=self._text(b"date"),
        )

    def _text(self, name: bytes) -> str | None:
        found = self._fields.get(name)
        return None if found is None else found.decode("latin-1")

    def on_message_begin(self) -> None:
        self._begun += 1

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        # Behind the body comes what whoever wrote the head may not have known: http.client skips it.
        if name in _FIELDS and self._in_head and not self._contradicts_itself:
            before = self._fields.get(name)
            self._fields[name] = value if before is None else before + b", " + value
            # A megabyte of short ones took 3.5 s to put together, during which no other thread ran.
            self._contradicts_itself = before is not None and len(before) > _LONGEST_FIELD

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self._parser is not None:
            self._status = self._parser.get_status_code()
        # Some wait for the body that it announces, others don't.
        lengths = {b"content-length", b"transfer-encoding"}
        if self._status in _WITHOUT_BODY and not lengths.isdisjoint(self._fields):
            self._contradicts_itself = True

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        if self._status < _FINAL_FROM:
            # Early hints and the like: the answer is still to come.
            self._begun -= 1
            self._fields.clear()
            self._in_head = True
            return
        # Later it has forgotten. Two words about the connection may say two things.
        said_once = b"," not in self._fields.get(b"connection", b"")
        self.reusable = said_once and self._parser is not None and self._parser.should_keep_alive()
        self._ended = True


class _Source:
    """Stands in for the socket where `http.client` makes its file: the same for each answer."""

    def __init__(self, reader: DeadlineReader) -> None:
        self._file: io.BufferedReader = io.BufferedReader(reader)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return self._file


def _begun(source: _Source, method: str) -> http.client.HTTPResponse:
    raw = http.client.HTTPResponse(source, method=method)  # type: ignore[arg-type]
    try:
        raw.begin()
    except BaseException:
        raw.close()
        raise
    return raw


def _read_thoroughly(reader: DeadlineReader, method: str) -> Answer:
    source = _Source(reader)
    raw = _begun(source, method)
    # It knows of 100 only that the answer is still to come. After 101 comes another protocol.
    hints = 0
    while _SWITCHED < raw.status < _FINAL_FROM:
        hints += 1
        if hints > _MOST_HINTS:
            raw.close()
            raise http.client.HTTPException("too many hints before the answer")
        raw.fp = None  # type: ignore[assignment]  # or the next one's file is closed with it
        raw = _begun(source, method)
    try:
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
        return Answer(
            status=raw.status,
            body=body[:MAX_ANSWER_BYTES],
            content_type=response.headers.get("content-type"),
            retry_after=response.headers.get("retry-after"),
            date=response.headers.get("date"),
            truncated=len(body) > MAX_ANSWER_BYTES,
        )
    finally:
        # Left to the garbage collector, it may find its file closed, and says so aloud.
        raw.close()
