"""Which connections are kept, and which are used again."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor

from connectors.helpers import RawServer, answers, raw_server
from connectors.transports import OK
from impact_in_pipelines.connectors.http.connections import Connections
from impact_in_pipelines.delivery.origins import Origin

_REQUEST = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 2\r\n\r\n{}"


def _connections(*, hosts: int = 4, each: int = 4) -> Connections:
    return Connections(
        lambda _scheme, host, _port: [host], connect_s=30, read_s=30, hosts=hosts, each=each
    )


def _ask(made: Connections, server: RawServer) -> int:
    place = Origin("http", "127.0.0.1", server.port)
    return made.exchange(place, "POST", _REQUEST).status


def test_those_to_the_place_that_was_used_longest_ago_are_closed() -> None:
    """Thousands of companies have thousands of hosts, and files a process may open are fewer."""
    made = _connections(hosts=1)
    with raw_server(answers(OK)) as first, raw_server(answers(OK)) as second:
        assert [_ask(made, one) for one in (first, first, second, first)] == [200] * 4
        assert (first.connections, second.connections) == (2, 1)
        made.close()


def test_no_more_than_so_many_are_kept() -> None:
    """What was needed for a moment is not held for ever."""
    gate = threading.Barrier(2)

    def together(accepted: socket.socket, _request: bytes, _number: int) -> bool:
        gate.wait(30)
        accepted.sendall(OK)
        return True

    made = _connections(each=1)
    with raw_server(together) as server, ThreadPoolExecutor(2) as pool:
        for _ in range(2):
            assert list(pool.map(lambda _: _ask(made, server), range(2))) == [200, 200]
        assert server.connections == 3
        made.close()


def test_one_that_has_been_closed_meanwhile_is_not_used_again() -> None:
    """Servers close what lies idle: sent there, a request would be lost."""

    def once(accepted: socket.socket, _request: bytes, _number: int) -> None:
        accepted.sendall(OK)

    made = _connections()
    with raw_server(once) as server:
        for _ in range(3):
            assert _ask(made, server) == 200
            _wait_for_its_end(made, server)
        assert server.connections == 3
        made.close()


def _wait_for_its_end(made: Connections, server: RawServer) -> None:
    (kept,) = made._idle[Origin("http", "127.0.0.1", server.port)]
    assert kept.sock is not None
    assert kept.sock.recv(1, socket.MSG_PEEK) == b""
