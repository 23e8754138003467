"""A file on its way in: written to disk as it comes, so that nobody holds it in memory."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from uuid import UUID

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.requests import Request

from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.errors.impact import UploadTooLarge, UploadUnderWay
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.services.impact import uploads
from impact_in_pipelines.services.impact.uploads import Upload

_MEGABYTE = 1_000_000
_checks = CapacityLimiter(1)
"""Checks at once of one process: each takes a core and a transaction for as long as it lasts."""

_under_way: set[UUID] = set()
"""Companies of which a file is being received or checked by this process."""


async def checked(
    runtime: Runtime, company: Company, request: Request, *, file_name: str, actor: str
) -> Upload:
    """Receive the request's body and check it. Raises what `uploads.check` does, `UploadTooLarge`, and,
    before anything is received, `UploadUnderWay` and `UploadsWaiting`."""
    with _alone(company):
        await run_sync(uploads.require_room, runtime, company)
        async with _received(request, runtime.settings.upload_limit_mb) as path:
            check = partial(uploads.check, runtime, company, path, file_name=file_name, actor=actor)
            return await run_sync(check, limiter=_checks)


@contextmanager
def _alone(company: Company) -> Iterator[None]:
    """One file of a company at a time: each lies on disk until it is checked."""
    if company.id in _under_way:
        raise UploadUnderWay
    _under_way.add(company.id)
    try:
        yield
    finally:
        _under_way.discard(company.id)


async def confirmed(runtime: Runtime, company: Company, upload: Upload, *, actor: str) -> Upload:
    """Import it, in its turn."""
    confirm = partial(uploads.confirm, runtime, company, upload.id, actor=actor)
    return await run_sync(confirm, limiter=_checks)


@asynccontextmanager
async def _received(request: Request, megabytes: int) -> AsyncIterator[Path]:
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > megabytes * _MEGABYTE:
        raise UploadTooLarge(megabytes)
    with tempfile.NamedTemporaryFile(prefix="impact-in-upload-") as file:
        size = 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > megabytes * _MEGABYTE:
                raise UploadTooLarge(megabytes)
            file.write(chunk)
        file.flush()
        yield Path(file.name)
