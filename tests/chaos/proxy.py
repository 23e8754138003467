"""A TCP proxy before PostgreSQL, one door for each home: it cuts and stalls where a network would.

What a killed backend can't show: a connection that ends in the middle of the transaction that records
results, and one that ends after COMMIT has been carried out and before its answer has come.
"""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL

_CHUNK = 65_536
_SETTLES = b"SET outcome = r.outcome"
_COMMIT = b"COMMIT\x00"
_SOCKET = ".s.PGSQL.5432"


@dataclass(eq=False)
class _Link:
    """One connection of a client through the proxy."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    settled: bool = False
    answer_is_lost: bool = False

    def cut(self) -> None:
        for side in (self.client, self.server):
            side.transport.abort()


class DatabaseProxy:
    """Doors on free ports of 127.0.0.1 to the server at `url`. `happened` counts what was done to whom."""

    def __init__(self, url: URL, doors: int) -> None:
        self._url = url
        self._loop = asyncio.new_event_loop()
        self._ports: list[int] = []
        self._stalled_until = [0.0] * doors
        self._cut_settles = 0
        self._lose_answers = 0
        self.happened: Counter[str] = Counter()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(doors,), daemon=True)
        self._thread.start()
        self._ready.wait(30)

    def url(self, door: int) -> str:
        """The database's URL through this door."""
        through = self._url.set(host="127.0.0.1", port=self._ports[door], query={})
        return through.render_as_string(hide_password=False)

    def cut_settle(self) -> None:
        """The next transaction that records results loses its connection half-way."""
        self._cut_settles += 1

    def lose_answer(self) -> None:
        """The next such transaction is committed, and its client never hears of it."""
        self._lose_answers += 1

    def stall(self, door: int, seconds: float) -> None:
        """Nothing passes this door for so long, in either direction; connections stay open."""
        self._stalled_until[door] = time.monotonic() + seconds
        self.happened["stalled"] += 1

    def calm(self) -> None:
        """Nothing more happens."""
        self._cut_settles = self._lose_answers = 0
        self._stalled_until = [0.0] * len(self._stalled_until)

    def close(self) -> None:
        """End every connection and the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)

    def _run(self, doors: int) -> None:
        asyncio.set_event_loop(self._loop)
        servers = [self._loop.run_until_complete(self._open(door)) for door in range(doors)]
        self._ready.set()
        self._loop.run_forever()
        for server in servers:
            server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    async def _open(self, door: int) -> asyncio.Server:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._serve(door, reader, writer)

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        self._ports.append(server.sockets[0].getsockname()[1])
        return server

    async def _serve(
        self, door: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        folder = self._url.query["host"]
        assert isinstance(folder, str)
        try:
            answers, server = await asyncio.open_unix_connection(Path(folder) / _SOCKET)
        except OSError:
            writer.transport.abort()
            return
        link = _Link(writer, server)
        with suppress(OSError, asyncio.CancelledError):
            await asyncio.gather(self._ask(door, reader, link), self._answer(door, answers, link))
        link.cut()

    async def _ask(self, door: int, reader: asyncio.StreamReader, link: _Link) -> None:
        while data := await reader.read(_CHUNK):
            await self._wait(door)
            if _SETTLES in data:
                link.settled = True
            elif link.settled and self._cut_settles:
                self._cut_settles -= 1
                self.happened["settle cut"] += 1
                link.cut()
                return
            if data.endswith(_COMMIT):
                if link.settled and self._lose_answers:
                    self._lose_answers -= 1
                    link.answer_is_lost = True
                link.settled = False
            link.server.write(data)
            await link.server.drain()
        link.cut()

    async def _answer(self, door: int, answers: asyncio.StreamReader, link: _Link) -> None:
        while data := await answers.read(_CHUNK):
            await self._wait(door)
            if link.answer_is_lost:
                self.happened["answer lost"] += 1
                break
            link.client.write(data)
            await link.client.drain()
        link.cut()

    async def _wait(self, door: int) -> None:
        while time.monotonic() < self._stalled_until[door]:
            await asyncio.sleep(0.05)


@contextmanager
def proxy_before(url: URL, doors: int) -> Iterator[DatabaseProxy]:
    """A proxy that ends with the block."""
    proxy = DatabaseProxy(url, doors)
    try:
        yield proxy
    finally:
        proxy.close()
