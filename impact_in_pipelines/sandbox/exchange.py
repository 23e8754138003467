"""One request and its answer: read the body, misbehave if a fault says so, answer.

Plain ASGI instead of Starlette's request and response objects: a load test sends tens of
thousands of deliveries from the same two cores, and those objects cost more than everything we do
with the body.
"""

import asyncio
import json
import socket
import struct
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from starlette.types import Receive, Scope, Send

from impact_in_pipelines.sandbox.accounts.config import Service
from impact_in_pipelines.sandbox.faults import Fault, FaultKind, Target
from impact_in_pipelines.sandbox.state import SandboxState

MAX_BODY_BYTES = 8 * 1024 * 1024
TRANSPORT = "impact_in.transport"
_LOOKS_EVERY_S = 0.25
Parsed = TypeVar("Parsed")


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer."""

    status: int
    body: bytes
    content_type: bytes = b"application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()


class RefusalError(Exception):
    """The service doesn't take the request: HTTP status, the service's code and one line."""

    def __init__(
        self, status: int, code: str, message: str, retry_after: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = () if retry_after is None else ((b"retry-after", retry_after.encode()),)


@dataclass(slots=True)
class Call(Generic[Parsed]):
    """What came in: `parsed` or why not; `subjects` are what a fault can be limited to."""

    headers: Mapping[bytes, bytes]
    path_params: Mapping[str, str]
    subjects: tuple[str, ...]
    parsed: Parsed | RefusalError

    def content(self) -> Parsed:
        """Return the parsed body; raises `RefusalError` if it doesn't keep the contract."""
        if isinstance(self.parsed, RefusalError):
            raise self.parsed
        return self.parsed


class Exchange(ABC, Generic[Parsed]):
    """An ASGI endpoint of one service; subclasses say how to parse, process and refuse."""

    service: Service
    target: Target = Target.DELIVERY

    def __init__(self, state: SandboxState) -> None:
        self.state = state

    @abstractmethod
    def parse(
        self, raw: bytes, headers: Mapping[bytes, bytes], path_params: Mapping[str, str]
    ) -> Call[Parsed]:
        """Turn the body into a call; a body that doesn't hold becomes the call's `RefusalError`."""

    @abstractmethod
    def process(self, call: Call[Parsed]) -> Answer:
        """Do what the real service would do and return its answer."""

    @abstractmethod
    def refusal(self, refused: RefusalError) -> Answer:
        """Return a refusal in the service's own shape."""

    @abstractmethod
    def injected(self, fault: Fault, call: Call[Parsed]) -> RefusalError:
        """Return what the service would say if the fault's cause were real."""

    def note_received(self, call: Call[Parsed]) -> None:
        """Count the call before anything else happens to it."""
        del call
        self.state.counts[self.service].received += 1

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw = await read_body(receive)
        if raw is None:
            return
        if len(raw) > MAX_BODY_BYTES:
            await send_answer(send, Answer(413, b"Content Too Large", b"text/plain"))
            return
        call = self.parse(raw, dict(scope["headers"]), scope["path_params"])
        self.note_received(call)
        fault = self.state.faults.pick(self.service, self.target, call.subjects)
        if fault is not None:
            self.state.counts[self.service].faulted[fault.kind] += 1
            await self._misbehave(fault, call, scope, receive, send)
            return
        answer = self.process(call)
        await self._let_latency_pass()
        await send_answer(send, answer)

    async def _let_latency_pass(self) -> None:
        """Wait for `latency_ms` as it is meanwhile: whoever lowers it gets the answers that wait for it."""
        since = time.monotonic()
        while (left := since + self.state.config.latency_ms / 1000 - time.monotonic()) > 0:
            await asyncio.sleep(min(left, _LOOKS_EVERY_S))

    async def _misbehave(
        self, fault: Fault, call: Call[Parsed], scope: Scope, receive: Receive, send: Send
    ) -> None:
        processed = self.process(call) if fault.processes else None
        if fault.kind.hangs:
            await wait_for_disconnect(receive, fault.delay_ms / 1000)
        if fault.kind.aborts:
            await abort_connection(scope, receive)
            return
        if fault.kind is FaultKind.SLOW and processed is not None:
            await asyncio.sleep(fault.delay_ms / 1000)
            await send_answer(send, processed)
            return
        await send_answer(send, self._faulty_answer(fault, call))

    def _faulty_answer(self, fault: Fault, call: Call[Parsed]) -> Answer:
        if fault.kind is FaultKind.SERVER_ERROR:
            # A gateway in front of a platform fails in HTML, not in the platform's JSON.
            page = f"<html><body><h1>{fault.status}</h1></body></html>"
            return Answer(fault.status, page.encode(), b"text/html")
        if fault.kind is FaultKind.MALFORMED_JSON:
            return Answer(200, b'{"success": true, "transactionId": "')
        return self.refusal(self.injected(fault, call))


def json_answer(
    status: int, body: dict[str, Any], headers: tuple[tuple[bytes, bytes], ...] = ()
) -> Answer:
    """Return `body` as a JSON answer."""
    return Answer(status, json.dumps(body, separators=(",", ":")).encode(), headers=headers)


async def read_body(receive: Receive) -> bytes | None:
    """Return the whole request body, or None if the client left before it was complete.

    Reading stops soon after `MAX_BODY_BYTES`, so that a body without end can't fill the memory.
    """
    message = await receive()
    if message["type"] == "http.disconnect":
        return None
    body: bytes = message.get("body", b"")
    while message.get("more_body", False) and len(body) <= MAX_BODY_BYTES:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
    return body


async def send_answer(send: Send, answer: Answer) -> None:
    """Send a whole answer, its length included, so that the connection can be kept."""
    headers = [
        (b"content-type", answer.content_type),
        (b"content-length", str(len(answer.body)).encode()),
        *answer.headers,
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


async def wait_for_disconnect(receive: Receive, seconds: float) -> None:
    """Wait without answering until the client gives up, `seconds` at most."""
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return


async def abort_connection(scope: Scope, receive: Receive) -> None:
    """Reset the TCP connection under the request; the client sees no answer at all.

    Raises RuntimeError under a server that doesn't pass its transport on (see `server`).
    """
    transport = scope.get("extensions", {}).get(TRANSPORT)
    if transport is None:
        raise RuntimeError("connection faults need the sandbox's own server: impact-in sandbox")
    connection = transport.get_extra_info("socket")
    if connection is not None and not transport.is_closing():
        # Lingering for zero seconds makes the kernel send RST in place of FIN.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    await wait_for_disconnect(receive, 5)
