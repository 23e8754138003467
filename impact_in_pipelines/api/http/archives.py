"""Archives to take along: written to disk first, on threads of their own, and sent from there.

Sent as it is read from the database, an archive would hold a connection, and its transaction what the server
may not yet clean up, for as long as its reader takes: ten slow downloads and nobody else gets an answer.
"""

import tempfile
from collections.abc import AsyncIterator, Callable, Iterable
from typing import IO, TypeVar

import anyio
from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.responses import Response, StreamingResponse

from impact_in_pipelines.errors.retention import ArchivesBusy

T = TypeVar("T")
ZIP = "application/zip"
AT_ONCE = 2
"""Archives that one process makes at once: each takes a connection and a good part of a core."""

_PATIENCE_S = 10.0
"""So long a request waits for its turn, without a thread."""

_PIECE_BYTES = 256 * 1024


class ArchiveTurns:
    """Lets `AT_ONCE` archives be made at once. Used on one event loop."""

    def __init__(self, *, patience_s: float = _PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._turns = anyio.Semaphore(AT_ONCE)
        self._limiter = CapacityLimiter(AT_ONCE)

    async def run(self, make: Callable[[], T]) -> T:
        """What `make` returns. Raises `ArchivesBusy` where no turn comes soon."""
        with anyio.move_on_after(self._patience_s) as waiting:
            await self._turns.acquire()
        if waiting.cancelled_caught:
            raise ArchivesBusy
        try:
            return await run_sync(make, limiter=self._limiter)
        finally:
            self._turns.release()

    async def response(self, pieces: Callable[[], Iterable[bytes]], name: str) -> Response:
        """The ZIP of these pieces, to be saved as `name`; nothing of it is sent before all of it is made."""
        file, size = await self.run(lambda: _written(pieces()))
        headers = {
            "Content-Disposition": f'attachment; filename="{name}"',
            "Content-Length": str(size),
        }
        return StreamingResponse(_sent(file), media_type=ZIP, headers=headers)


def _written(pieces: Iterable[bytes]) -> tuple[IO[bytes], int]:
    """A file without a name, which goes when it is closed, or this program ends; and its size."""
    file = tempfile.TemporaryFile(prefix="impact-in-archive-")  # noqa: SIM115
    try:
        file.writelines(pieces)
        size = file.tell()
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file, size


async def _sent(file: IO[bytes]) -> AsyncIterator[bytes]:
    with file:
        while piece := await run_sync(file.read, _PIECE_BYTES):
            yield piece
