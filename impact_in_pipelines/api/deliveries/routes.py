"""The delivery log: pages, all of it, one delivery whole, a company's timeline."""

from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request
from pydantic import TypeAdapter
from starlette.responses import JSONResponse, StreamingResponse

from impact_in_pipelines.api.access.rights import VIEW, Api, Caller, own_company, visible
from impact_in_pipelines.api.deliveries.filters import Wanted
from impact_in_pipelines.api.deliveries.schemas import (
    IN_TIMELINE,
    SAMPLED,
    Attempt,
    Delivery,
    DeliveryPage,
    DeliveryWhole,
    ReceiptView,
    Timeline,
    TimelineItem,
    shown,
)
from impact_in_pipelines.api.http.headers.negotiation import preferred
from impact_in_pipelines.api.http.pagination import DEFAULT_LIMIT, encode_cursor, instant_and_id
from impact_in_pipelines.api.http.routing import api_router
from impact_in_pipelines.api.http.schemas import Limit
from impact_in_pipelines.db.deliveries.filtering import DeliveryFilter
from impact_in_pipelines.db.deliveries.reading import DeliveryRow
from impact_in_pipelines.delivery.showing.sanitising import sanitised
from impact_in_pipelines.services.deliveries.exporting import ExportForm, export
from impact_in_pipelines.services.deliveries.papers import payload_of, receipt_of

router = api_router("Deliveries")
"""Reading the log."""

# All rows at once: half of what making the models one by one costs.
_DELIVERIES = TypeAdapter(list[Delivery])
_ITEMS = TypeAdapter(list[TimelineItem])
_JSON, _CSV = "application/json", "text/csv"
_WHOLE = DeliveryWhole.model_fields.keys() - Delivery.model_fields.keys()


@router.get(
    "/deliveries",
    operation_id="listDeliveries",
    summary="Deliveries, the latest due first",
    dependencies=[VIEW],
)
def list_deliveries(
    api: Api,
    caller: Caller,
    wanted: Wanted,
    company_id: Annotated[UUID | None, Query(alias="companyId")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> DeliveryPage:
    ids = visible(api, caller, company_id)
    question = wanted.parameters | {"company": company_id}
    rows = api.deliveries.listed(ids, wanted, limit=limit + 1, **instant_and_id(cursor, question))
    more = len(rows) > limit
    rows = rows[:limit]
    return DeliveryPage(
        data=_DELIVERIES.validate_python([shown(row) for row in rows]),
        next_cursor=encode_cursor(
            {"at": rows[-1].scheduled_for.isoformat(), "id": rows[-1].id}, question
        )
        if more
        else None,
    )


@router.get(
    "/deliveries/export",
    operation_id="exportDeliveries",
    summary="All deliveries that fit the filters, the latest due first; as JSON or CSV, streamed",
    dependencies=[VIEW],
    response_model=list[Delivery],
    responses={200: {"content": {_CSV: {"schema": {"type": "string"}}}}},
    openapi_extra={"responses": {"406": {"$ref": "#/components/responses/Problem406"}}},
)
def export_deliveries(
    api: Api,
    caller: Caller,
    request: Request,
    wanted: Wanted,
    company_id: Annotated[UUID | None, Query(alias="companyId")] = None,
) -> Any:
    kind = preferred(request.headers.get("accept"), (_JSON, _CSV))
    form = ExportForm.CSV if kind == _CSV else ExportForm.JSON
    found = export(api.deliveries, visible(api, caller, company_id), wanted, form)
    return StreamingResponse(found, media_type=kind, headers={"Vary": "Accept"})


@router.get(
    "/delivery-timeline",
    operation_id="getDeliveryTimeline",
    summary="The latest deliveries of a company, with a sample of what was sent",
    dependencies=[VIEW],
)
def delivery_timeline(
    api: Api,
    caller: Caller,
    company_id: Annotated[UUID, Query(alias="companyId")],
    limit: Limit = DEFAULT_LIMIT,
) -> Timeline:
    company = own_company(api, caller, company_id)
    rows = api.deliveries.listed([company.id], DeliveryFilter(), limit=limit, with_payload=True)
    return Timeline(data=_ITEMS.validate_python([_timeline_item(row) for row in rows]))


@router.get(
    "/deliveries/{deliveryId:id}",
    operation_id="getDelivery",
    summary="One delivery: its attempts, what was sent and what was answered",
    dependencies=[VIEW],
)
def get_delivery(api: Api, caller: Caller, deliveryId: UUID) -> DeliveryWhole:  # noqa: N803
    row = api.deliveries.whole(deliveryId, caller.company_ids)
    values = {name: getattr(row, name) for name in _WHOLE} | shown(row)
    values["payload"] = sanitised(row.payload)
    values["provider_response"] = sanitised(row.provider_response)
    values["attempts"] = [
        Attempt(**{**asdict(one), "error": sanitised(one.error)}) for one in row.attempts
    ]
    return DeliveryWhole(**values)


@router.get(
    "/deliveries/{deliveryId:id}/payload",
    operation_id="getDeliveryPayload",
    summary="What was sent, as a document of its own",
    dependencies=[VIEW],
    response_model=dict[str, Any],
)
def get_payload(api: Api, caller: Caller, deliveryId: UUID) -> Any:  # noqa: N803
    return JSONResponse(payload_of(api.deliveries, deliveryId, caller.company_ids))


@router.get(
    "/deliveries/{deliveryId:id}/receipt",
    operation_id="getDeliveryReceipt",
    summary="The platform's receipt for a delivery that has arrived",
    dependencies=[VIEW],
)
def get_receipt(api: Api, caller: Caller, deliveryId: UUID) -> ReceiptView:  # noqa: N803
    return ReceiptView(**asdict(receipt_of(api.deliveries, deliveryId, caller.company_ids)))


def _timeline_item(row: DeliveryRow) -> dict[str, Any]:
    return shown(row, IN_TIMELINE) | {"payload_sample": sanitised(row.payload, first=SAMPLED)}
