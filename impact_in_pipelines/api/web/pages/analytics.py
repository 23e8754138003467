"""Analytics: trends, platforms compared, hours and costs; of a company, and for operators of all."""

import json
from typing import Any

from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from impact_in_pipelines.analytics.written.rendering import render_html, render_markdown
from impact_in_pipelines.analytics.written.tables import render_csv
from impact_in_pipelines.analytics.written.view import view
from impact_in_pipelines.api.access.rights import only_all
from impact_in_pipelines.api.http.problems import not_found
from impact_in_pipelines.api.web.pages.reports import FILE_POLICY
from impact_in_pipelines.api.web.visits import VIEW, Pages, Visit
from impact_in_pipelines.services.analytics import ALL_COMPANIES, COMPANIES, DAYS, about
from impact_in_pipelines.wording.language.report_reader import reader_of

SPANS = (7, DAYS, 90, 365)
"""Days to choose from."""
_FORMS = {"html": "text/html", "md": "text/markdown", "csv": "text/csv", "json": "application/json"}


def routes(pages: Pages) -> list[Route]:
    """The page, and what can be downloaded, of one company and of all."""
    return [
        pages.route("/analytics", page, VIEW),
        pages.route("/analytics.{form}", download, VIEW),
        pages.route("/{company_id}/analytics", page, VIEW),
        pages.route("/{company_id}/analytics.{form}", download, VIEW),
    ]


def page(visit: Visit) -> Response:
    """Tiles, charts with axes, and the same in figures below."""
    days = _days(visit)
    document = _found(visit, days, COMPANIES)
    monthly = document["grain"] == "month"
    label = visit.formats.short_month if monthly else visit.formats.short_day
    return visit.render(
        "analytics.html",
        shown=view(document, reader_of(visit.language.code), label),
        days=days,
        spans=SPANS,
    )


def download(visit: Visit) -> Response:
    """The same as a page of its own, as Markdown, CSV or JSON."""
    form = visit.request.path_params["form"]
    if form not in _FORMS:
        raise not_found("analytics")
    days = _days(visit)
    document = _found(visit, days, COMPANIES if form in ("html", "md") else ALL_COMPANIES)
    whose = document["company"] or "all"
    name = f"{whose}-analytics-{document['to']}-{days}-days.{form}"
    saved = {"Content-Disposition": f'attachment; filename="{name}"'}
    if form == "html":
        text = render_html(document, reader_of(visit.language.code))
        return HTMLResponse(text, headers={**saved, "Content-Security-Policy": FILE_POLICY})
    return Response(_written(document, form), media_type=_FORMS[form], headers=saved)


def _written(document: dict[str, Any], form: str) -> str:
    if form == "md":
        return render_markdown(document) + "\n"
    if form == "csv":
        return render_csv(document)
    return json.dumps(document, ensure_ascii=False, indent=2)


def _found(visit: Visit, days: int, companies: int) -> dict[str, Any]:
    if visit.company is None:
        only_all(visit.caller, "analytics of all companies")
    return about(visit.api.runtime, visit.company, days, companies=companies)


def _days(visit: Visit) -> int:
    """One of those to choose from."""
    asked = visit.query("days")
    return next((one for one in SPANS if str(one) == asked), DAYS)
