"""Which connections are kept, and which are used again."""

import os
import signal
import socket
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

from connectors.helpers import RawServer, answers, at_once, raw_server
from connectors.transports import OK
from impact_in_pipelines.connectors.http.connections import IDLE_MOST_S, Connections
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


def test_one_that_has_been_idle_for_seconds_is_not_used_again() -> None:
    """The end of it may be under way already. A request that meets it may have arrived, and waits for its
    retry for minutes."""
    made = _connections()
    with raw_server(answers(OK)) as server:
        place = Origin("http", "127.0.0.1", server.port)
        for idle_s, opened in ((0.0, 1), (IDLE_MOST_S, 2), (0.0, 2)):
            for kept in made._idle.get(place, []):
                kept.idle_since -= idle_s
            assert _ask(made, server) == 200
            assert server.connections == opened
        made.close()


def test_those_that_were_idle_for_too_long_make_room() -> None:
    """They are at the bottom, where nobody would look for them."""
    made = _connections()
    with raw_server(at_once(3, OK)) as server, ThreadPoolExecutor(3) as pool:
        assert list(pool.map(lambda _: _ask(made, server), range(3))) == [200] * 3
        kept = made._idle[Origin("http", "127.0.0.1", server.port)]
        for one in kept[:2]:
            one.idle_since -= IDLE_MOST_S
        assert _ask(made, server) == 200
        assert (len(kept), server.connections) == (1, 3)
        made.close()


def test_a_child_process_leaves_its_parents_connections_alone() -> None:
    """Runs are forked: two processes on one connection would get each other's answers."""
    made = _connections()
    with raw_server(answers(OK)) as server:
        assert _ask(made, server) == 200
        with warnings.catch_warnings():
            # From Python 3.12 on: it has threads, as our processes have.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            signal.alarm(60)  # or a child that hangs would keep the tests for ever
            try:
                os._exit(0 if _ask(made, server) == 200 else 1)
            finally:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert server.connections == 2
        assert _ask(made, server) == 200
        assert server.connections == 2
        made.close()


def test_what_comes_behind_an_answer_is_no_other_ones_answer() -> None:
    """However late it comes: one company's would be taken for the next one's."""
    more = OK.replace(b" 200 ", b" 500 ")

    def twice(accepted: socket.socket, _request: bytes, number: int) -> bool:
        accepted.sendall(OK)
        if number == 1:
            accepted.sendall(more)
        return True

    made = _connections()
    with raw_server(twice) as server:
        assert _ask(made, server) == 200
        for kept in made._idle.get(Origin("http", "127.0.0.1", server.port), []):
            assert kept.sock is not None
            kept.sock.recv(1, socket.MSG_PEEK)
        assert [_ask(made, server) for _ in range(2)] == [200, 200]
        assert server.connections == 2
        made.close()


def _wait_for_its_end(made: Connections, server: RawServer) -> None:
    (kept,) = made._idle[Origin("http", "127.0.0.1", server.port)]
    assert kept.sock is not None
    assert kept.sock.recv(1, socket.MSG_PEEK) == b""
