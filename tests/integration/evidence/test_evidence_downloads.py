"""Archives are made before they are sent: who reads slowly holds nothing of the database."""

import threading

import anyio
import pytest
from sqlalchemy import QueuePool
from starlette.types import Message

from impact_in_pipelines.api.app import create_app
from impact_in_pipelines.api.context import build_context
from impact_in_pipelines.api.http.archives import AT_ONCE, ArchiveTurns
from impact_in_pipelines.api.http.problems import problem_of
from impact_in_pipelines.errors.retention import ArchivesBusy
from integration.api_harness import BASE, Served


@pytest.mark.parametrize("what", ["evidence", "export"])
def test_an_archive_that_is_read_slowly_holds_no_connection(api: Served, what: str) -> None:
    """While its first piece is on its way, no transaction is open any more."""
    runtime = api.world.another_runtime()
    pool = runtime.database.engine.pool
    assert isinstance(pool, QueuePool)
    context = build_context(runtime)
    held: list[int] = []
    started: list[int] = []
    pieces: list[bytes] = []

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            started.append(message["status"])
        elif message.get("body"):
            pieces.append(message["body"])
            held.append(pool.checkedout())

    async def receive() -> Message:
        if pieces:
            await anyio.sleep_forever()
        return {"type": "http.request", "body": b"", "more_body": False}

    token = api.token(companies=["*"])
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "http",
        "method": "GET",
        "path": f"{BASE}/companies/{api.own.company}/{what}",
        "raw_path": b"",
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1"), (b"authorization", f"Bearer {token}".encode())],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    try:
        anyio.run(create_app(context), scope, receive, send)
    finally:
        runtime.close()
    assert started == [200], b"".join(pieces)
    assert b"".join(pieces).startswith(b"PK")
    assert set(held) == {0}


def test_a_third_archive_at_once_is_told_to_come_again() -> None:
    """And gets its turn when one of the others is made."""

    async def three() -> None:
        turns = ArchiveTurns(patience_s=0.05)
        go_on = threading.Event()
        async with anyio.create_task_group() as others:
            for _ in range(AT_ONCE):
                others.start_soon(turns.run, go_on.wait)
            await anyio.wait_all_tasks_blocked()
            try:
                with pytest.raises(ArchivesBusy) as refused:
                    await turns.run(lambda: None)
            finally:
                go_on.set()
        problem = problem_of(refused.value)
        assert (problem.status_code, problem.headers) == (503, {"Retry-After": "30"})
        assert await turns.run(lambda: "made") == "made"

    anyio.run(three)
