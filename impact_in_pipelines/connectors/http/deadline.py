"""An HTTP adapter whose read timeout bounds the whole answer.

A socket's timeout starts anew with every byte that arrives: a platform that sends one a second
would hold a worker for ever. Here the wait for the answer, head and body together, ends when the
read timeout has passed since the request was sent.
"""

import http.client
import io
import socket
import time
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool


class _DeadlineReader(io.RawIOBase):
    """Reads a socket until an instant of the monotonic clock (s); raises `TimeoutError` after
    it."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        # makefile() keeps the socket open while an answer without length is read from it.
        self._file = sock.makefile("rb", buffering=0)
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(remaining)
        return self._file.readinto(buffer)

    def close(self) -> None:
        self._file.close()
        super().close()


class _Source:
    """Stands in for the socket where `http.client` makes its file."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def makefile(self, _mode: str) -> io.BufferedReader:
        timeout = self._sock.gettimeout()
        deadline = float("inf") if timeout is None else time.monotonic() + timeout
        return io.BufferedReader(_DeadlineReader(self._sock, deadline))


class _BoundedResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(_Source(sock), *args, **kwargs)  # type: ignore[arg-type]


class _BoundedConnection(HTTPConnection):
    response_class = _BoundedResponse

    def putrequest(self, *args: Any, **kwargs: Any) -> None:
        # The answer before this one on the same connection left what remained of its time.
        if self.sock is not None:
            self.sock.settimeout(self.timeout)
        super().putrequest(*args, **kwargs)


class _BoundedTlsConnection(_BoundedConnection, HTTPSConnection):
    pass


class _BoundedPool(HTTPConnectionPool):
    ConnectionCls = _BoundedConnection


class _BoundedTlsPool(HTTPSConnectionPool):
    ConnectionCls = _BoundedTlsConnection


class BoundedAdapter(HTTPAdapter):
    """requests' adapter over connections whose read timeout bounds the whole answer."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _BoundedPool, "https": _BoundedTlsPool}
