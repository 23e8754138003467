"""A company's delivery changes as server-sent events (HTML standard, section 9.2)."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from time import monotonic
from typing import Annotated, Any
from uuid import UUID

from anyio.to_thread import run_sync
from fastapi import Header, Query
from starlette.responses import StreamingResponse

from impact_in_pipelines.api.access.rights import VIEW, Api, Caller, own_company
from impact_in_pipelines.api.context import ApiContext
from impact_in_pipelines.api.deliveries.hub import DeliveryChange, Lagging
from impact_in_pipelines.api.deliveries.stream_schemas import STREAM, DeliveryEvent
from impact_in_pipelines.api.http.problems import ApiProblem, invalid
from impact_in_pipelines.api.http.routing import api_router
from impact_in_pipelines.plurals import count

router = api_router("Events")
"""Changes as they happen."""

HEARTBEAT_S = 15.0
CHECKED_S = 2.0
_SHORTEST_WAIT_S = 0.1
_REPLAYED = 1_000
_RESET = "event: reset\ndata: {}\n\n"
_LAST_POSITION = 2**63 - 1


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
            alias="Last-Event-ID",
            description="the id of the last event that was received; what has changed since is sent first",
            max_length=40,
        ),
    ] = None,
) -> StreamingResponse:
    company = await run_sync(own_company, api, caller, company_id)
    since = _position(last_event_id)
    if api.streams.is_full(caller.subject):
        raise ApiProblem(
            429,
            f"more than {count(api.streams.most, 'stream is', 'streams are')} open; close one",
            headers={"Retry-After": "10"},
        )

    async def still_good() -> bool:
        return not await api.access.revoked(caller)

    return StreamingResponse(
        event_stream(api, caller.subject, company.id, since, caller.expires_at, still_good),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


async def event_stream(
    api: ApiContext,
    subject: str,
    company_id: UUID,
    since: int | None,
    until: datetime,
    still_good: Callable[[], Awaitable[bool]],
) -> AsyncIterator[str]:
    """The stream's text: what has changed after the position `since`, then every change, until `until`
    (aware), or until `still_good` says no, which is asked every `CHECKED_S` seconds however much there is to
    say. An event's id is a position: a reader that comes back with it is sent nothing too little, and
    perhaps something twice."""
    with api.streams.held(subject):
        async for text in _events(api, company_id, since, until, still_good):
            yield text


async def _events(
    api: ApiContext,
    company_id: UUID,
    since: int | None,
    until: datetime,
    still_good: Callable[[], Awaitable[bool]],
) -> AsyncIterator[str]:
    async with api.hub.subscribed(company_id) as changes:
        # Whoever has read the first line misses no change from then on.
        yield "retry: 3000\n\n"
        if since is not None:
            found = await run_sync(api.deliveries.changed_since, company_id, since, _REPLAYED)
            if found is None or len(found[0]) == _REPLAYED:
                yield _RESET
            else:
                rows, reached = found
                for number, row in enumerate(rows, start=1):
                    # A reader that is cut off half-way must ask for the whole of it again.
                    yield _event(row, reached if number == len(rows) else since)
        quiet_s = 0.0
        checked_at = monotonic()
        while (left_s := (until - datetime.now(UTC)).total_seconds()) > 0:
            # Timers end a little early: without the floor the last instant is a burst of heartbeats.
            wait_s = max(min(HEARTBEAT_S, CHECKED_S, left_s), _SHORTEST_WAIT_S)
            try:
                change = await changes.next(wait_s)
            except Lagging:
                yield _RESET
                return
            if monotonic() - checked_at >= CHECKED_S:
                if not await still_good():
                    return
                checked_at = monotonic()
            if change is not None:
                quiet_s = 0.0
                yield _event(_fields(change), change.position)
            elif (quiet_s := quiet_s + wait_s) >= HEARTBEAT_S:
                quiet_s = 0.0
                yield ": still here\n\n"


def _event(fields: Any, position: int) -> str:
    text = DeliveryEvent(**fields).model_dump_json(by_alias=True)
    return f"event: delivery\nid: {position}\ndata: {text}\n\n"


def _fields(change: DeliveryChange) -> dict[str, Any]:
    return {name: getattr(change, name) for name in DeliveryEvent.model_fields}


def _position(event_id: str | None) -> int | None:
    if event_id is None:
        return None
    position = position_in(event_id)
    if position is None:
        raise invalid("header", "Last-Event-ID", "must be the id of an event of this stream")
    return position


def position_in(event_id: str) -> int | None:
    """The position that an event's id names, or None: it isn't one of this stream."""
    if event_id.isascii() and event_id.isdecimal() and int(event_id) <= _LAST_POSITION:
        return max(1, int(event_id))  # PostgreSQL has no transaction 0
    # Earlier versions gave instants: a reader that comes back with one is told to read again.
    return _LAST_POSITION if _is_instant(event_id) else None


def _is_instant(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
