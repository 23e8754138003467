"""The delivery log: pages, one delivery whole, a company's timeline."""

from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from pydantic import TypeAdapter

from impact_in_pipelines.api.access.rights import VIEW, Api, Caller, own_company, visible
from impact_in_pipelines.api.deliveries.schemas import (
    IN_TIMELINE,
    SAMPLED,
    Attempt,
    Delivery,
    DeliveryPage,
    DeliveryWhole,
    Status,
    Timeline,
    TimelineItem,
    TriggerName,
    shown,
)
from impact_in_pipelines.api.http.pagination import DEFAULT_LIMIT, encode_cursor, instant_and_id
from impact_in_pipelines.api.http.problems import invalid
from impact_in_pipelines.api.http.routing import api_router
from impact_in_pipelines.api.http.schemas import Instant, Limit, PlatformName
from impact_in_pipelines.db.deliveries.reading import DeliveryFilter, DeliveryRow
from impact_in_pipelines.delivery.showing.sanitising import sanitised
from impact_in_pipelines.delivery.states import DeliveryStatus, Trigger
from impact_in_pipelines.platforms import Platform

router = api_router("Deliveries")
"""Reading the log."""

# All rows at once: half of what making the models one by one costs.
_DELIVERIES = TypeAdapter(list[Delivery])
_ITEMS = TypeAdapter(list[TimelineItem])
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
    company_id: Annotated[UUID | None, Query(alias="companyId")] = None,
    platform: PlatformName | None = None,
    status: Annotated[list[Status] | None, Query(description="may be given several times")] = None,
    trigger: TriggerName | None = None,
    schedule_id: Annotated[UUID | None, Query(alias="scheduleId")] = None,
    start: Annotated[
        Instant | None,
        Query(alias="startDate", description="due at or after; a date is its 00:00 UTC"),
    ] = None,
    end: Annotated[
        Instant | None, Query(alias="endDate", description="due before; a date is its 00:00 UTC")
    ] = None,
    error: Annotated[
        str | None,
        Query(max_length=200, pattern=r"^[^\x00]*$", description="text in the last error"),
    ] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> DeliveryPage:
    if start is not None and end is not None and start >= end:
        raise invalid("query", "endDate", "must be after startDate")
    ids = visible(api, caller, company_id)
    wanted = DeliveryFilter(
        platform=Platform(platform) if platform else None,
        statuses=[DeliveryStatus(one) for one in status] if status else None,
        trigger=Trigger(trigger) if trigger else None,
        schedule_id=schedule_id,
        start=start,
        end=end,
        error_contains=error,
    )
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


def _timeline_item(row: DeliveryRow) -> dict[str, Any]:
    return shown(row, IN_TIMELINE) | {"payload_sample": sanitised(row.payload, first=SAMPLED)}
