"""The weekly and monthly reports: to read and to take along."""

import json
from datetime import date
from typing import Any

from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from impact_in_pipelines.api.http.problems import not_found
from impact_in_pipelines.api.web.visits import VIEW, Pages, Visit
from impact_in_pipelines.errors.sla import ReportMissing
from impact_in_pipelines.services.reports import listed_reports, stored_report
from impact_in_pipelines.sla.reports.rendering import render_html
from impact_in_pipelines.sla.reports.tables import render_csv
from impact_in_pipelines.sla.windows import ReportPeriod

# The page carries its own style and loads nothing; as it runs no script, inline style can do no harm.
_CSP = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; sandbox"
)
_FORMS = ("html", "csv", "json")


def routes(pages: Pages) -> list[Route]:
    """The list and each report in three forms."""
    base = "/{company_id}/reports"
    return [
        pages.route(base, reports, VIEW),
        pages.route(f"{base}/{{period}}/{{starts_on}}.{{form}}", report, VIEW),
    ]


def reports(visit: Visit) -> Response:
    """What there is to read, newest first."""
    return visit.render("reports.html", reports=listed_reports(visit.api.runtime, visit.home))


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
    return _as_file(document, form, name)


def _as_file(document: dict[str, Any], form: str, name: str) -> Response:
    saved = {"Content-Disposition": f'attachment; filename="{name}"'}
    if form == "csv":
        return Response(render_csv([document]), media_type="text/csv", headers=saved)
    if form == "json":
        text = json.dumps(document, ensure_ascii=False, indent=2)
        return Response(text, media_type="application/json", headers=saved)
    return HTMLResponse(render_html(document), headers={"Content-Security-Policy": _CSP})


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
