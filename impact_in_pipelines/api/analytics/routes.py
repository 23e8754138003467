"""How deliveries and calls have gone: of one company, or over all of them."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request
from starlette.responses import HTMLResponse, Response

from impact_in_pipelines.analytics.written.rendering import render_html
from impact_in_pipelines.analytics.written.tables import render_csv
from impact_in_pipelines.api.access.rights import VIEW, Api, Caller, company_or_all
from impact_in_pipelines.api.analytics.schemas import AnalyticsReport
from impact_in_pipelines.api.http.headers.negotiation import preferred
from impact_in_pipelines.api.http.routing import api_router
from impact_in_pipelines.services.analytics import ALL_COMPANIES, COMPANIES, DAYS, MOST_DAYS, about
from impact_in_pipelines.wording.language.languages import preferred as wished
from impact_in_pipelines.wording.language.report_reader import reader_of

router = api_router("SLA")
"""Analytics."""

_JSON, _HTML, _CSV = "application/json", "text/html", "text/csv"
_FORMS: dict[str, Any] = {
    _HTML: {"schema": {"type": "string"}},
    _CSV: {"schema": {"type": "string"}},
}
PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""The page is ours and loads nothing; its styles and charts stand in it."""


@router.get(
    "/analytics",
    operation_id="getAnalytics",
    summary="Trends, platforms compared, hours and costs; as JSON, HTML or CSV",
    dependencies=[VIEW],
    response_model=AnalyticsReport,
    responses={200: {"content": _FORMS}},
    openapi_extra={"responses": {"406": {"$ref": "#/components/responses/Problem406"}}},
)
def analytics(
    api: Api,
    caller: Caller,
    request: Request,
    company_id: Annotated[UUID | None, Query(alias="companyId")] = None,
    days: Annotated[
        int, Query(ge=1, le=MOST_DAYS, description="how many UTC days, up to today")
    ] = DAYS,
) -> Any:
    form = preferred(request.headers.get("accept"), (_JSON, _HTML, _CSV))
    company = company_or_all(api, caller, company_id)
    most = ALL_COMPANIES if form == _CSV else COMPANIES
    document = about(api.runtime, company, days, companies=most)
    vary = {"Vary": "Accept, Accept-Language"}
    if form == _HTML:
        language = wished(request.headers.get("accept-language"))
        said = {**vary, "Content-Language": language, "Content-Security-Policy": PAGE_POLICY}
        return HTMLResponse(render_html(document, reader_of(language)), headers=said)
    if form == _CSV:
        return Response(render_csv(document), media_type="text/csv; charset=utf-8", headers=vary)
    text = AnalyticsReport.model_validate(document).model_dump_json(by_alias=True)
    return Response(text, media_type=_JSON, headers=vary)
