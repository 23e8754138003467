"""The application: every route, one way to fail, one OpenAPI document."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from anyio.to_thread import current_default_thread_limiter, run_sync
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from impact_in_pipelines.api.access import company_routes as access
from impact_in_pipelines.api.access import session_routes as sessions
from impact_in_pipelines.api.alerts import routes as incidents
from impact_in_pipelines.api.analytics import routes as analytics
from impact_in_pipelines.api.companies import life_routes as lives
from impact_in_pipelines.api.companies import overview_routes
from impact_in_pipelines.api.companies import routes as companies
from impact_in_pipelines.api.context import ApiContext
from impact_in_pipelines.api.deliveries import calendar_routes as calendar
from impact_in_pipelines.api.deliveries import call_backs as webhooks
from impact_in_pipelines.api.deliveries import cancel_routes as cancelling
from impact_in_pipelines.api.deliveries import correction_routes as correcting
from impact_in_pipelines.api.deliveries import replay_routes as replays
from impact_in_pipelines.api.deliveries import routes as deliveries
from impact_in_pipelines.api.deliveries import stream as events
from impact_in_pipelines.api.evidence import routes as evidence
from impact_in_pipelines.api.http.headers.always import SecurityHeaders
from impact_in_pipelines.api.http.headers.cors import ApiCors
from impact_in_pipelines.api.http.headers.head import HeadAsGet
from impact_in_pipelines.api.http.routing import ApiRoute, as_problem
from impact_in_pipelines.api.impact import routes as uploads
from impact_in_pipelines.api.notices import routes as notices
from impact_in_pipelines.api.openapi import page
from impact_in_pipelines.api.openapi.document import document
from impact_in_pipelines.api.operations import health
from impact_in_pipelines.api.platforms import routes as platforms
from impact_in_pipelines.api.schedules import outlook_routes
from impact_in_pipelines.api.schedules import routes as schedules
from impact_in_pipelines.api.sla import own_levels as levels
from impact_in_pipelines.api.sla import routes as sla
from impact_in_pipelines.api.web import mount
from impact_in_pipelines.db.engine import READERS

ROUTERS = (
    sla.router,
    analytics.router,
    # Before the deliveries: its fixed paths would be taken for ids.
    replays.router,
    cancelling.router,
    correcting.router,
    calendar.router,
    deliveries.router,
    events.router,
    schedules.router,
    outlook_routes.router,
    companies.connections,
    companies.companies,
    evidence.router,
    overview_routes.router,
    lives.router,
    uploads.router,
    platforms.router,
    incidents.incidents,
    incidents.maintenance,
    notices.router,
    companies.audit,
    sessions.router,
    access.router,
    levels.router,
    webhooks.router,
    health.router,
)


def create_app(api: ApiContext) -> FastAPI:
    """The application on `api`. It opens nothing before it is started."""
    app = FastAPI(
        title="Impact-In Pipelines",
        docs_url=None,  # their assets come from other hosts; ours is /docs
        redoc_url=None,
        openapi_url=None,
        lifespan=_lifespan,
        middleware=_middleware(api),
        exception_handlers={HTTPException: as_problem, Exception: as_problem},
    )
    app.state.api = api
    # A redirect would go to whatever the Host header says.
    app.router.redirect_slashes = False
    for router in ROUTERS:
        app.router.routes.extend(router.routes)
    app.router.routes.extend(page.routes())
    mount(app, api)
    for route in app.routes:
        if isinstance(route, ApiRoute):
            for method in route.methods or ():
                api.metrics.expect(method, route.path_format, route.answers)
    known: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not known:
            known.update(document(app))
        return known

    app.openapi = openapi  # type: ignore[method-assign]
    return app


def _middleware(api: ApiContext) -> list[Middleware]:
    """The outermost first."""
    origins = api.runtime.settings.api_cors_origins
    cors = [Middleware(ApiCors, origins=origins)] if origins else []
    return [Middleware(HeadAsGet), Middleware(SecurityHeaders), *cors]


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    api: ApiContext = app.state.api
    # One database connection each, with a few to spare: more threads would only wait for one.
    current_default_thread_limiter().total_tokens = READERS
    api.hub.watched_by(api.statuses)
    api.hub.open()
    yield
    await run_sync(api.hub.close)
    await run_sync(api.statuses.close)
