"""The guard before Dagster's web server: other sites' requests end here, its own UI's and programs' don't."""

import asyncio
from typing import Any

import pytest

from impact_in_pipelines.dagster_instance.webserver.guard import (
    LOOPBACK,
    Guard,
    Message,
    Receive,
    Scope,
    Send,
    _executes_graphql,
)

HOST = "127.0.0.1:3000"
HERE = "http://127.0.0.1:3000"
MUTATION = "query=mutation%7BterminateRun(runId:%22x%22)%7B__typename%7D%7D"


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Says yes to everything, as Dagster's does."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"done"})


def ask(
    method: str = "GET",
    path: str = "/graphql",
    kind: str = "http",
    query: str = "",
    **headers: str,
) -> list[Message]:
    """What is sent back to a request with these headers (`_` for `-`)."""
    sent: list[Message] = []
    named = {"host": HOST} | {name.replace("_", "-"): value for name, value in headers.items()}
    scope: dict[str, Any] = {
        "type": kind,
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in named.items() if value],
    }

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(Guard(app, hosts=[*LOOPBACK, "dagster.example.org"])(scope, receive, send))
    return sent


def status(*arguments: Any, **named: Any) -> int:
    found: int = ask(*arguments, **named)[0]["status"]
    return found


@pytest.mark.parametrize("path", ["/graphql", "/graphql/", "/dagster/graphql"])
@pytest.mark.parametrize("accept", ["", "*/*", "image/avif,*/*", "application/json"])
def test_graphql_by_get_is_refused(path: str, accept: str) -> None:
    """An image's address on any web page could start, end or delete runs."""
    assert status("GET", path, "http", MUTATION, accept=accept) == 405
    assert status("HEAD", path, "http", MUTATION, accept=accept) == 405


def test_of_several_accept_headers_the_first_decides_as_for_dagster() -> None:
    """It would execute the mutation, and the guard had taken the request for a person's."""
    scope: dict[str, Any] = {
        "type": "http",
        "path": "/graphql",
        "headers": [(b"accept", b"*/*"), (b"accept", b"text/html")],
    }
    assert _executes_graphql(scope)


def test_pages_are_shown() -> None:
    """The UI, its files and the playground, which executes nothing by being opened."""
    assert status("GET", "/runs", accept="text/html") == 200
    assert status("GET", "/graphql", accept="text/html,*/*") == 200
    assert status("GET", "/server_info", sec_fetch_site="cross-site") == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://attacker.example"},
        {"origin": "http://127.0.0.1:8000"},
        {"origin": "http://localhost:3000"},
        {"origin": "null"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
    ],
    ids=str,
)
def test_what_another_site_sends_is_refused(headers: dict[str, str]) -> None:
    """Also one on this machine at another port, and one that hides its name."""
    assert status("POST", **headers) == 403
    assert status("POST", "/report_asset_materialization/benevity_export", **headers) == 403
    assert ask("GET", "/graphql", "websocket", **headers) == [
        {"type": "websocket.close", "code": 1008}
    ]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": HERE, "sec_fetch_site": "same-origin"},
        {"host": "dagster.example.org", "origin": "https://dagster.example.org"},
        {"host": "[::1]:3000", "origin": "http://[::1]:3000"},
    ],
    ids=str,
)
def test_its_own_ui_and_programs_are_let_through(headers: dict[str, str]) -> None:
    """A program sends no Origin; behind a proxy the name is the proxy's."""
    assert status("POST", **headers) == 200
    assert ask("GET", "/graphql", "websocket", **headers) == [{"type": "websocket.accept"}]


@pytest.mark.parametrize(
    "host", ["attacker.example", "attacker.example:3000", "", "127.0.0.1.attacker.example", "[::1"]
)
def test_a_name_that_is_not_ours_is_refused(host: str) -> None:
    """A page of attacker.example that is suddenly at 127.0.0.1 is of the same origin as itself."""
    assert status("GET", "/runs", host=host, accept="text/html") == 403
    assert status("POST", host=host, origin=f"http://{host}") == 403


def test_the_ui_is_not_shown_in_another_sites_frame() -> None:
    """Clicks could be led to its buttons."""
    headers = dict(ask("GET", "/runs", accept="text/html")[0]["headers"])
    assert headers[b"x-frame-options"] == b"DENY"
    assert headers[b"content-security-policy"] == b"frame-ancestors 'none'"
