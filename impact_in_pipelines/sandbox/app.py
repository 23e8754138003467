"""The composition of the sandbox: every endpoint on one application."""

from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from impact_in_pipelines.sandbox.accounts.config import SandboxConfig, Service
from impact_in_pipelines.sandbox.accounts.oauth import TokenExchange
from impact_in_pipelines.sandbox.alerts import PagerDutyEvents, SlackWebhook
from impact_in_pipelines.sandbox.control import ControlError, control_routes, explain_bad_control
from impact_in_pipelines.sandbox.platforms.benevity import BenevityImpact
from impact_in_pipelines.sandbox.platforms.goodera import GooderaBatch, GooderaRecord
from impact_in_pipelines.sandbox.platforms.workday import WorkdayActivities
from impact_in_pipelines.sandbox.state import SandboxState


def create_app(
    config: SandboxConfig | None = None, *, state: SandboxState | None = None
) -> Starlette:
    """Return the sandbox as an ASGI application; a `state` (for tests with a clock) wins."""
    state = state or SandboxState(config)
    endpoints: list[tuple[str, ASGIApp]] = [
        ("/benevity/impact", BenevityImpact(state)),
        ("/goodera/impact-data", GooderaRecord(state)),
        ("/goodera/impact-data/batch", GooderaBatch(state)),
        ("/workday/volunteer-management/v1/activities", WorkdayActivities(state)),
        ("/workday/oauth2/token", TokenExchange(state, Service.WORKDAY)),
        ("/benevity/oauth2/token", TokenExchange(state, Service.BENEVITY)),
        ("/slack/{name}", SlackWebhook(state)),
        ("/pagerduty/v2/enqueue", PagerDutyEvents(state)),
    ]
    routes = [Route(path, endpoint, methods=["POST"]) for path, endpoint in endpoints]
    handlers: dict[Any, Callable[[Request, Exception], Any]] = {
        ControlError: explain_bad_control,
        404: _explain_unknown_path,
    }
    return Starlette(routes=[*routes, *control_routes(state)], exception_handlers=handlers)


async def _explain_unknown_path(request: Request, error: Exception) -> Response:
    del error
    known = "/benevity, /goodera, /workday, /slack/{name}, /pagerduty and /_sandbox"
    return JSONResponse(
        {"error": f"nothing is served at {request.url.path}; there are {known}"}, 404
    )
