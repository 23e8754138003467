"""What stands between browsers and Dagster's web server, which knows no login and trusts every request.

Its GraphQL executes mutations sent by GET, and POSTs and WebSocket connections of any web page that the
operator happens to have open; a page whose name an attacker points at this machine (DNS rebinding) may even
read the answers. The guard lets through what Dagster's own UI and programs send, and nothing of other sites.
It is no login: that is the business of a proxy in front (`deploy/nginx/dagster-ui.conf`).
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_READING = ("GET", "HEAD", "OPTIONS")
_POLICY_VIOLATION = 1008
_HEADERS = [
    # A page that shows the UI in a frame could lead an operator's clicks to its buttons.
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
]


class Guard:
    """An ASGI application that passes on to `app` what it allows.

    `hosts`: the names (without port) under which the UI is reached; anything else in `Host` is refused.
    """

    def __init__(self, app: App, *, hosts: Collection[str]) -> None:
        self._app = app
        self._hosts = frozenset(host.lower().strip("[]") for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 403 or 405 with one line that says why."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refused = self._why_not(scope)
        if refused is None:
            await self._app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        else:
            await _answer(send, *refused)

    def _why_not(self, scope: Scope) -> tuple[int, str] | None:
        """The status and the reason to refuse the request with; None: it is fine."""
        hosts, origins = _values(scope, b"host"), _values(scope, b"origin")
        if len(hosts) != 1 or _name(hosts[0]) not in self._hosts:
            return 403, "this host name is not allowed; start the server with --allow-host NAME"
        # A browser names the page that sends the request, always for a POST and for a WebSocket. Programs
        # send no Origin, and no page can make a browser leave it out.
        if any(urlsplit(origin).netloc.lower() != hosts[0].lower() for origin in origins):
            return 403, "the request comes from another site"
        reads = scope["type"] == "http" and scope["method"] in _READING
        sites = _values(scope, b"sec-fetch-site")
        if not reads and any(site not in ("same-origin", "none") for site in sites):
            return 403, "the request comes from another site"
        if reads and _executes_graphql(scope):
            return 405, "GraphQL is sent by POST: a link must not be able to change anything"
        return None


def _executes_graphql(scope: Scope) -> bool:
    """Whether Dagster would execute this GET; for a browser that navigates it shows its playground."""
    if not scope["path"].rstrip("/").endswith("/graphql"):
        return False
    # Of several Accept headers Dagster reads the first one only.
    return not any("text/html" in accepted for accepted in _values(scope, b"accept")[:1])


def _values(scope: Scope, name: bytes) -> list[str]:
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
    return [value.decode("latin-1") for key, value in headers if key.lower() == name]


def _name(host: str) -> str:
    """The name in a `Host` header, without its port; empty for one that is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *_HEADERS]}
        await send(message)

    return sending


async def _answer(send: Send, status: int, reason: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
    if status == 405:
        headers.append((b"allow", b"POST"))
    await send({"type": "http.response.start", "status": status, "headers": headers + _HEADERS})
    await send({"type": "http.response.body", "body": f"{reason}\n".encode()})
