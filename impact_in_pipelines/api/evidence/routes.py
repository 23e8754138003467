"""What was delivered, as an archive that proves itself."""

from functools import partial
from typing import Annotated, Any
from uuid import UUID

from anyio.to_thread import run_sync
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from impact_in_pipelines.api.access.rights import MANAGE, Api, Caller, own_company
from impact_in_pipelines.api.http.archives import ZIP, written
from impact_in_pipelines.api.http.problems import invalid
from impact_in_pipelines.api.http.routing import api_router
from impact_in_pipelines.api.http.schemas import InputDay
from impact_in_pipelines.services.evidence.exporting import export, file_name, span_of

router = api_router("Evidence")
"""Archives."""

_CONTENT: dict[str, Any] = {ZIP: {"schema": {"type": "string", "format": "binary"}}}


@router.get(
    "/companies/{companyId}/evidence",
    operation_id="exportEvidence",
    summary="An archive of what was delivered, which can be verified without us; a ZIP",
    dependencies=[MANAGE],
    response_class=Response,
    responses={200: {"content": _CONTENT}},
)
async def evidence(
    api: Api,
    caller: Caller,
    request: Request,
    companyId: UUID,  # noqa: N803
    first: Annotated[
        InputDay | None,
        Query(alias="from", description="the first day reported on; absent: a quarter back"),
    ] = None,
    last: Annotated[
        InputDay | None,
        Query(alias="to", description="the last day reported on; absent: yesterday"),
    ] = None,
) -> Response:
    company = await run_sync(own_company, api, caller, companyId)
    start, end = span_of(api.runtime, company, first, last)
    if end < start:
        raise invalid("query", "from", "must not lie after to")
    pieces = partial(export, api.runtime, company, start, end, actor=caller.subject)
    name = file_name(company, start, end)
    return await api.archives.response(request, partial(written, pieces), name)
