"""Connections that are kept, and one exchange over one of them.

Straight over the sockets: of what a request cost, urllib3's pools and its way of putting heads together were
a third. Connecting and TLS are still theirs, and answers are read by httptools (`reading.py`).
"""

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
from impact_in_pipelines.delivery.origins import Origin

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
        # Not everybody who has one comes to close it.
        weakref.finalize(self, _close_all, self._idle)

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
            if connection is None or connection.is_connected:
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
                ca_certs=adapters.DEFAULT_CA_BUNDLE_PATH,
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

    def _kept(self, place: Origin, connection: CheckedConnection) -> bool:
        """Keep it, at the cost of those to the place that was used longest ago; whether there was room."""
        dropped: list[CheckedConnection] = []
        with self._lock:
            idle = self._idle.pop(place, [])
            self._idle[place] = idle  # now the last of them
            if len(self._idle) > self._hosts:
                dropped = self._idle.pop(next(iter(self._idle)))
            room = len(idle) < self._each
            if room:
                idle.append(connection)
        _close(dropped)
        return room


def _close_all(idle: _Idle) -> None:
    for connections in idle.values():
        _close(connections)
    idle.clear()


def _close(connections: list[CheckedConnection]) -> None:
    for connection in connections:
        connection.close()
