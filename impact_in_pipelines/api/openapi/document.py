"""The OpenAPI 3.1 document: FastAPI's, completed from what the route class knows of every route."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from impact_in_pipelines import __version__
from impact_in_pipelines.api.deliveries import call_backs as webhooks
from impact_in_pipelines.api.deliveries import stream_schemas as events
from impact_in_pipelines.api.http.headers.etags import CONDITIONAL, IF_NONE_MATCH
from impact_in_pipelines.api.http.problems import MEDIA_TYPE, Problem
from impact_in_pipelines.api.http.routing import STREAMED, ApiRoute
from impact_in_pipelines.api.openapi.fields import field_description
from impact_in_pipelines.api.openapi.operations import OPERATIONS, PARAMETERS, TAGS

_DESCRIPTION = (
    "Deliveries of impact figures to CSR platforms: what is due, what arrived, what to send again. "
    "Errors are problem details (RFC 9457). Instants are ISO 8601 with offset. For anything of another "
    "company the answer is 404."
)
_ERRORS = {
    "401": "no valid token",
    "403": "a role is missing",
    "404": "it doesn't exist, or belongs to another company",
    "406": "none of its forms is accepted",
    "409": "its state forbids it, or the first request with this key is under way",
    "410": "it was archived, and has left the database",
    "413": "the body is larger than it may be",
    "415": "the body has a wrong type",
    "422": "a field is wrong; the answer names it",
    "429": "too many requests",
    "500": "a defect of ours",
    "503": "the database doesn't answer",
}
_LICENSE = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
_LIMITS = {"ge": "minimum", "le": "maximum", "gt": "exclusiveMinimum", "lt": "exclusiveMaximum"}
"""Pydantic leaves its own names where a bound stands on a validator."""
_RATE_HEADERS = {
    "RateLimit-Policy": {"$ref": "#/components/headers/RateLimit-Policy"},
    "RateLimit": {"$ref": "#/components/headers/RateLimit"},
}
_SCHEMAS = "#/components/schemas/"
_PUBLIC = {
    "ConnectionBody": "ConnectionChange",
    "ScheduleBody": "ScheduleChange",
    "DifferenceView": "Change",
}
_REFUSED_READS = ("exportCompany",)
"""Reads that may be refused for what this process lacks: an archive with a part of it."""
_ARCHIVED = frozenset(
    {
        *("getDelivery", "getDeliveryPayload", "getDeliveryReceipt"),
        *("replayDelivery", "previewReplay", "previewReplayMany", "cancelDelivery"),
    }
)
"""Operations on deliveries that may have left the database."""
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
        servers=[{"url": "/", "description": "the host that serves this document"}],
        tags=[{"name": name, "description": text} for name, text in TAGS.items()],
        license_info=_LICENSE,
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
    public = {name: _public(name) for name in schemas}
    if doubled := [name for name, times in Counter(public.values()).items() if times > 1]:
        # One would stand for the other, which only a client's reader finds out.
        raise ValueError(f"two schemas would be called {', '.join(doubled)}")
    found["components"]["schemas"] = {
        public[name]: {**one, "title": public[name]} for name, one in schemas.items()
    }
    whole: dict[str, Any] = _in_json_schema(found)
    _describe(whole)
    return whole


def _in_json_schema(value: Any) -> Any:
    """`value` with bounds under JSON Schema's names, and schemas under their public ones."""
    if isinstance(value, dict):
        return {_LIMITS.get(key, key): _in_json_schema(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_in_json_schema(item) for item in value]
    if isinstance(value, str) and value.startswith(_SCHEMAS):
        return _SCHEMAS + _public(value.removeprefix(_SCHEMAS))
    return value


def _public(name: str) -> str:
    """A schema's name in the document: the design's word. In the code that word is the core's class, and
    what a route shows or takes of it is called a view or a body."""
    return _PUBLIC.get(name) or name.removesuffix("View")


def _describe(document: dict[str, Any]) -> None:
    """Give every operation, parameter and field the description that it lacks."""
    for methods in document["paths"].values():
        for operation in methods.values():
            text = OPERATIONS.get(operation["operationId"])
            if text is not None:
                operation.setdefault("description", text)
            for parameter in operation.get("parameters", ()):
                if (text := PARAMETERS.get(parameter.get("name", ""))) is not None:
                    parameter.setdefault("description", text)
                parameter.get("schema", {}).pop("title", None)
    schemas = document["components"]["schemas"]
    for name, schema in schemas.items():
        for field, found in schema.get("properties", {}).items():
            _describe_field(name, field, found, schemas)


def _describe_field(
    schema: str, field: str, found: dict[str, Any], schemas: Mapping[str, Any]
) -> None:
    # Pydantic's titles say the name again, and generators take them for the names of types.
    found.pop("title", None)
    type_name = schema + field[:1].upper() + field[1:]
    if found.get("type") == "object" and type_name in schemas:
        found["title"] = f"{type_name}Values"  # a type of this name is there already
    if (text := field_description(schema, field)) is not None:
        found.setdefault("description", text)


def _complete(operation: dict[str, Any], route: ApiRoute, method: str) -> None:
    """What the route class does with every request, said of one operation."""
    responses = operation["responses"]
    responses.pop("422", None)
    if "requestBody" in operation:
        _simplify_body(operation["requestBody"])
    for status in sorted(_statuses(operation, route, method)):
        responses.setdefault(status, {"$ref": f"#/components/responses/Problem{status}"})
    if not route.roles:
        operation["security"] = []
        return
    operation["security"] = [{"bearer": []}]
    if operation["operationId"] in CONDITIONAL:
        operation.setdefault("parameters", []).append(dict(IF_NONE_MATCH))
        responses["304"] = {"description": "unchanged since the answer with this ETag"}
        responses["200"].setdefault("headers", {})["ETag"] = {
            "description": "names this very answer; give it back as If-None-Match",
            "schema": {"type": "string"},
        }
    operation["x-required-roles"] = sorted(route.roles)
    for status, response in responses.items():
        if status.startswith("2"):
            response.setdefault("headers", {}).update(_RATE_HEADERS)
            if method == "POST" and operation["operationId"] not in STREAMED:
                response["headers"]["Idempotency-Replayed"] = {
                    "description": "true: this answer was given before, nothing was done again",
                    "schema": {"type": "string"},
                }
    if method == "POST" and operation["operationId"] not in STREAMED:
        operation.setdefault("parameters", []).append(_IDEMPOTENCY)


def _simplify_body(body: dict[str, Any]) -> None:
    """A body that may be absent is one that isn't required; "or null" makes generated clients send what
    can't be written as JSON."""
    for media in body.get("content", {}).values():
        choices = media.get("schema", {}).get("anyOf", [])
        others = [one for one in choices if one != {"type": "null"}]
        if len(others) == 1 and len(choices) == 2:
            media["schema"] = others[0]
            body["required"] = False


def _statuses(operation: dict[str, Any], route: ApiRoute, method: str) -> set[str]:
    statuses = {"422", "429", "500", "503"}
    if route.roles:
        statuses |= {"401", "403"}
    elif method == "POST":
        return statuses | {"401", "413", "415"}
    names = {parameter.get("name") for parameter in operation.get("parameters", ())}
    if "companyId" in names or any(
        parameter.get("in") == "path" for parameter in operation.get("parameters", ())
    ):
        statuses.add("404")
    if method == "POST" or operation["operationId"] in _REFUSED_READS:
        statuses.add("409")
    if operation["operationId"] in _ARCHIVED:
        statuses.add("410")
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
        headers["Retry-After"] = {
            "description": "seconds to wait before trying again",
            "schema": {"type": "string"},
        }
    if status == "401":
        headers["WWW-Authenticate"] = {
            "description": "what kind of token is needed (RFC 6750)",
            "schema": {"type": "string"},
        }
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
