"""What can go wrong before a byte of a request has left: whom is trusted, and for how long is waited."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from urllib3.exceptions import ConnectTimeoutError

from connectors.helpers import answers, closed_port, settings
from connectors.tls_servers import tls_server
from connectors.transports import OK, Waits, failure
from impact_in_pipelines.connectors.http import deadline
from impact_in_pipelines.connectors.http.connections import Connections
from impact_in_pipelines.connectors.http.failures import explain
from impact_in_pipelines.connectors.http.transport import TRIES, Transport
from impact_in_pipelines.delivery.origins import Origin
from impact_in_pipelines.delivery.states import ErrorKind

End = Callable[[socket.socket], None]


def _reset(accepted: socket.socket) -> None:
    """Closed with something unread."""
    accepted.recv(1)
    accepted.close()


def _finish(accepted: socket.socket) -> None:
    """Closed as a balancer does that has read the greeting."""
    accepted.recv(65_536)
    accepted.close()


def _speak_plainly(accepted: socket.socket) -> None:
    accepted.recv(65_536)
    accepted.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
    accepted.close()


@pytest.mark.parametrize(
    ("address", "expired"), [("127.0.0.2", False), ("127.0.0.1", True), ("::1", False)]
)
def test_a_trusted_certificate_of_another_address_or_time_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, expired: bool
) -> None:
    """Whoever is trusted is trusted under a name and until a day: an address is a name as well."""
    with tls_server(tmp_path, address=address, expired=expired) as server:
        transport = _trusting(tmp_path, monkeypatch)
        for _ in range(2):
            result = failure(transport, f"https://127.0.0.1:{server.port}")
            assert "certificate isn't trusted; nothing was sent" in (result.error or "")
        assert server.requests == []
        transport.close()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_each_version_of_tls_that_is_in_use_is_spoken_and_its_connections_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: ssl.TLSVersion
) -> None:
    """The tickets of TLS 1.3 come unasked; they are no reason to take a connection for one that talks."""
    with tls_server(tmp_path, version=version) as server:
        transport = _trusting(tmp_path, monkeypatch)
        url = f"https://127.0.0.1:{server.port}"
        assert [transport.post(url, {}, b"{}").status for _ in range(3)] == [200] * 3
        assert server.connections == 1
        transport.close()


def test_the_list_of_protocols_is_set_once_for_all_connections(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They share a context, and OpenSSL replaces its list without a lock: while one connection set it anew,
    others said hello with garbage in it."""
    lists: list[list[str]] = []
    setter = ssl.SSLContext.set_alpn_protocols

    def noticed(self: ssl.SSLContext, protocols: Iterable[str]) -> None:
        lists.append(list(protocols))
        setter(self, lists[-1])

    monkeypatch.setattr(ssl.SSLContext, "set_alpn_protocols", noticed)
    closing = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    with tls_server(tmp_path, answers(closing)) as server:
        transport = _trusting(tmp_path, monkeypatch)
        url = f"https://127.0.0.1:{server.port}"
        assert [transport.post(url, {}, b"{}").status for _ in range(3)] == [200] * 3
        assert server.connections == 3
        transport.close()
    assert lists == [["http/1.1"]]


@pytest.mark.parametrize(
    ("end", "kind", "said"),
    [
        (_reset, ErrorKind.NETWORK, "the TLS connection was broken off; nothing was sent"),
        (_finish, ErrorKind.NETWORK, "the TLS connection was broken off; nothing was sent"),
        (None, ErrorKind.TIMEOUT, "no connection within the connect time-out; nothing was sent"),
    ],
    ids=["reset", "finished", "hangs"],
)
def test_what_ends_or_hangs_while_tls_begins_was_not_sent(
    waits: Waits, end: End | None, kind: ErrorKind, said: str
) -> None:
    """No byte of the request has left: it may be tried again at once, and the log says so."""
    connect_ms = "30000" if end else "100"
    transport = Transport(settings(HTTP_CONNECT_TIMEOUT_MS=connect_ms), sleep=waits)
    with _no_tls(end) as port:
        result = failure(transport, f"https://127.0.0.1:{port}")
    assert (result.error or "").endswith(said)
    assert result.error_kind is kind
    assert len(waits) == TRIES - 1
    transport.close()


def test_what_refuses_tls_was_sent_nothing_and_is_not_asked_again(waits: Waits) -> None:
    """Whoever speaks no TLS at this port won't speak any in a moment."""
    transport = Transport(settings(), sleep=waits)
    with _no_tls(_speak_plainly) as port:
        result = failure(transport, f"https://127.0.0.1:{port}")
    assert (result.error or "").endswith("no TLS connection; nothing was sent")
    assert list(waits) == []
    transport.close()


def test_a_break_of_tls_in_the_middle_may_have_arrived() -> None:
    """Only where TLS was never begun is it said that there was none."""
    kind, what = explain(ssl.SSLError(1, "[SSL: DECRYPTION_FAILED_OR_BAD_RECORD_MAC]"))
    assert kind is ErrorKind.NETWORK
    assert "it may have arrived" in what


def test_all_addresses_of_a_name_share_one_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who controls a name has as many addresses as they like, none of which answers: a worker waited for
    each in turn."""
    now, tried = 100.0, []

    def silent(address: tuple[str, int], timeout: float, **_: object) -> socket.socket:
        nonlocal now
        tried.append(address[0])
        now += timeout
        raise TimeoutError

    monkeypatch.setattr(deadline, "create_connection", silent)
    monkeypatch.setattr(deadline, "time", SimpleNamespace(monotonic=lambda: now))
    many = [f"192.0.2.{n}" for n in range(50)]
    with pytest.raises(ConnectTimeoutError):
        _connections(many, connect_s=5.0).exchange(Origin("http", "many", 80), "POST", b"")
    assert 105.0 <= now < 105.1
    assert tried == many[: len(tried)]
    assert len(tried) > 40


def test_an_address_where_nobody_listens_leaves_the_time_to_the_next() -> None:
    """Names have several for a reason."""
    with socket.create_server(("127.0.0.1", closed_port())) as listener:
        port = listener.getsockname()[1]
        threading.Thread(target=_answer_once, args=(listener,), daemon=True).start()
        made = _connections(["127.0.0.2", "127.0.0.1"], connect_s=30.0)
        request = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 0\r\n\r\n"
        assert made.exchange(Origin("http", "two", port), "POST", request).status == 200
        made.close()


def _connections(addresses: list[str], *, connect_s: float) -> Connections:
    return Connections(lambda *_: addresses, connect_s=connect_s, read_s=30.0, hosts=4, each=4)


def _trusting(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Transport:
    monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(folder / "certificate.pem"))
    return Transport(settings())


def _answer_once(listener: socket.socket) -> None:
    accepted, _ = listener.accept()
    with accepted:
        accepted.recv(65_536)
        accepted.sendall(OK)


@contextmanager
def _no_tls(end: End | None) -> Iterator[int]:
    """A port where whoever connects meets this `end`, or hears nothing."""
    kept: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    accepted, _ = listener.accept()
                except OSError:
                    return
                kept.append(accepted)
                if end is not None:
                    end(accepted)

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    for one in kept:
        one.close()
