"""How deliveries keep their promises: status and reports."""

from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from anyio.to_thread import run_sync
from fastapi import Query, Request
from starlette.responses import HTMLResponse, Response

from impact_in_pipelines.api.access.rights import (
    VIEW,
    Api,
    Caller,
    check_sees,
    company_or_all,
    own_company,
)
from impact_in_pipelines.api.access.tokens import Principal
from impact_in_pipelines.api.context import ApiContext
from impact_in_pipelines.api.http.headers.negotiation import preferred
from impact_in_pipelines.api.http.problems import invalid, not_found
from impact_in_pipelines.api.http.routing import api_router
from impact_in_pipelines.api.http.schemas import InputDay, Instant
from impact_in_pipelines.api.sla.schemas import (
    DayCounts,
    SlaReport,
    SlaStatusView,
    SlaTrends,
    TrendPeriod,
)
from impact_in_pipelines.api.sla.standings import written
from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.sla.statuses import Standing
from impact_in_pipelines.errors.sla import ReportMissing
from impact_in_pipelines.services.reports import rolling_report, stored_report
from impact_in_pipelines.services.sla import budget_of_all
from impact_in_pipelines.services.trends import trends
from impact_in_pipelines.sla.reports.rendering import render_html
from impact_in_pipelines.sla.reports.said import for_reader
from impact_in_pipelines.sla.windows import ReportPeriod
from impact_in_pipelines.sla.wire import Document
from impact_in_pipelines.wording.language.languages import preferred as wished
from impact_in_pipelines.wording.language.report_reader import reader_of

router = api_router("SLA")
"""Statuses and reports."""

_JSON, _HTML, _CSV = "application/json", "text/html", "text/csv"
_FORMS: dict[str, Any] = {
    _HTML: {"schema": {"type": "string"}},
    _CSV: {"schema": {"type": "string"}},
}
# The page is ours and loads nothing; its styles and charts stand in it.
_PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_FIRST_YEAR, _LAST_YEAR = 2000, 2100


_AHEAD = timedelta(days=1)


@router.get(
    "/sla-status",
    operation_id="getSlaStatus",
    summary="Service levels of a company; without companyId of all, with a token for all companies",
    dependencies=[VIEW],
    response_model=SlaStatusView,
)
async def sla_status(
    api: Api,
    caller: Caller,
    company_id: Annotated[UUID | None, Query(alias="companyId")] = None,
    start: Annotated[
        Instant | None,
        Query(alias="startDate", description="from then on; absent: from Monday 00:00 UTC"),
    ] = None,
    end: Annotated[
        Instant | None, Query(alias="endDate", description="up to then, exclusive; absent: now")
    ] = None,
) -> Response:
    # Only the window that everybody asks about: a wide one of one company would keep the others waiting.
    if company_id is not None and start is None and end is None:
        text = await _at_present(api, caller, company_id)
    else:
        text = await run_sync(_in_window, api, caller, company_id, start, end)
    return Response(text, media_type="application/json")


async def _at_present(api: ApiContext, caller: Principal, company_id: UUID) -> bytes:
    """The status of the present week, measured with those of others who ask."""
    check_sees(caller, company_id)
    question = (None, None)

    async def measured() -> bytes:
        found = await api.standings.ask(company_id)
        if found is None:
            raise not_found("company")
        return found

    def renewed() -> bytes:
        company = own_company(api, caller, company_id)
        return written(api.sla.standing(company, now=api.clock()), company_id)

    kept = api.statuses.kept(company_id, question, renewed)
    if kept is None:
        return await api.statuses.made_soon(company_id, question, measured)
    if api.companies.recent(company_id) is None:  # it may be gone since
        await run_sync(own_company, api, caller, company_id)
    return kept


def _in_window(
    api: ApiContext,
    caller: Principal,
    company_id: UUID | None,
    start: datetime | None,
    end: datetime | None,
) -> bytes:
    company, now = company_or_all(api, caller, company_id), api.clock()
    if start is not None and end is not None and start >= end:
        raise invalid("query", "endDate", "must be after startDate")
    if start is not None and end is None and start >= now:
        raise invalid("query", "startDate", "must lie before now, or before endDate")
    # Nothing is due beyond tomorrow: centuries of it would only be searched.
    if end is not None and (start is None or start < now + _AHEAD):
        end = min(end, now + _AHEAD)
    return api.statuses.answer(
        company_id,
        (start, end),
        lambda: written(_standing(api, company, start, end), company_id),
    )


@router.get(
    "/sla-report",
    operation_id="getSlaReport",
    summary="The past seven days, or a stored weekly or monthly report; as JSON, HTML or CSV",
    dependencies=[VIEW],
    response_model=SlaReport,
    responses={200: {"content": _FORMS}},
    openapi_extra={"responses": {"406": {"$ref": "#/components/responses/Problem406"}}},
)
def sla_report(
    api: Api,
    caller: Caller,
    request: Request,
    company_id: Annotated[UUID | None, Query(alias="companyId")] = None,
    period: Annotated[
        Literal["weekly", "monthly"] | None,
        Query(description="the kind of a stored report; absent: the past seven days"),
    ] = None,
    start: Annotated[
        InputDay | None,
        Query(description="a day of the week or month; absent: the last complete one"),
    ] = None,
) -> Any:
    form = preferred(request.headers.get("accept"), (_JSON, _HTML, _CSV))
    company = company_or_all(api, caller, company_id)
    report = _report(api, company, period, start)
    language = wished(request.headers.get("accept-language"))
    vary = {"Vary": "Accept, Accept-Language"}
    if form == _HTML:
        page = render_html(report, reader_of(language))
        said = {**vary, "Content-Language": language, "Content-Security-Policy": _PAGE_POLICY}
        return HTMLResponse(page, headers=said)
    if form == _CSV:
        from impact_in_pipelines.sla.reports.tables import render_csv  # pandas, 0.7 s

        return Response(render_csv([report]), media_type="text/csv; charset=utf-8", headers=vary)
    told = SlaReport.model_validate(for_reader(reader_of(language), report))
    text = told.model_dump_json(by_alias=True)
    said = {**vary, "Content-Language": language}
    return Response(text, media_type="application/json", headers=said)


@router.get(
    "/sla-trends",
    operation_id="getSlaTrends",
    summary="How a company's deliveries have gone: twelve weeks or months, and 28 days",
    dependencies=[VIEW],
)
def sla_trends(
    api: Api,
    caller: Caller,
    company_id: Annotated[UUID, Query(alias="companyId")],
    period: Annotated[
        Literal["weekly", "monthly"], Query(description="how long each period is")
    ] = "weekly",
) -> SlaTrends:
    company = own_company(api, caller, company_id)
    found = trends(api.runtime, company, ReportPeriod(period))
    return SlaTrends(
        company_id=company.id,
        period=period,
        trend=[TrendPeriod(**asdict(one)) for one in found.points],
        days=[DayCounts(**asdict(one)) for one in found.days],
    )


def _standing(
    api: ApiContext, company: Company | None, start: datetime | None, end: datetime | None
) -> Standing:
    now = api.clock()
    if company is not None:
        return api.sla.standing(company, start, end, now=now)
    status = api.sla.get_sla_status(None, start, end, now=now)
    return status, api.statuses.budget_of_all(lambda: budget_of_all(api.sla, now))


def _report(
    api: ApiContext, company: Company | None, period: str | None, day: date | None
) -> Document:
    if period is None:
        if day is not None:
            raise invalid("query", "start", "goes with period")
        return rolling_report(api.runtime, company)
    if day is not None and not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise invalid("query", "start", f"must lie between {_FIRST_YEAR} and {_LAST_YEAR}")
    try:
        return stored_report(api.runtime, company, ReportPeriod(period), day)
    except ReportMissing as missing:
        raise not_found(f"{period} report that starts on {missing.starts_on}") from None
