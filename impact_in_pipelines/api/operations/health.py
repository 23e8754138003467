"""Health, readiness, metrics and the OpenAPI document: no token is needed."""

from typing import Any

from fastapi import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from impact_in_pipelines.api.access.rights import PUBLIC, Api
from impact_in_pipelines.api.context import Readiness as Found
from impact_in_pipelines.api.http.routing import PREFIX, api_router
from impact_in_pipelines.api.operations.metrics import CONTENT_TYPE
from impact_in_pipelines.api.operations.schemas import Health, ReadinessView
from impact_in_pipelines.db.engine import DatabaseState

router = api_router("Operations", prefix="")
"""For supervisors and Prometheus."""


@router.get("/healthz", operation_id="getHealth", summary="It answers", dependencies=[PUBLIC])
async def health() -> Health:
    return Health(status="ok")


@router.get(
    "/readyz",
    operation_id="getReadiness",
    summary="It can serve: database, migrations, Dagster",
    dependencies=[PUBLIC],
    response_model=ReadinessView,
    responses={503: {"model": ReadinessView, "description": "it can't serve"}},
)
async def readiness(api: Api) -> Any:
    found = _shown(await api.readiness.get())
    status = 503 if found.status == "unready" else 200
    return JSONResponse(found.model_dump(by_alias=True), status_code=status)


@router.get(
    "/metrics",
    operation_id="getMetrics",
    summary="For Prometheus",
    dependencies=[PUBLIC],
    response_class=PlainTextResponse,
)
def metrics(api: Api) -> Response:
    return Response(api.metrics.text(), headers={"Content-Type": CONTENT_TYPE})


@router.get(
    f"{PREFIX}/openapi.json",
    operation_id="getOpenApi",
    summary="This document",
    dependencies=[PUBLIC],
)
async def openapi(request: Request) -> dict[str, Any]:
    found: dict[str, Any] = request.app.openapi()
    return found


def _shown(found: Found) -> ReadinessView:
    status = "unready"
    if found.database is DatabaseState.CURRENT:
        status = "ready" if found.dagster else "degraded"
    migrations = {DatabaseState.CURRENT: "current", DatabaseState.OUTDATED: "missing"}
    return ReadinessView.model_validate(
        {
            "status": status,
            "database": "unreachable" if found.database is DatabaseState.UNREACHABLE else "ok",
            "migrations": migrations.get(found.database, "unknown"),
            "dagster": found.dagster or "unreachable",
        }
    )
