"""Files to take along: the log as filtered, one delivery's payload, its receipt."""

import json
from dataclasses import asdict

from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from impact_in_pipelines.api.deliveries.schemas import ReceiptView
from impact_in_pipelines.api.http.problems import not_found
from impact_in_pipelines.api.web.pages.timeline.filters import filters_of
from impact_in_pipelines.api.web.visits import VIEW, Pages, Visit, uuid_of
from impact_in_pipelines.services.deliveries.exporting import ExportForm, export
from impact_in_pipelines.services.deliveries.papers import payload_of, receipt_of

_KINDS = {ExportForm.CSV: "text/csv", ExportForm.JSON: "application/json"}


def routes(pages: Pages) -> list[Route]:
    """The files."""
    base = "/{company_id}/deliveries"
    return [
        pages.route(f"{base}.{{form}}", as_file, VIEW),
        pages.route(f"{base}/{{delivery_id}}/payload.json", payload, VIEW),
        pages.route(f"{base}/{{delivery_id}}/receipt.json", receipt, VIEW),
    ]


def as_file(visit: Visit) -> Response:
    """The whole log as filtered, as CSV or JSON."""
    text = visit.request.path_params["form"]
    if text not in tuple(ExportForm):
        raise not_found("export")
    form = ExportForm(text)
    _, wanted = filters_of(visit)
    found = export(visit.api.deliveries, [visit.home.id], wanted, form)
    name = f"{visit.home.slug}-deliveries-{visit.now:%Y-%m-%d}.{form.value}"
    return StreamingResponse(found, media_type=_KINDS[form], headers=_saved_as(name))


def payload(visit: Visit) -> Response:
    """What was sent, personal data masked."""
    id_ = uuid_of(visit.request.path_params["delivery_id"], "delivery")
    found = payload_of(visit.api.deliveries, id_, [visit.home.id])
    text = json.dumps(found, indent=2, ensure_ascii=False)
    return Response(
        text, media_type="application/json", headers=_saved_as(f"{visit.home.slug}-{id_}.json")
    )


def receipt(visit: Visit) -> Response:
    """The platform's receipt."""
    id_ = uuid_of(visit.request.path_params["delivery_id"], "delivery")
    found = ReceiptView(**asdict(receipt_of(visit.api.deliveries, id_, [visit.home.id])))
    return Response(
        found.model_dump_json(by_alias=True, indent=2),
        media_type="application/json",
        headers=_saved_as(f"{visit.home.slug}-{id_}-receipt.json"),
    )


def _saved_as(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}
