"""The application: every route, one way to fail, one OpenAPI document."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from impact_in_pipelines.api.context import ApiContext
from impact_in_pipelines.api.headers import SecurityHeaders
from impact_in_pipelines.api.openapi import document
from impact_in_pipelines.api.routes import deliveries
from impact_in_pipelines.api.routing import as_problem
from impact_in_pipelines.api.web import mount

ROUTERS = (deliveries.router,)


def create_app(api: ApiContext) -> FastAPI:
    """The application on `api`. It opens nothing before it is started."""
    app = FastAPI(
        title="Impact-In Pipelines",
        docs_url=None,  # their assets come from other hosts
        redoc_url=None,
        openapi_url=None,
        lifespan=_lifespan,
        middleware=[Middleware(SecurityHeaders)],
        exception_handlers={HTTPException: as_problem, Exception: as_problem},
    )
    app.state.api = api
    for router in ROUTERS:
        app.router.routes.extend(router.routes)
    mount(app, api)
    known: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not known:
            known.update(document(app))
        return known

    app.openapi = openapi  # type: ignore[method-assign]
    return app


@asynccontextmanager
async def _lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield
