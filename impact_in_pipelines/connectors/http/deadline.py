"""HTTP connections whose read timeout bounds the whole answer, and which lead to checked addresses only.

A socket's timeout starts anew with every byte that arrives: a platform that sends one a second
would hold a worker for ever. Here the wait for the answer, head and body together, ends when the
read timeout has passed since the request was sent.
"""

import http.client
import io
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any

from requests import adapters
from urllib3 import PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import create_connection

Addresses = Callable[[str, str, int], Sequence[str]]
"""The addresses that a scheme, host and port may be connected at (`addresses.AddressPolicy.addresses`)."""


_NEAR_S = 0.02
"""Each change of a socket's timeout is a call to the system, for which a thread leaves Python's lock to the
others: one that differs by so little is left as it is."""


class _DeadlineReader(io.RawIOBase):
    """Reads a socket until an instant of the monotonic clock (s); raises `TimeoutError` after it, at
    the latest `_NEAR_S` later."""

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
        patience = self._sock.gettimeout()
        if patience is None or not 0 <= patience - remaining < _NEAR_S:
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
    scheme = "http"
    addresses: Addresses
    _gathered: list[bytes] | None = None

    def _new_conn(self) -> socket.socket:
        """Connect to the first checked address that answers; the name is resolved once. Raises what
        urllib3's own raises, and what the check raises."""
        try:
            found = self.addresses(self.scheme, self.host, self.port)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        failure: Exception = NewConnectionError(self, "the host has no address")
        for address in found:
            try:
                return create_connection(
                    (address, self.port),
                    self.timeout,
                    source_address=self.source_address,
                    socket_options=self.socket_options,
                )
            except TimeoutError:
                failure = ConnectTimeoutError(self, f"no connection within {self.timeout} s")
            except OSError as error:
                failure = NewConnectionError(self, str(error))
        raise failure

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Send a request with its head and its body at once: urllib3 would make two calls to the system and
        two packets of them, and at each call a thread leaves Python's lock to the others."""
        self._gathered = []
        try:
            super().request(*args, **kwargs)
            parts, self._gathered = self._gathered, None
            if parts:
                super().send(b"".join(parts))
        finally:
            self._gathered = None

    def send(self, data: Any) -> None:
        """Send `data`, or gather it while a request is being put together."""
        if self._gathered is None:
            super().send(data)
        else:
            self._gathered.append(data)


class _BoundedTlsConnection(_BoundedConnection, HTTPSConnection):
    scheme = "https"


def bounded_pools(addresses: Addresses, *, hosts: int, connections: int) -> PoolManager:
    """Pools of connections whose read timeout bounds the whole answer; `addresses` says where they may lead.
    They keep up to `connections` to each of so many `hosts`, and trust whom requests trusts."""
    pools = PoolManager(
        num_pools=hosts,
        maxsize=connections,
        cert_reqs="CERT_REQUIRED",
        ca_certs=adapters.DEFAULT_CA_BUNDLE_PATH,
    )
    pools.pool_classes_by_scheme = {
        "http": _pool_class(HTTPConnectionPool, _BoundedConnection, addresses),
        "https": _pool_class(HTTPSConnectionPool, _BoundedTlsConnection, addresses),
    }
    return pools


def _pool_class(
    pool: type[HTTPConnectionPool], connection: type[_BoundedConnection], addresses: Addresses
) -> type[HTTPConnectionPool]:
    # urllib3 makes connections from the pool's class: what they need to know goes into a class too.
    checked = type(connection.__name__, (connection,), {"addresses": staticmethod(addresses)})
    return type(pool.__name__, (pool,), {"ConnectionCls": checked})
