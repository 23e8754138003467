"""A company's delivery changes as server-sent events (HTML standard, section 9.2)."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from anyio.to_thread import run_sync
from fastapi import Header, Query
from starlette.responses import StreamingResponse

from impact_in_pipelines.api.access.rights import VIEW, Api, Caller, own_company
from impact_in_pipelines.api.context import ApiContext
from impact_in_pipelines.api.deliveries.hub import DeliveryChange, Lagging
from impact_in_pipelines.api.deliveries.stream_schemas import STREAM, DeliveryEvent
from impact_in_pipelines.api.http.problems import invalid
from impact_in_pipelines.api.http.routing import api_router

router = api_router("Events")
"""Changes as they happen."""

HEARTBEAT_S = 15.0
_SHORTEST_WAIT_S = 0.1
_REPLAYED = 1_000
_OVERLAP = timedelta(seconds=30)
"""A change carries its transaction's time and is seen at its end: one before the last seen may come later."""


@router.get(
    "/events",
    operation_id="streamEvents",
    summary="A company's delivery changes as they happen",
    dependencies=[VIEW],
    response_class=StreamingResponse,
    responses={200: STREAM},
)
async def stream_events(
    api: Api,
    caller: Caller,
    company_id: Annotated[UUID, Query(alias="companyId")],
    last_event_id: Annotated[
        str | None,
        Header(
            alias="Last-Event-ID", description="what has changed since is sent first", max_length=40
        ),
    ] = None,
) -> StreamingResponse:
    company = await run_sync(own_company, api, caller, company_id)
    since = _instant(last_event_id)
    return StreamingResponse(
        event_stream(api, company.id, since, caller.expires_at),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


async def event_stream(
    api: ApiContext, company_id: UUID, since: datetime | None, until: datetime
) -> AsyncIterator[str]:
    """The stream's text: what has changed after `since`, then every change, until `until` (both aware)."""
    yield "retry: 3000\n\n"
    async with api.hub.subscribed(company_id) as changes:
        if since is not None:
            rows = await run_sync(
                api.deliveries.changed_since, company_id, since - _OVERLAP, _REPLAYED
            )
            if len(rows) == _REPLAYED:
                yield "event: reset\ndata: {}\n\n"
            else:
                for row in rows:
                    yield _event(row)
        while (left_s := (until - datetime.now(UTC)).total_seconds()) > 0:
            try:
                # Timers end a little early: without the floor the last instant is a burst of heartbeats.
                change = await changes.next(max(min(HEARTBEAT_S, left_s), _SHORTEST_WAIT_S))
            except Lagging:
                yield "event: reset\ndata: {}\n\n"
                return
            yield ": still here\n\n" if change is None else _event(_fields(change))


def _event(fields: Any) -> str:
    data = DeliveryEvent(**fields)
    text = data.model_dump_json(by_alias=True)
    return f"event: delivery\nid: {data.updated_at.isoformat()}\ndata: {text}\n\n"


def _fields(change: DeliveryChange) -> dict[str, Any]:
    return {name: getattr(change, name) for name in DeliveryEvent.model_fields}


def _instant(event_id: str | None) -> datetime | None:
    if event_id is None:
        return None
    try:
        at = datetime.fromisoformat(event_id)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None or not 2000 <= at.year <= 2999:
        raise invalid("header", "Last-Event-ID", "must be the id of an event of this stream")
    return at
