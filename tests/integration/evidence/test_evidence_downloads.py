"""Archives are made before they are sent: who reads slowly holds nothing of the database."""

import tempfile
import threading
from collections.abc import Callable
from functools import partial

import anyio
import pytest
from sqlalchemy import QueuePool
from starlette.requests import Request
from starlette.types import Message

from impact_in_pipelines.api.app import create_app
from impact_in_pipelines.api.context import build_context
from impact_in_pipelines.api.http.archives import (
    AT_ONCE,
    MOST_KEPT,
    ZIP,
    ArchiveTurns,
    Made,
    written,
)
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


@pytest.mark.parametrize("what", ["evidence", "export"])
def test_head_makes_no_archive(api: Served, what: str) -> None:
    """Its headers without its length, and nothing in the audit log of anything taken."""
    token = api.token(companies=["*"])
    answer = api.call("HEAD", f"/companies/{api.own.company}/{what}", token=token)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, ZIP)
    assert answer.headers["Content-Disposition"].endswith('.zip"')
    taken = "SELECT count(*) FROM audit_log WHERE action LIKE '%export'"
    assert api.world.scalars(taken) == [0]


SCOPE = {"type": "http", "asgi": {"spec_version": "2.4"}}
REQUEST = Request({"type": "http", "method": "GET", "headers": []})


def made() -> Made:
    """An archive of a few bytes."""
    return written(lambda: [b"PK"])


async def taken(turns: ArchiveTurns, make: Callable[[], Made] = made) -> bytes:
    """An archive, asked for and read to its end."""
    pieces: list[bytes] = []

    async def receive() -> Message:
        await anyio.sleep_forever()
        raise AssertionError

    async def send(message: Message) -> None:
        pieces.append(message.get("body", b""))

    response = await turns.response(REQUEST, make, "a.zip")
    await response(SCOPE, receive, send)
    return b"".join(pieces)


def test_a_third_archive_at_once_is_told_to_come_again() -> None:
    """And gets its turn when one of the others is made."""

    async def three() -> None:
        turns = ArchiveTurns(patience_s=0.05)
        go_on = threading.Event()

        def slowly() -> Made:
            go_on.wait()
            return made()

        async with anyio.create_task_group() as others:
            for _ in range(AT_ONCE):
                others.start_soon(taken, turns, slowly)
            await anyio.wait_all_tasks_blocked()
            try:
                with pytest.raises(ArchivesBusy) as refused:
                    await turns.response(REQUEST, made, "a.zip")
            finally:
                go_on.set()
        problem = problem_of(refused.value)
        assert (problem.status_code, problem.headers) == (503, {"Retry-After": "30"})
        assert await taken(turns) == b"PK"

    anyio.run(three)


def test_archives_that_nobody_takes_are_few_and_go() -> None:
    """Those who read nothing lose theirs after a while, which makes room for others."""

    async def slow_readers() -> None:
        turns = ArchiveTurns(patience_s=0.05, sent_within_s=0.1)
        files = [tempfile.TemporaryFile() for _ in range(MOST_KEPT)]  # noqa: SIM115
        for file in files:
            file.write(b"PK")
            file.seek(0)
        unread = [
            await turns.response(REQUEST, partial(Made, file), f"{n}.zip")
            for n, file in enumerate(files)
        ]
        with pytest.raises(ArchivesBusy):
            await turns.response(REQUEST, made, "one.zip")

        async def receive() -> Message:
            await anyio.sleep_forever()
            raise AssertionError

        async def send(message: Message) -> None:
            if message["type"] == "http.response.body":
                await anyio.sleep_forever()

        async with anyio.create_task_group() as readers:
            for one in unread:
                readers.start_soon(one, SCOPE, receive, send)
        assert all(file.closed for file in files)
        assert await taken(turns) == b"PK"

    anyio.run(slow_readers)
