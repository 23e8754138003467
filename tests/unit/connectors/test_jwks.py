"""Public keys by HTTP: fetched when needed, kept, renewed behind the reader's back, not believed for ever."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import HMACAlgorithm, RSAAlgorithm

from impact_in_pipelines.connectors.identity.jwks import (
    KEPT_FOR_S,
    NOT_BEFORE_S,
    USABLE_FOR_S,
    JwksClient,
    JwksUnavailable,
)

PRIVATE = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public(key_id: str | None) -> dict[str, Any]:
    """A key of the set, as JSON."""
    found: dict[str, Any] = RSAAlgorithm.to_jwk(PRIVATE.public_key(), as_dict=True)
    return {**found, **({"kid": key_id} if key_id else {}), "use": "sig"}


@dataclass
class Published:
    """What a provider publishes, how often it was asked, and whether it answers at all."""

    keys: list[dict[str, Any]]
    url: str = ""
    body: bytes | None = None
    asked: int = 0
    up: threading.Event = field(default_factory=threading.Event)
    now: float = 1000.0

    def client(self) -> JwksClient:
        return JwksClient(self.url, clock=lambda: self.now)


@pytest.fixture
def published() -> Iterator[Published]:
    state = Published([public("one")])
    state.up.set()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked += 1
            state.up.wait(30)
            body = state.body
            if body is None:
                body = json.dumps({"keys": state.keys}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_port}/keys"
        thread = threading.Thread(target=server.serve_forever, args=[0.02], daemon=True)
        thread.start()
        yield state
        state.up.set()
        server.shutdown()
        thread.join()


def test_the_set_is_asked_for_once_and_kept(published: Published) -> None:
    """For ten minutes, whichever of its keys is wanted."""
    published.keys.append(public("two"))
    client = published.client()

    assert client.key("one") is not None
    assert client.key("two") is not None
    published.now += KEPT_FOR_S - 1
    assert client.key("one") is not None
    assert published.asked == 1


def test_a_new_key_is_found_and_a_withdrawn_one_is_gone(published: Published) -> None:
    """An unknown id asks again, though not more often than every half minute: anybody can make one up."""
    client = published.client()
    client.key("one")
    published.keys[:] = [public("two")]

    assert client.key("two") is None
    assert client.key("three") is None
    assert published.asked == 1
    published.now += NOT_BEFORE_S
    assert client.key("two") is not None
    assert client.key("one") is None
    assert published.asked == 2


def test_nobody_with_a_known_key_waits_for_the_provider(published: Published) -> None:
    """While one asks for an unknown key and the provider hangs, the others go on."""
    client = published.client()
    client.key("one")
    published.now += NOT_BEFORE_S
    published.up.clear()
    other = threading.Thread(target=client.key, args=("unknown",), daemon=True)
    other.start()
    while published.asked < 2:
        assert other.is_alive()

    assert client.key("one") is not None  # fresh
    published.now += KEPT_FOR_S
    assert client.key("one") is not None  # to be renewed, which somebody does already
    assert other.is_alive()
    published.up.set()
    other.join(30)


def test_while_the_provider_is_away_its_last_keys_serve_for_a_day(published: Published) -> None:
    """After that they may have been withdrawn long ago."""
    client = published.client()
    client.key("one")
    published.body = b"<html>maintenance</html>"

    published.now += USABLE_FOR_S - 1
    assert client.key("one") is not None
    published.now += 1
    with pytest.raises(JwksUnavailable):
        client.key("one")
    published.body = None
    published.now += NOT_BEFORE_S
    assert client.key("one") is not None


@pytest.mark.parametrize("body", [b"", b"[]", b'{"keys": 1}', b'{"keys": []}', b"{}"])
def test_what_is_no_key_set_is_no_key(published: Published, body: bytes) -> None:
    """Nothing is believed of it."""
    published.body = body

    with pytest.raises(JwksUnavailable):
        published.client().key("one")


def test_a_secret_key_in_a_public_set_is_not_used(published: Published) -> None:
    """Whoever can read it could sign."""
    secret: dict[str, Any] = HMACAlgorithm.to_jwk(b"x" * 32, as_dict=True)
    published.keys.append({**secret, "kid": "hs", "alg": "HS256"})

    assert published.client().key("hs") is None


def test_a_single_key_serves_tokens_that_name_none(published: Published) -> None:
    """Among several nobody knows which is meant."""
    published.keys[:] = [public(None)]
    assert published.client().key(None) is not None

    published.keys[:] = [public("one"), public("two")]
    assert published.client().key(None) is None
