"""Accounts, figures and shipments to test with, and a server that answers byte for byte as told."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from impact_in_pipelines.delivery.model import Connection, Shipment
from impact_in_pipelines.delivery.payload import Payload
from impact_in_pipelines.impact.figures import ActivityFigures, ImpactFigures, OutcomeFigures
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.settings import Settings, read_settings

COMPANY = UUID("00000000-0000-4000-8000-000000000001")
KEY = UUID("00000000-0000-4000-8000-0000000000aa")
REQUEST = UUID("00000000-0000-4000-8000-0000000000bb")
NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
API_KEY = "key-4711-abcdef"
CLIENT_SECRET = "secret/0815+xyz"
CREDENTIALS: dict[Platform, dict[str, str]] = {
    Platform.BENEVITY: {"api_key": API_KEY},
    Platform.GOODERA: {"api_key": API_KEY},
    Platform.WORKDAY: {
        "client_id": "client-1",
        "client_secret": CLIENT_SECRET,
        "tenant_id": "acme-tenant",
    },
}


def settings(**changes: str) -> Settings:
    """Settings with short time-outs; `changes` are environment variables."""
    short = {"HTTP_CONNECT_TIMEOUT_MS": "2000", "HTTP_READ_TIMEOUT_MS": "5000"}
    return read_settings({**short, **changes})


def connection(
    platform: Platform,
    base_url: str = "http://127.0.0.1:9",
    *,
    credentials: dict[str, str] | None = None,
    options: dict[str, Any] | None = None,
    organization_id: str = "org-1",
) -> Connection:
    """An account with credentials of the platform's kind."""
    return Connection(
        company_id=COMPANY,
        platform=platform,
        organization_id=organization_id,
        base_url=base_url,
        credentials=CREDENTIALS[platform] if credentials is None else credentials,
        options=options or {},
    )


def figures(**changes: Any) -> ImpactFigures:
    """A week of a company with every standard outcome and one of its own."""
    values: dict[str, Any] = {
        "company_id": COMPANY,
        "period_start": date(2026, 2, 23),
        "period_end": date(2026, 3, 1),
        "timezone": "Europe/Oslo",
        "participants": 41,
        "volunteers": 12,
        "volunteer_hours": 96.25,
        "sessions": 7,
        "events": 180,
        "activities": (
            ActivityFigures("mentoring", 30.5, 12, 8, 20),
            ActivityFigures("session", 60.0, 30, 9, 7),
            ActivityFigures("volunteering", 5.75, 0, 3, 3),
        ),
        "outcomes": (
            OutcomeFigures("integration", 0.6789, 20, 0.1, 0.9),
            OutcomeFigures("job_readiness", 0.5, 11, 0.2, 0.8),
            OutcomeFigures("language", 6.25, 18, 2.0, 9.0),
            OutcomeFigures("well_being", 3.3333, 9, 1.0, 5.0),
        ),
    }
    return ImpactFigures(**{**values, **changes})


def shipment(account: Connection, *payloads: Payload, is_batch: bool = False) -> Shipment:
    """One attempt to send `payloads` under the fixed key."""
    return Shipment(
        connection=account,
        key=KEY,
        request_id=REQUEST,
        payloads=payloads,
        is_batch=is_batch,
    )


@dataclass
class MemoryTokens:
    """A token store of one process; counts what is asked of it."""

    kept: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    puts: int = 0

    def get(self, key: str, now: datetime) -> str | None:
        """The token that is good at `now`, or None."""
        token, expires_at = self.kept.get(key, ("", now))
        return token if expires_at > now else None

    def put(self, key: str, token: str, expires_at: datetime) -> None:
        """Keep `token`."""
        self.puts += 1
        self.kept[key] = (token, expires_at)

    def forget(self, key: str, token: str) -> None:
        """Drop `token` if it is kept."""
        if self.kept.get(key, ("",))[0] == token:
            del self.kept[key]


Handler = Callable[[socket.socket, bytes, int], bool | None]
"""Gets the connection, the whole request and its number (from 1); True: keep the connection."""


class RawServer:
    """Listens on a free port and lets `handler` answer; keeps the requests it read whole."""

    def __init__(
        self, handler: Handler, port: int = 0, *, tls: ssl.SSLContext | None = None
    ) -> None:
        self._handler = handler
        self._tls = tls
        self._lock = threading.Lock()
        self.requests: list[bytes] = []
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", port), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(accepted,), daemon=True).start()

    def _serve(self, accepted: socket.socket) -> None:
        with accepted, suppress(OSError):
            if self._tls is None:
                self._talk(accepted)
            else:
                with self._tls.wrap_socket(accepted, server_side=True) as wrapped:
                    self._talk(wrapped)

    def _talk(self, accepted: socket.socket) -> None:
        keep: bool | None = True
        while keep and (request := _read_request(accepted)):
            with self._lock:
                self.requests.append(request)
                number = len(self.requests)
            keep = self._handler(accepted, request, number)


@contextmanager
def raw_server(handler: Handler) -> Iterator[RawServer]:
    """A `RawServer`, closed afterwards."""
    server = RawServer(handler)
    try:
        yield server
    finally:
        server.close()


def http_answer(
    status: int = 200, body: bytes = b"", headers: dict[str, str] | None = None
) -> bytes:
    """An HTTP/1.1 answer as bytes."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def answers(*script: bytes) -> Handler:
    """A handler that gives these answers in turn, the last one for ever."""

    def handle(accepted: socket.socket, _request: bytes, number: int) -> bool:
        accepted.sendall(script[min(number, len(script)) - 1])
        return True

    return handle


def at_once(count: int, answer: bytes) -> Handler:
    """A handler that gives this answer, to the first `count` requests once all of them have come."""
    gate = threading.Barrier(count)

    def handle(accepted: socket.socket, _request: bytes, number: int) -> bool:
        if number <= count:
            gate.wait(30)
        accepted.sendall(answer)
        return True

    return handle


def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def _read_request(accepted: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = accepted.recv(65_536)
        if not chunk:
            return b""
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        ),
        0,
    )
    while len(body) < length:
        body += accepted.recv(65_536)
    return head + b"\r\n\r\n" + body
