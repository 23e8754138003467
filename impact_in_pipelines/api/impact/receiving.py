"""A file on its way in: written to disk as it comes, so that nobody holds it in memory."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from anyio import CancelScope, CapacityLimiter
from anyio.to_thread import run_sync

from impact_in_pipelines.api.context import ApiContext
from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.errors.impact import UploadTooLarge, UploadUnderWay
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.services.impact import uploads
from impact_in_pipelines.services.impact.uploads import Upload

_MEGABYTE = 1_000_000
_AROUND = 100_000
_checks = CapacityLimiter(1)
"""Checks at once of one process: each takes a core and a transaction for as long as it lasts."""


async def checked(
    api: ApiContext,
    company: Company,
    pieces: AsyncIterator[bytes],
    *,
    declared: str,
    file_name: str,
    actor: str,
) -> Upload:
    """Receive a file in `pieces` and check it; `declared` is the length of the whole request, as it says.
    Raises what `uploads.check` does, `UploadTooLarge`, and, before anything is received, `UploadUnderWay` and
    `UploadsWaiting`."""
    async with _alone(api, company):
        await run_sync(uploads.require_room, api.runtime, company)
        megabytes = api.runtime.settings.upload_limit_mb
        # A form has its fields around the file.
        if declared.isdecimal() and int(declared) > megabytes * _MEGABYTE + _AROUND:
            raise UploadTooLarge(megabytes)
        async with _received(pieces, megabytes) as path:
            check = partial(
                uploads.check, api.runtime, company, path, file_name=file_name, actor=actor
            )
            return await run_sync(check, limiter=_checks)


async def passed_over(api: ApiContext, pieces: AsyncIterator[bytes]) -> None:
    """Let somebody finish sending what was refused, unless it is more than anybody may send."""
    left = api.runtime.settings.upload_limit_mb * _MEGABYTE
    async for piece in pieces:
        left -= len(piece)
        if left < 0:
            return


@asynccontextmanager
async def _alone(api: ApiContext, company: Company) -> AsyncIterator[None]:
    """One file of a company at a time, over all processes: each lies on disk until it is checked. Raises
    `UploadUnderWay`."""
    if not await run_sync(api.upload_turns.take, company.id):
        raise UploadUnderWay
    try:
        yield
    finally:
        with CancelScope(shield=True):
            await run_sync(api.upload_turns.give_back, company.id)


async def confirmed(runtime: Runtime, company: Company, upload: Upload, *, actor: str) -> Upload:
    """Import it, in its turn."""
    confirm = partial(uploads.confirm, runtime, company, upload.id, actor=actor)
    return await run_sync(confirm, limiter=_checks)


@asynccontextmanager
async def _received(pieces: AsyncIterator[bytes], megabytes: int) -> AsyncIterator[Path]:
    with tempfile.NamedTemporaryFile(prefix="impact-in-upload-") as file:
        size = 0
        async for piece in pieces:
            size += len(piece)
            if size > megabytes * _MEGABYTE:
                raise UploadTooLarge(megabytes)
            file.write(piece)
        file.flush()
        yield Path(file.name)
