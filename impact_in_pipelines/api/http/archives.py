"""Archives to take along: written to disk first, on threads of their own, and sent from there.

Sent as it is read from the database, an archive would hold a connection, and its transaction what the server
may not yet clean up, for as long as its reader takes: ten slow downloads and nobody else gets an answer. So
that slow readers don't fill the disk instead, few are kept at once, and none for long.
"""

import logging
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from typing import IO

import anyio
from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from impact_in_pipelines.api.http.headers.head import HEAD_ONLY
from impact_in_pipelines.errors.retention import ArchivesBusy

ZIP = "application/zip"
AT_ONCE = 2
"""Archives that one process makes at once: each takes a connection and a good part of a core."""

MOST_KEPT = 8
"""Archives that lie on disk at once, being made or being sent."""

SENT_WITHIN_S = 1800.0
"""Whoever takes longer for one has to ask again."""

_PATIENCE_S = 10.0
"""So long a request waits for its turn, without a thread."""

_PIECE_BYTES = 256 * 1024
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Made:
    """A finished archive: a file without a name, which goes when it is closed, or this program ends.
    `handed_over` is called when its last byte was taken; without a `size` a reader knows by the end of the
    body that they have all of it, which is after that."""

    file: IO[bytes]
    size: int | None = None
    handed_over: Callable[[], object] | None = None


class ArchiveTurns:
    """Lets `AT_ONCE` archives be made at once and `MOST_KEPT` lie on disk. Used on one event loop."""

    def __init__(
        self, *, patience_s: float = _PATIENCE_S, sent_within_s: float = SENT_WITHIN_S
    ) -> None:
        self._patience_s = patience_s
        self._sent_within_s = sent_within_s
        self._places = anyio.Semaphore(MOST_KEPT)
        self._turns = anyio.Semaphore(AT_ONCE)
        self._limiter = CapacityLimiter(AT_ONCE)

    async def response(self, request: Request, make: Callable[[], Made], name: str) -> Response:
        """What `make` returns, to be saved as `name`; nothing of it is sent before all of it is made, and for
        HEAD nothing is made. Raises `ArchivesBusy` where no turn comes soon, and what `make` does."""
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        if HEAD_ONLY in request.scope:
            return Response(media_type=ZIP, headers=headers)
        place = False
        try:
            with anyio.move_on_after(self._patience_s) as waiting:
                await self._places.acquire()
                place = True
                await self._turns.acquire()
            if waiting.cancelled_caught:
                raise ArchivesBusy
            try:
                made = await run_sync(make, limiter=self._limiter)
            finally:
                self._turns.release()
        except BaseException:
            if place:
                self._places.release()
            raise
        return _Sending(made, headers, within_s=self._sent_within_s, ended=self._places.release)


class _Sending(StreamingResponse):
    """Sends an archive and drops it, also where nobody takes it."""

    def __init__(
        self,
        made: Made,
        headers: dict[str, str],
        *,
        within_s: float,
        ended: Callable[[], None],
    ) -> None:
        if made.size is not None:
            headers = {**headers, "Content-Length": str(made.size)}
        super().__init__(self._pieces(made), media_type=ZIP, headers=headers)
        self._made = made
        self._within_s = within_s
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            with anyio.move_on_after(self._within_s) as limit:
                await super().__call__(scope, receive, send)
            if limit.cancelled_caught:
                # The server closes a connection whose answer isn't complete.
                _log.warning("an archive was not taken within %.0f s: dropped", self._within_s)
        finally:
            self._made.file.close()
            self._ended()

    @staticmethod
    async def _pieces(made: Made) -> AsyncIterator[bytes]:
        while piece := await run_sync(made.file.read, _PIECE_BYTES):
            yield piece
        if made.handed_over is not None:
            await run_sync(made.handed_over)


def written(pieces: Callable[[], Iterable[bytes]]) -> Made:
    """The archive of these pieces."""
    file = tempfile.TemporaryFile(prefix="impact-in-archive-")  # noqa: SIM115
    try:
        file.writelines(pieces())
        size = file.tell()
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return Made(file, size)
