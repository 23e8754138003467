"""Connections that lead to checked addresses only, and reading from them until an instant.

A socket's timeout starts anew with every byte that arrives: a platform that sends one a second
would hold a worker for ever. Here the wait for the answer, head and body together, ends when the
read timeout has passed since the request began to leave.
"""

import io
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from http.client import HTTPException
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import create_connection

from impact_in_pipelines.connectors.http.failures import NoTlsConnection, TlsBrokenOff

Addresses = Callable[[str, str, int], Sequence[str]]
"""The addresses that a scheme, host and port may be connected at (`addresses.AddressPolicy.addresses`)."""

_AT_ONCE = 65_536
_MOST_BYTES = 2 * 1024 * 1024
"""More than any answer that is read: bodies are cut at a megabyte. Hints without end, or chunks of a byte,
would keep the processor busy until the deadline."""

_NEAR_S = 0.02
"""Each change of a socket's timeout is a call to the system, for which a thread leaves Python's lock to the
others: one that differs by so little is left as it is."""


class DeadlineReader(io.RawIOBase):
    """Reads a socket until an instant of the monotonic clock (s); raises `TimeoutError` after it, at
    the latest `_NEAR_S` later, and `HTTPException` after `_MOST_BYTES`."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        self._deadline = deadline
        self._put_back = b""
        self._received = 0

    def receive(self) -> bytes:
        """What has arrived, at least a byte; empty: the other side has closed."""
        self._set_patience()
        part = self._sock.recv(_AT_ONCE)
        self._received += len(part)
        return part

    def put_back(self, received: bytes) -> None:
        """To be read before all that is still to come."""
        self._put_back = received

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._put_back:
            part = self._put_back[: len(buffer)]
            self._put_back = self._put_back[len(part) :]
            buffer[: len(part)] = part
            return len(part)
        self._set_patience()
        if self._received > _MOST_BYTES:
            raise HTTPException("the answer has no end")
        size = self._sock.recv_into(buffer)
        self._received += size
        return size

    def _set_patience(self) -> None:
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("timed out")
        patience = self._sock.gettimeout()
        if patience is None or not 0 <= patience - remaining < _NEAR_S:
            self._sock.settimeout(remaining)


class CheckedConnection(HTTPConnection):
    """Connects to addresses that may be used, and to no others."""

    scheme = "http"
    timeout: float
    idle_since = 0.0
    """Since when it is kept, by the monotonic clock (s)."""

    def __init__(self, addresses: Addresses, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._addresses = addresses

    def _new_conn(self) -> socket.socket:
        """Connect to the first checked address that answers, within `timeout` s in all; the name is resolved
        once. Raises what urllib3's own raises, and what the check raises."""
        try:
            found = self._addresses(self.scheme, self.host, self.port)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        failure: Exception = NewConnectionError(self, "the host has no address")
        # One time-out for all of them, and for TLS: who controls a name's addresses could hold a worker with
        # a hundred that don't answer.
        deadline = time.monotonic() + self.timeout
        for place, address in enumerate(found):
            left_s = max(deadline - time.monotonic(), _NEAR_S)
            try:
                sock = create_connection(
                    (address, self.port),
                    left_s / (len(found) - place),
                    source_address=self.source_address,
                    socket_options=self.socket_options,
                )
            except TimeoutError:
                failure = ConnectTimeoutError(self, f"no connection within {self.timeout} s")
            except OSError as error:
                failure = NewConnectionError(self, str(error))
            else:
                sock.settimeout(max(deadline - time.monotonic(), _NEAR_S))
                return sock
            if time.monotonic() >= deadline:
                break
        raise failure


class CheckedTlsConnection(CheckedConnection, HTTPSConnection):
    """The same over TLS."""

    scheme = "https"

    def connect(self) -> None:
        """Raises `NoTlsConnection` and `TlsBrokenOff` besides, and `ConnectTimeoutError` for TLS too: no byte
        of a request has left."""
        try:
            super().connect()
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError) as error:
            raise TlsBrokenOff(error) from error
        except ssl.SSLError as error:
            raise NoTlsConnection(error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, f"no TLS within {self.timeout} s") from error
        except OSError as error:
            # Not from connecting, whose errors are urllib3's by now.
            raise TlsBrokenOff(error) from error
