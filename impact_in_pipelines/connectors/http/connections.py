"""Connections that are kept, and one exchange over one of them.

Straight over the sockets: of what a request cost, urllib3's pools and its way of putting heads together were
a third. Connecting and TLS are still theirs, and answers are read by httptools (`reading.py`).
"""

import os
import ssl
import threading
import time
import weakref
from contextlib import suppress

from requests import adapters

from impact_in_pipelines.connectors.http.answer import Answer
from impact_in_pipelines.connectors.http.deadline import (
    Addresses,
    CheckedConnection,
    CheckedTlsConnection,
    DeadlineReader,
)
from impact_in_pipelines.connectors.http.reading import read_answer
from impact_in_pipelines.connectors.http.tls import shared_context
from impact_in_pipelines.delivery.origins import Origin

IDLE_MOST_S = 4.0
"""Many servers close what has been idle for five seconds. A request that meets this end may have arrived, as
far as its sender knows."""

_Idle = dict[Origin, list[CheckedConnection]]


class Connections:
    """Keeps up to `each` connections to each of `hosts` places, those that were used last, and trusts whom
    requests trusts; `addresses` says where they may lead. Safe to share between threads."""

    def __init__(
        self, addresses: Addresses, *, connect_s: float, read_s: float, hosts: int, each: int
    ) -> None:
        self._addresses = addresses
        self._connect_s = connect_s
        self._read_s = read_s
        self._hosts = hosts
        self._each = each
        self._lock = threading.Lock()
        self._idle: _Idle = {}
        self._tls: ssl.SSLContext | None = None
        # Not everybody who has one comes to close it.
        weakref.finalize(self, _close_all, self._idle)
        _all.add(self)

    def exchange(self, place: Origin, method: str, request: bytes) -> Answer:
        """The answer to `request`, the head and body of a `method`, which leave by one call to the system: at
        each a thread leaves Python's lock to the others.

        Raises what urllib3 raises for what can't be connected, and what the socket and `read_answer` raise.
        """
        connection = self._taken(place) or self._opened(place)
        try:
            sock = connection.sock
            if sock.gettimeout() != self._read_s:
                sock.settimeout(self._read_s)
            deadline = time.monotonic() + self._read_s
            # It may have been answered before all of it was read.
            with suppress(BrokenPipeError, ConnectionResetError):
                sock.sendall(request)
            reader = DeadlineReader(sock, deadline)
            answer, reusable = read_answer(reader, method)
        except BaseException:
            connection.close()
            raise
        if not (reusable and self._kept(place, connection)):
            connection.close()
        return answer

    def close(self) -> None:
        """Close what is kept."""
        with self._lock:
            _close_all(self._idle)

    def _taken(self, place: Origin) -> CheckedConnection | None:
        """A kept connection on which nothing has come since: neither its end nor what nobody asked for."""
        while True:
            with self._lock:
                idle = self._idle.get(place)
                connection = idle.pop() if idle else None
            if connection is None:
                return None
            fresh = time.monotonic() - connection.idle_since < IDLE_MOST_S
            if fresh and connection.is_connected:
                return connection
            connection.close()

    def _opened(self, place: Origin) -> CheckedConnection:
        if place.scheme == "https":
            made: CheckedConnection = CheckedTlsConnection(
                self._addresses,
                place.host,
                place.port,
                timeout=self._connect_s,
                cert_reqs="CERT_REQUIRED",
                ssl_context=self._tls_context(),
            )
        else:
            made = CheckedConnection(
                self._addresses, place.host, place.port, timeout=self._connect_s
            )
        try:
            made.connect()
        except BaseException:
            made.close()
            raise
        return made

    def _tls_context(self) -> ssl.SSLContext:
        """One for all: to read whom it trusts costs 16 ms."""
        with self._lock:
            if self._tls is None:
                self._tls = shared_context(adapters.DEFAULT_CA_BUNDLE_PATH)
            return self._tls

    def _kept(self, place: Origin, connection: CheckedConnection) -> bool:
        """Keep it, at the cost of those to the place that was used longest ago; whether there was room."""
        dropped: list[CheckedConnection] = []
        connection.idle_since = now = time.monotonic()
        with self._lock:
            idle = self._idle.pop(place, [])
            self._idle[place] = idle  # now the last of them
            if len(self._idle) > self._hosts:
                dropped = self._idle.pop(next(iter(self._idle)))
            while idle and now - idle[0].idle_since >= IDLE_MOST_S:
                dropped.append(idle.pop(0))
            room = len(idle) < self._each
            if room:
                idle.append(connection)
        _close(dropped)
        return room

    def _begin_anew(self) -> None:
        """In a child process: what its parent keeps is the parent's, who would get the child's answers."""
        self._lock = threading.Lock()
        _close_all(self._idle)


_all: "weakref.WeakSet[Connections]" = weakref.WeakSet()


def _begin_all_anew() -> None:
    for one in list(_all):
        one._begin_anew()


os.register_at_fork(after_in_child=_begin_all_anew)


def _close_all(idle: _Idle) -> None:
    for connections in idle.values():
        _close(connections)
    idle.clear()


def _close(connections: list[CheckedConnection]) -> None:
    for connection in connections:
        connection.close()
