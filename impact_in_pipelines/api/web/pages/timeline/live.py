"""The API's stream of a company's changes, for a page that is open: by the session's cookie, not a token."""

from collections.abc import AsyncIterator
from uuid import UUID

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from impact_in_pipelines.api.context import ApiContext
from impact_in_pipelines.api.deliveries.stream import event_stream, position_in
from impact_in_pipelines.api.web.sign_in.cookie import cookie_of
from impact_in_pipelines.api.web.visits import VIEW
from impact_in_pipelines.db.access.sessions import WebSession, digest


def route(api: ApiContext) -> Route:
    """The stream of a company's changes, for whoever may see the company."""

    async def stream(request: Request) -> Response:
        cookie = cookie_of(request, api.runtime.settings) or ""
        text = request.path_params["company_id"]
        admitted = await run_sync(_admitted, api, cookie, text)
        if admitted is None:
            # 204 tells the browser not to connect again (HTML standard, section 9.2.3).
            return Response(status_code=204)
        company_id, session = admitted
        if api.streams.is_full(session.subject):
            return Response(status_code=204)
        since = position_in(request.headers.get("last-event-id", ""))
        return StreamingResponse(
            _while_signed_in(api, cookie, session, company_id, since),
            media_type="text/event-stream",
            headers={"X-Accel-Buffering": "no"},
        )

    return Route("/{lang}/cockpit/{company_id}/events", stream)


def _admitted(api: ApiContext, cookie: str, company: str) -> tuple[UUID, WebSession] | None:
    """The company and the session; None: this browser has nothing to hear."""
    session = api.runtime.sessions.find(cookie) if cookie else None
    try:
        company_id = UUID(company)
    except ValueError:
        return None
    if session is None or session.expires_at <= api.clock() or not session.roles >= VIEW:
        return None
    mine = session.companies is None or company_id in session.companies
    return (company_id, session) if mine else None


async def _while_signed_in(
    api: ApiContext, cookie: str, session: WebSession, company_id: UUID, since: int | None
) -> AsyncIterator[str]:
    """The events until the session is closed or revoked, or has lost the role or the company: each is
    noticed within seconds, also in another process."""
    id_hash = digest(cookie)

    async def still_good() -> bool:
        return await api.access.may_see(id_hash, company_id)

    until = session.expires_at
    async with api.access.watching(id_hash):
        async for text in event_stream(api, session.subject, company_id, since, until, still_good):
            yield text
