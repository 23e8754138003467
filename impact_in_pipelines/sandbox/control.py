"""The control interface under `/_sandbox`: fault switches, configuration, counts.

It has no authentication of its own: whoever reaches the port may switch faults.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from impact_in_pipelines.sandbox.accounts.config import SandboxConfig, Service
from impact_in_pipelines.sandbox.faults import FaultSpec
from impact_in_pipelines.sandbox.platforms.contract import first_error
from impact_in_pipelines.sandbox.state import SandboxState

Model = TypeVar("Model", bound=BaseModel)
Handler = Callable[[Request], Awaitable[Response]]


class ControlError(Exception):
    """A control request that can't be understood; one line that says how to mend it."""


def control_routes(state: SandboxState) -> list[Route]:
    """Return the routes of the control interface over this state."""

    async def add_fault(request: Request) -> Response:
        fault = state.faults.add(await _read(FaultSpec, request))
        return JSONResponse(fault.describe(), 201)

    async def list_faults(request: Request) -> Response:
        del request
        return JSONResponse([fault.describe() for fault in state.faults.list()])

    async def clear_faults(request: Request) -> Response:
        del request
        state.faults.clear()
        return Response(status_code=204)

    async def remove_fault(request: Request) -> Response:
        fault_id = request.path_params["fault_id"]
        if not state.faults.remove(fault_id):
            return JSONResponse({"error": f"there is no fault {fault_id}"}, 404)
        return Response(status_code=204)

    async def configure(request: Request) -> Response:
        state.config = state.config.merged(await _read(SandboxConfig, request))
        return JSONResponse(state.config.model_dump(mode="json", by_alias=True))

    async def show_config(request: Request) -> Response:
        del request
        return JSONResponse(state.config.model_dump(mode="json", by_alias=True))

    async def expire_tokens(request: Request) -> Response:
        del request
        for book in state.tokens.values():
            book.revoke_all()
        return Response(status_code=204)

    async def reset(request: Request) -> Response:
        del request
        state.reset()
        return Response(status_code=204)

    async def stats(request: Request) -> Response:
        del request
        return JSONResponse({name: counts.describe() for name, counts in state.counts.items()})

    async def accepted(request: Request) -> Response:
        platform = _choice(request, "platform", state.ledgers)
        return JSONResponse({"platform": platform, **state.ledgers[platform].describe()})

    async def bodies(request: Request) -> Response:
        platform = _choice(request, "platform", state.ledgers)
        return JSONResponse(list(state.ledgers[platform].bodies))

    async def messages(request: Request) -> Response:
        return JSONResponse(list(state.messages[_choice(request, "sink", state.messages)]))

    routes: list[tuple[str, str, Handler]] = [
        ("POST", "/faults", add_fault),
        ("GET", "/faults", list_faults),
        ("DELETE", "/faults", clear_faults),
        ("DELETE", "/faults/{fault_id:int}", remove_fault),
        ("POST", "/config", configure),
        ("GET", "/config", show_config),
        ("DELETE", "/tokens", expire_tokens),
        ("POST", "/reset", reset),
        ("GET", "/stats", stats),
        ("GET", "/accepted", accepted),
        ("GET", "/bodies", bodies),
        ("GET", "/messages", messages),
    ]
    return [
        Route(f"/_sandbox{path}", handler, methods=[method]) for method, path, handler in routes
    ]


async def explain_bad_control(request: Request, error: Exception) -> Response:
    """Answer a `ControlError` with 400 and its line."""
    del request
    return JSONResponse({"error": str(error)}, 400)


async def _read(model: type[Model], request: Request) -> Model:
    try:
        return model.model_validate_json(await request.body())
    except ValidationError as error:
        raise ControlError(first_error(error)) from None


def _choice(request: Request, name: str, allowed: Mapping[Service, object]) -> Service:
    given = request.query_params.get(name, "")
    if given not in allowed:
        raise ControlError(f"?{name}= must be one of {', '.join(allowed)}, not {given!r}")
    return Service(given)
