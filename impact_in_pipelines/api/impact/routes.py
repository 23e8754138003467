"""Files of events: uploaded and checked, imported or discarded, their rejected rows."""

from dataclasses import asdict
from typing import Annotated
from uuid import UUID

from anyio.to_thread import run_sync
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from impact_in_pipelines.api.access.rights import MANAGE, VIEW, Api, Caller, own_company
from impact_in_pipelines.api.access.tokens import MANAGE_INTEGRATIONS
from impact_in_pipelines.api.http.pagination import DEFAULT_LIMIT
from impact_in_pipelines.api.http.routing import api_router
from impact_in_pipelines.api.http.schemas import NO_NUL, Limit
from impact_in_pipelines.api.impact.receiving import checked, confirmed
from impact_in_pipelines.api.impact.schemas import (
    RejectedRowView,
    UploadDetail,
    UploadPage,
    UploadView,
)
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.services.impact import uploads
from impact_in_pipelines.services.impact.uploads import Upload

router = api_router("Uploads")

_FILE = {
    "requestBody": {
        "required": True,
        "content": {"text/csv": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_CSV = {
    "200": {
        "description": "the rejected rows, in the form of the file that they come from",
        "content": {"text/csv": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.get(
    "/companies/{companyId}/uploads",
    operation_id="listUploads",
    summary="The latest files of events",
    dependencies=[VIEW],
)
def list_uploads(
    api: Api,
    caller: Caller,
    companyId: UUID,  # noqa: N803
    limit: Limit = DEFAULT_LIMIT,
) -> UploadPage:
    company = own_company(api, caller, companyId)
    found = uploads.listed(api.runtime, company, limit=limit)
    return UploadPage(data=[UploadView(**asdict(one)) for one in found])


@router.post(
    "/companies/{companyId}/uploads",
    operation_id="uploadEvents",
    summary="Upload a CSV file of events to be checked; nothing is imported yet",
    status_code=201,
    dependencies=[MANAGE],
    openapi_extra=_FILE,
)
async def upload_events(
    api: Api,
    caller: Caller,
    request: Request,
    companyId: UUID,  # noqa: N803
    file_name: Annotated[
        str, Query(alias="fileName", min_length=1, max_length=200, pattern=NO_NUL)
    ] = "events.csv",
) -> UploadDetail:
    company = await run_sync(own_company, api, caller, companyId)
    found = await checked(
        api,
        company,
        request.stream(),
        declared=request.headers.get("content-length", ""),
        file_name=file_name,
        actor=caller.subject,
    )
    return await run_sync(_detail, api, caller, found)


@router.get(
    "/companies/{companyId}/uploads/{uploadId}",
    operation_id="getUpload",
    summary="One file of events with its first rejected rows, for viewers without references",
    dependencies=[VIEW],
)
def get_upload(api: Api, caller: Caller, companyId: UUID, uploadId: UUID) -> UploadDetail:  # noqa: N803
    company = own_company(api, caller, companyId)
    return _detail(api, caller, uploads.find(api.runtime, company, uploadId))


@router.get(
    "/companies/{companyId}/uploads/{uploadId}/rejects",
    operation_id="getUploadRejects",
    summary="All rejected rows of a file of events, as CSV, to be mended",
    dependencies=[MANAGE],
    response_class=Response,
    responses=_CSV,  # type: ignore[arg-type]
)
def get_upload_rejects(api: Api, caller: Caller, companyId: UUID, uploadId: UUID) -> Response:  # noqa: N803
    company = own_company(api, caller, companyId)
    return rejects_response(api.runtime, uploads.find(api.runtime, company, uploadId))


@router.post(
    "/companies/{companyId}/uploads/{uploadId}/import",
    operation_id="importUpload",
    summary="Import the good rows",
    dependencies=[MANAGE],
)
async def import_upload(api: Api, caller: Caller, companyId: UUID, uploadId: UUID) -> UploadView:  # noqa: N803
    company = await run_sync(own_company, api, caller, companyId)
    found = await run_sync(uploads.find, api.runtime, company, uploadId)
    done = await confirmed(api.runtime, company, found, actor=caller.subject)
    return UploadView(**asdict(done))


@router.post(
    "/companies/{companyId}/uploads/{uploadId}/discard",
    operation_id="discardUpload",
    summary="Drop a file that was checked",
    dependencies=[MANAGE],
)
def discard_upload(api: Api, caller: Caller, companyId: UUID, uploadId: UUID) -> UploadView:  # noqa: N803
    company = own_company(api, caller, companyId)
    done = uploads.discard(api.runtime, company, uploadId, actor=caller.subject)
    return UploadView(**asdict(done))


def rejects_response(runtime: Runtime, upload: Upload) -> Response:
    """The rejected rows as a file to save."""
    saved = {"Content-Disposition": 'attachment; filename="rejects.csv"'}
    pieces = uploads.rejects(runtime, upload)
    return StreamingResponse(pieces, media_type="text/csv", headers=saved)


def _detail(api: Api, caller: Caller, upload: Upload) -> UploadDetail:
    masked = MANAGE_INTEGRATIONS not in caller.roles
    rows = uploads.first_rejects(api.runtime, upload, masked=masked)
    return UploadDetail(
        **asdict(upload), first_rejects=[RejectedRowView(**asdict(row)) for row in rows]
    )
