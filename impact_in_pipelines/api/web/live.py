"""Server-sent events of one company's deliveries (HTML standard, section 9.2), for the page that is open."""

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import anyio
from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from impact_in_pipelines.api.context import ApiContext
from impact_in_pipelines.api.web.signing import cookie_of
from impact_in_pipelines.api.web.visits import VIEW

_EVERY_S = 1.0
_HEARTBEAT_S = 15.0
_MOST = 500
_OLDEST = timedelta(minutes=10)


def route(api: ApiContext) -> Route:
    """The stream of a company's changes, for whoever may see the company."""

    async def stream(request: Request) -> Response:
        company = await run_sync(_admitted, api, request)
        if company is None:
            # 204 tells the browser not to connect again.
            return Response(status_code=204)
        cookie = cookie_of(request, api.runtime.settings) or ""
        since = _since(request.headers.get("last-event-id"), api.clock())
        return StreamingResponse(
            _events(api, company, cookie, since),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    return Route("/{lang}/cockpit/{company_id}/events", stream)


def _admitted(api: ApiContext, request: Request) -> UUID | None:
    cookie = cookie_of(request, api.runtime.settings)
    session = api.runtime.sessions.find(cookie) if cookie else None
    try:
        company_id = UUID(request.path_params["company_id"])
    except ValueError:
        return None
    if session is None or session.expires_at <= api.clock() or not session.roles >= VIEW:
        return None
    mine = session.companies is None or company_id in session.companies
    return company_id if mine else None


def _since(event_id: str | None, now: datetime) -> datetime:
    """Where a browser that was here before goes on; a long absence is over after ten minutes."""
    try:
        at = datetime.fromisoformat(event_id or "")
    except ValueError:
        return now
    return max(at, now - _OLDEST) if at.tzinfo is not None else now


async def _events(
    api: ApiContext, company: UUID, cookie: str, since: datetime
) -> AsyncIterator[str]:
    yield "retry: 3000\n\n"
    quiet_s = 0.0
    while True:
        rows = await run_sync(api.deliveries.changed_since, company, since, _MOST)
        for row in rows:
            since = row["updated_at"]
            yield _event(row)
        quiet_s = 0.0 if rows else quiet_s + _EVERY_S
        if quiet_s >= _HEARTBEAT_S:
            quiet_s = 0.0
            session = await run_sync(api.runtime.sessions.find, cookie)
            if session is None or session.expires_at <= api.clock():
                yield "event: signed-out\ndata: {}\n\n"
                return
            yield ": still here\n\n"
        await anyio.sleep(_EVERY_S)


def _event(row: Any) -> str:
    data = {"id": str(row["id"]), "status": row["status"], "platform": row["platform"]}
    at = row["updated_at"].isoformat()
    return f"event: delivery\nid: {at}\ndata: {json.dumps(data)}\n\n"
