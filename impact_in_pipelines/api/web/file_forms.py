"""A form with a file in it (multipart/form-data, RFC 7578), read as it comes: its fields, then the file.

Starlette would take in the whole body before anybody is asked who sends it. Fields that stand behind the file
are passed over: our forms have it last.
"""

from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from python_multipart import MultipartParser
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import parse_options_header
from starlette.requests import Request

from impact_in_pipelines.api.http.problems import ApiProblem

MULTIPART = "multipart/form-data"
_MOST_BEFORE_THE_FILE = 64 * 1024
"""Bytes of all fields together, with their names and whatever else stands there."""
_MOST_PARTS = 20
_PIECE = 4 * 1024
"""So much is read at once: a server hands on up to 256 KB, of which the file may be the most."""


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file on its way in: what the browser calls it, and its content, to be read once."""

    name: str
    pieces: AsyncIterator[bytes]


async def file_form(request: Request) -> tuple[Sequence[tuple[str, str]], SentFile]:
    """The fields of the form, and its file, of which nothing more was read than came with them. Raises a 400
    problem for what is no such form, and so do the file's pieces where the form breaks off."""
    reading = _Reading(request)
    fields: list[tuple[str, str]] = []
    async for part in reading.parts():
        if part.file_name is not None:
            return fields, SentFile(part.file_name, reading.content())
        content = b"".join([piece async for piece in reading.content()])
        fields.append((part.name, content.decode("utf-8", "replace")))
    return fields, SentFile("", _nothing())


async def _nothing() -> AsyncIterator[bytes]:
    nothing: tuple[bytes, ...] = ()
    for piece in nothing:
        yield piece


@dataclass(slots=True)
class _Part:
    name: str = ""
    file_name: str | None = None


class _Reading:
    """The parts of one body, in order; of each its content has to be read before the next."""

    def __init__(self, request: Request) -> None:
        _, options = parse_options_header(request.headers.get("content-type", ""))
        boundary = options.get(b"boundary")
        if not boundary:
            raise _malformed()
        self._chunks = request.stream()
        self._rest = memoryview(b"")
        self._size = self._parts = 0
        self._in_file = self._ended = False
        self._events: deque[_Part | bytes | None] = deque()
        self._header: dict[bytes, bytes] = {}
        self._name, self._value = b"", b""
        callbacks: Any = {
            "on_part_begin": self._header.clear,
            "on_header_field": self._in_header_name,
            "on_header_value": self._in_header_value,
            "on_header_end": self._header_ended,
            "on_headers_finished": self._part_begins,
            "on_part_data": lambda data, start, end: self._events.append(data[start:end]),
            "on_part_end": lambda: self._events.append(None),
            "on_end": self._form_ended,
        }
        self._parser = MultipartParser(boundary, callbacks)

    async def parts(self) -> AsyncIterator[_Part]:
        """Each part as it begins. Raises a 400 problem for a form without an end."""
        while await self._filled():
            event = self._events.popleft()
            if isinstance(event, _Part):
                yield event
        if not self._ended:
            raise _malformed()

    async def content(self) -> AsyncIterator[bytes]:
        """The content of the part that has begun, in pieces. Raises a 400 problem unless its end comes: the
        parser takes a body that breaks off for a whole one."""
        while await self._filled():
            event = self._events.popleft()
            if event is None:
                return
            if isinstance(event, bytes):
                yield event
        raise _malformed()

    async def _filled(self) -> bool:
        """Read on until there is something to tell; False: the body has ended."""
        while not self._events:
            if not self._rest:
                chunk = await anext(self._chunks, None)
                if chunk is None:
                    return False
                self._rest = memoryview(chunk)
            piece, self._rest = bytes(self._rest[:_PIECE]), self._rest[_PIECE:]
            if not self._in_file:
                self._size += len(piece)
            try:
                self._parser.write(piece)
            except MultipartParseError:
                raise _malformed() from None
            if self._size > _MOST_BEFORE_THE_FILE or self._parts > _MOST_PARTS:
                raise _malformed()
        return True

    def _form_ended(self) -> None:
        self._ended = True

    def _in_header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _in_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_ended(self) -> None:
        self._header[self._name.lower()] = self._value
        self._name, self._value = b"", b""

    def _part_begins(self) -> None:
        _, options = parse_options_header(self._header.get(b"content-disposition", b""))
        file_name = options.get(b"filename")
        self._parts += 1
        self._in_file = self._in_file or file_name is not None
        self._events.append(
            _Part(
                options.get(b"name", b"").decode("utf-8", "replace"),
                None if file_name is None else file_name.decode("utf-8", "replace"),
            )
        )


def _malformed() -> ApiProblem:
    return ApiProblem(400, "the form can't be read")
