"""Health, readiness, metrics and the OpenAPI document: no token is needed."""

from typing import Any

from fastapi import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from impact_in_pipelines.api.access.rights import PUBLIC, Api
from impact_in_pipelines.api.context import Readiness as Found
from impact_in_pipelines.api.http.routing import PREFIX, api_router
from impact_in_pipelines.api.operations.metrics import CONTENT_TYPE
from impact_in_pipelines.api.operations.schemas import Health, ReadinessView
from impact_in_pipelines.services.operating.health import Fact

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
    failed = found.failed
    away, out_of_step = Fact.DATABASE_AWAY in failed, Fact.TABLES_OUT_OF_STEP in failed
    status = "ready" if found.dagster and not failed else "degraded"
    migrations = "unknown" if away else "missing" if out_of_step else "current"
    return ReadinessView.model_validate(
        {
            "status": "unready" if away or out_of_step else status,
            "database": "unreachable" if away else "ok",
            "migrations": migrations,
            "dagster": found.dagster or "unreachable",
            # Without values: nobody has to say who they are here.
            "findings": [
                {
                    "about": one.fact.about,
                    "state": one.fact.state.value,
                    "finding": one.fact.value[0],
                }
                for one in found.findings
            ],
        }
    )
