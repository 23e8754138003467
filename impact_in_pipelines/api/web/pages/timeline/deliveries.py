"""The deliveries page: dashboard, filters, timeline, one delivery opened."""

import json
from dataclasses import replace
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from impact_in_pipelines.api.http.pagination import encode_cursor, instant_and_id
from impact_in_pipelines.api.web.pages.timeline.dashboard import dashboard_of
from impact_in_pipelines.api.web.pages.timeline.filters import filters_of
from impact_in_pipelines.api.web.pages.timeline.rows import OPEN, row_of, thresholds_of
from impact_in_pipelines.api.web.visits import MANAGE, VIEW, Pages, Visit, uuid_of
from impact_in_pipelines.db.deliveries.filtering import DeliveryFilter
from impact_in_pipelines.delivery.showing.sanitising import sanitised
from impact_in_pipelines.services.accounts.first_steps import first_steps
from impact_in_pipelines.services.deliveries.cancelling import waiting_count
from impact_in_pipelines.services.deliveries.corrections import StaleFilter, stale_days
from impact_in_pipelines.services.deliveries.replaying import failed_lately

PAGE = 30
_MOST_ROWS = 60


def routes(pages: Pages) -> list[Route]:
    """The page and its parts."""
    base = "/{company_id}"
    return [
        pages.route(f"{base}/deliveries", deliveries, VIEW),
        pages.route(f"{base}/deliveries/{{delivery_id}}", one_delivery, VIEW),
        pages.route(f"{base}/rows", rows, VIEW),
        pages.route(f"{base}/sla", dashboard, VIEW),
        pages.route(f"{base}/failed", failed, MANAGE),
    ]


def deliveries(visit: Visit) -> Response:
    """The whole page; to a script that asks for a part, the next rows of the timeline."""
    filters, wanted = filters_of(visit)
    question = wanted.parameters | {"company": visit.home.id, "of": "cockpit"}
    found = visit.api.deliveries.listed(
        [visit.home.id],
        wanted,
        limit=PAGE + 1,
        **instant_and_id(visit.query("cursor") or None, question),
    )
    thresholds = thresholds_of(visit)
    shown_rows = [row_of(one, thresholds) for one in found[:PAGE]]
    more = None
    if len(found) > PAGE:
        last = shown_rows[-1]
        cursor = encode_cursor({"at": last.scheduled_for.isoformat(), "id": last.id}, question)
        more = visit.path("deliveries", **filters.query, cursor=cursor)
    values: dict[str, Any] = {
        "filters": filters,
        "rows": shown_rows,
        "more": more,
        "thresholds": thresholds,
        "open_statuses": OPEN,
    }
    if visit.is_fragment:
        return visit.render("parts/rows.html", **values)
    return visit.render(
        "deliveries.html",
        board=dashboard_of(visit),
        steps=first_steps(visit.api.runtime, visit.home),
        **_to_do(visit, wanted),
        continued=bool(visit.query("cursor")),
        **values,
    )


def dashboard(visit: Visit) -> Response:
    """The dashboard alone, for its refreshes."""
    return visit.render("parts/sla.html", board=dashboard_of(visit))


def failed(visit: Visit) -> Response:
    """The buttons that retry what has failed and cancel what waits, for their refreshes."""
    filters, wanted = filters_of(visit)
    return visit.render("parts/failed.html", filters=filters, **_to_do(visit, wanted))


def _to_do(visit: Visit, wanted: DeliveryFilter) -> dict[str, int]:
    """How many have failed lately, and how many that fit the filters wait."""
    if not visit.may_manage:
        return {"failed_count": 0, "waiting_count": 0}
    runtime = visit.api.runtime
    return {
        "failed_count": len(failed_lately(runtime, company_id=visit.home.id).ids),
        "waiting_count": waiting_count(runtime, wanted, [visit.home.id]),
    }


def rows(visit: Visit) -> Response:
    """Some rows as they are now."""
    texts = visit.request.query_params.getlist("id")[:_MOST_ROWS]
    ids = [uuid_of(text, "delivery") for text in texts]
    thresholds = thresholds_of(visit)
    found = visit.api.deliveries.of_ids(ids, visit.home.id)
    shown_rows = [row_of(one, thresholds) for one in found]
    return visit.render("parts/rows.html", rows=shown_rows, more=None, thresholds=thresholds)


def one_delivery(visit: Visit) -> Response:
    """Everything about one delivery; a page of its own where no script asked for it."""
    id_ = uuid_of(visit.request.path_params["delivery_id"], "delivery")
    found = visit.api.deliveries.whole(id_, [visit.home.id])
    thresholds = thresholds_of(visit)
    run_id = found.dagster_run_id
    dagster = visit.api.runtime.settings.dagster_ui_url.rstrip("/")
    template = "parts/detail.html" if visit.is_fragment else "delivery.html"
    return visit.render(
        template,
        row=row_of(found, thresholds),
        thresholds=thresholds,
        d=found,
        stale=stale_days(
            visit.api.runtime, StaleFilter([visit.home.id], delivery_ids=[id_]), limit=1
        ).total,
        last_error=visit.failure(found.error_kind, found.last_error),
        attempts=[
            replace(one, error=visit.failure(one.error_kind, one.error)) for one in found.attempts
        ],
        payload=_pretty(found.payload),
        answer=_pretty(found.provider_response),
        # Dagster is the operators': it shows every company, and whoever only looks has no business there.
        run_url=f"{dagster}/runs/{run_id}" if run_id and visit.may_manage else None,
    )


def _pretty(value: Any) -> str | None:
    """JSON data as people read it, personal data masked."""
    return None if value is None else json.dumps(sanitised(value), indent=2, ensure_ascii=False)
