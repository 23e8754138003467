"""The OpenAPI 3.1 document: FastAPI's, completed from what the route class knows of every route."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from impact_in_pipelines import __version__
from impact_in_pipelines.api.deliveries import call_backs as webhooks
from impact_in_pipelines.api.deliveries import stream_schemas as events
from impact_in_pipelines.api.http.problems import MEDIA_TYPE, Problem
from impact_in_pipelines.api.http.routing import ApiRoute

_DESCRIPTION = (
    "Deliveries of impact figures to CSR platforms: what is due, what arrived, what to send again. "
    "Errors are problem details (RFC 9457). Instants are ISO 8601 with offset. Another company's things "
    "are not found."
)
_ERRORS = {
    "401": "no valid token",
    "403": "a role is missing",
    "404": "not there, or another company's",
    "406": "none of the forms it can be had in is accepted",
    "409": "its state forbids it, or the first request with this key is under way",
    "413": "the body is larger than 10 MB",
    "415": "the body isn't application/json",
    "422": "a field doesn't hold; it is named",
    "429": "too many requests",
    "500": "a defect of ours",
    "503": "the database doesn't answer",
}
_RATE_HEADERS = {
    "RateLimit-Policy": {"$ref": "#/components/headers/RateLimit-Policy"},
    "RateLimit": {"$ref": "#/components/headers/RateLimit"},
}
_NAMES_NOTHING = frozenset({"createCompany", "previewRule"})
"""Operations whose body names nothing that could be another company's."""
_IDEMPOTENCY = {"$ref": "#/components/parameters/IdempotencyKey"}


def document(app: FastAPI) -> dict[str, Any]:
    """The document of all of `app`'s routes."""
    found = get_openapi(
        title=app.title,
        version=__version__,
        description=_DESCRIPTION,
        routes=app.routes,
        servers=[{"url": "/"}],
    )
    components = found.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    _add_problem(schemas)
    schemas |= webhooks.SCHEMAS | events.SCHEMAS
    components |= {
        "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        "headers": _header_components(),
        "parameters": {"IdempotencyKey": _idempotency_parameter()},
        "responses": {
            f"Problem{status}": _problem_response(status, text) for status, text in _ERRORS.items()
        },
    }
    for route in app.routes:
        if isinstance(route, ApiRoute):
            for method in route.methods or ():
                _complete(found["paths"][route.path_format][method.lower()], route, method)
    return found


def _complete(operation: dict[str, Any], route: ApiRoute, method: str) -> None:
    """What the route class does with every request, said of one operation."""
    responses = operation["responses"]
    responses.pop("422", None)
    for status in sorted(_statuses(operation, route, method)):
        responses.setdefault(status, {"$ref": f"#/components/responses/Problem{status}"})
    if not route.roles:
        operation["security"] = []
        return
    operation["security"] = [{"bearer": []}]
    operation["x-required-roles"] = sorted(route.roles)
    for status, response in responses.items():
        if status.startswith("2"):
            response.setdefault("headers", {}).update(_RATE_HEADERS)
            if method == "POST":
                response["headers"]["Idempotency-Replayed"] = {
                    "description": "true: this answer was given before, nothing was done again",
                    "schema": {"type": "string"},
                }
    if method == "POST":
        operation.setdefault("parameters", []).append(_IDEMPOTENCY)


def _statuses(operation: dict[str, Any], route: ApiRoute, method: str) -> set[str]:
    statuses = {"422", "500", "503"}
    if route.roles:
        statuses |= {"401", "403", "429"}
    elif method == "POST":
        return statuses | {"401", "413", "415"}
    names = {parameter.get("name") for parameter in operation.get("parameters", ())}
    if "companyId" in names or any(
        parameter.get("in") == "path" for parameter in operation.get("parameters", ())
    ):
        statuses.add("404")
    if method == "POST":
        statuses.add("409")
    if method in ("POST", "PUT", "PATCH", "DELETE"):
        statuses.add("413")
    if "requestBody" in operation:
        statuses.add("415")
        if operation["operationId"] not in _NAMES_NOTHING:
            statuses.add("404")
    return statuses


def _add_problem(schemas: dict[str, Any]) -> None:
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= schema.pop("$defs")
    schemas["Problem"] = schema


def _problem_response(status: str, text: str) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if status in ("429", "503"):
        headers["Retry-After"] = {"schema": {"type": "string"}}
    if status == "401":
        headers["WWW-Authenticate"] = {"schema": {"type": "string"}}
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": text, "content": content, **({"headers": headers} if headers else {})}


def _header_components() -> dict[str, Any]:
    return {
        "RateLimit-Policy": {
            "description": "draft-ietf-httpapi-ratelimit-headers: q requests in w seconds",
            "schema": {"type": "string", "examples": ['"token";q=600;w=60']},
        },
        "RateLimit": {
            "description": "r requests are left; all of them again in t seconds",
            "schema": {"type": "string", "examples": ['"token";r=599;t=1']},
        },
    }


def _idempotency_parameter() -> dict[str, Any]:
    return {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "The same key with the same request within 24 hours gives the same answer, and "
        "nothing is done twice; with another request it is refused (422).",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        "example": "5f1c3a52-9a0e-4c39-8f0e-8f6f3f9a3f10",
    }
