"""The weekly and monthly reports, to read and to take along; and archives of evidence."""

import json
from collections.abc import Mapping
from datetime import date
from functools import partial
from typing import Any

from anyio.to_thread import run_sync
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from impact_in_pipelines.api.http.archives import written
from impact_in_pipelines.api.http.problems import not_found
from impact_in_pipelines.api.web.visits import MANAGE, VIEW, Pages, Visit
from impact_in_pipelines.errors.retention import SpanBackwards
from impact_in_pipelines.errors.sla import ReportMissing
from impact_in_pipelines.services.evidence.exporting import export, file_name, span_of
from impact_in_pipelines.services.reports import listed_reports, stored_report
from impact_in_pipelines.sla.reports.rendering import render_html
from impact_in_pipelines.sla.reports.said import for_reader
from impact_in_pipelines.sla.reports.tables import render_csv
from impact_in_pipelines.sla.windows import ReportPeriod
from impact_in_pipelines.wording.language.report_reader import reader_of
from impact_in_pipelines.wording.marking import N_

# The page carries its own style and loads nothing; as it runs no script, inline style can do no harm.
FILE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; sandbox"
)
_FORMS = ("html", "csv", "json")
NOT_A_DAY = N_("Choose a day.")


def routes(pages: Pages) -> list[Route]:
    """The list and each report in three forms."""
    base = "/{company_id}/reports"
    return [
        pages.route(base, reports, VIEW),
        pages.route(f"{base}/{{period}}/{{starts_on}}.{{form}}", report, VIEW),
        pages.route("/{company_id}/evidence.zip", evidence, MANAGE),
    ]


def reports(visit: Visit) -> Response:
    """What there is to read, newest first."""
    first, last = span_of(visit.api.runtime, visit.home, None, None)
    return _page(visit, {"from": str(first), "to": str(last)}, {})


def _page(
    visit: Visit, asked: Mapping[str, str], problems: Mapping[str, str], *, status: int = 200
) -> Response:
    found = listed_reports(visit.api.runtime, visit.home)
    return visit.render(
        "reports.html", status=status, reports=found, asked=asked, problems=problems
    )


async def evidence(visit: Visit) -> Response:
    """An archive of the days that were asked for."""
    asked = {name: visit.query(name) for name in ("from", "to")}
    first, last = (_day(asked[name]) for name in ("from", "to"))
    if first is None or last is None:
        wrong = {name: visit.text(NOT_A_DAY) for name in asked if _day(asked[name]) is None}
        return await run_sync(partial(_page, visit, asked, wrong, status=422))
    pieces = partial(export, visit.api.runtime, visit.home, first, last, actor=visit.caller.subject)
    try:
        name = file_name(visit.home, first, last)
        return await visit.api.archives.response(visit.request, partial(written, pieces), name)
    except SpanBackwards as refusal:
        wrong = {"to": visit.told(refusal)}
        return await run_sync(partial(_page, visit, asked, wrong, status=422))


def report(visit: Visit) -> Response:
    """One report as a page, as CSV or as JSON."""
    parameters = visit.request.path_params
    form, starts_on = parameters["form"], _day(parameters["starts_on"])
    if parameters["period"] not in tuple(ReportPeriod) or form not in _FORMS or starts_on is None:
        raise not_found("report")
    period = ReportPeriod(parameters["period"])
    try:
        document = stored_report(visit.api.runtime, visit.home, period, starts_on)
    except ReportMissing:
        raise not_found("report") from None
    if document["period"]["start"][:10] != starts_on.isoformat():
        raise not_found("report")
    name = f"{visit.home.slug}-{period.value}-{starts_on}.{form}"
    return _as_file(document, form, name, visit.language.code)


def _as_file(document: dict[str, Any], form: str, name: str, language: str) -> Response:
    saved = {"Content-Disposition": f'attachment; filename="{name}"'}
    if form == "csv":
        return Response(render_csv([document]), media_type="text/csv", headers=saved)
    if form == "json":
        told = for_reader(reader_of(language), document)
        text = json.dumps(told, ensure_ascii=False, indent=2)
        return Response(text, media_type="application/json", headers=saved)
    return HTMLResponse(
        render_html(document, reader_of(language)), headers={"Content-Security-Policy": FILE_POLICY}
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
