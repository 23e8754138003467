"""The route class: what holds for every endpoint, in the order in which it is checked.

Token, rate limit, roles, known parameters, body size and media type, idempotency; then FastAPI validates
and the endpoint runs. Whatever is raised becomes problem details.
"""

import inspect
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any, get_args, get_origin

from fastapi import APIRouter
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from impact_in_pipelines.api.access.rights import check_roles, required_roles
from impact_in_pipelines.api.access.tokens import Principal, token_revoked
from impact_in_pipelines.api.context import ApiContext
from impact_in_pipelines.api.http.headers.deprecation import deprecation_of
from impact_in_pipelines.api.http.headers.etags import CONDITIONAL, with_etag
from impact_in_pipelines.api.http.idempotency import answer_once
from impact_in_pipelines.api.http.problems import ApiProblem, problem_of, problem_response
from impact_in_pipelines.api.http.ratelimit import RequestRate, network_of
from impact_in_pipelines.api.http.requests import (
    StrictRequest,
    check_file_type,
    check_media_type,
    check_query,
    read_body,
)
from impact_in_pipelines.db.engine import translated_errors
from impact_in_pipelines.logs.context import about, begin, fields
from impact_in_pipelines.plurals import count

PREFIX = "/v1/impact-in"
_FIXED = (
    *("bulk-replay", "retry-all-failed", "preview-replay", "cancel", "stats", "preview"),
    *("export", "stale", "correct", "health"),
)
"""Last parts of addresses that stand where an id could."""
_UNCOUNTED = frozenset({"/healthz", "/metrics", f"{PREFIX}/webhooks/{{platform}}"})
"""Public routes without a limit by address: what a supervisor asks, and platforms, of which only call-backs
that aren't signed count."""
STREAMED = frozenset({"uploadEvents"})
"""Operations whose body is a file, which is read as it comes. They take no idempotency key: what they make
has to be confirmed."""
_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_log = logging.getLogger(__name__)

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class IdConvertor(Convertor[str]):
    """An id in an address, as `{deliveryId:id}`: anything but a fixed part. What isn't a UUID is a 422 that
    says so, and a fixed part called with another method is a 405."""

    regex = f"(?!(?:{'|'.join(_FIXED)})(?:/|$))[^/]+"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("id", IdConvertor())


class ApiRoute(APIRoute):
    """An endpoint of the API; `roles` are those that it needs, none for a public one."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self.deprecation = deprecation_of(options.get("dependencies") or ())
        if self.deprecation is not None:
            options["deprecated"] = True
        super().__init__(path, _written(endpoint, options.get("status_code") or 200), **options)

    @property
    def answers(self) -> list[int]:
        """The statuses that this route may answer with, rare ones (406, 413, 415) left out."""
        refusals = (401, 403, 404, 409) if self.roles else ()
        unchanged = (304,) if self.operation_id in CONDITIONAL else ()
        return [self.status_code or 200, *unchanged, *refusals, 422, 429, 500, 503]

    def get_route_handler(self) -> Handler:
        handler = super().get_route_handler()
        self.roles = required_roles(self.dependencies)
        streams = self.operation_id in STREAMED
        self.known, self.repeatable = _query_names(self.dependant)
        takes_body = self.body_field is not None
        conditional = self.operation_id in CONDITIONAL

        async def handle(original: Request) -> Response:
            request = StrictRequest(original.scope, original.receive)
            with about(**named(request, self.path_format)):
                return await answered(request)

        async def answered(request: StrictRequest) -> Response:
            api: ApiContext = request.app.state.api
            rate: RequestRate | None = None
            started = time.perf_counter()
            try:
                with translated_errors(api.runtime.database.url):
                    if self.roles:
                        principal = await _admitted(api, request)
                        begin(subject=principal.subject)
                        rate = api.limiter.take(principal.subject)
                        check_rate(rate)
                        check_roles(principal, self.roles)
                        request.state.principal = principal
                    elif self.path_format not in _UNCOUNTED:
                        check_rate(api.anonymous.take(caller_address(request)))
                    check_query(request, self.known, self.repeatable)
                    if takes_body:
                        check_media_type(request)
                    if streams:
                        check_file_type(request)
                        response = await handler(request)
                    else:
                        if request.method in _WRITES:
                            await read_body(request)
                        response = await answer_once(api, request, handler)
                    if conditional and response.status_code == 200:
                        response = with_etag(request, response)
            except Exception as error:
                if not self.roles and problem_of(error).status_code == 401:
                    error = _counted(api, request, error)
                if problem_of(error).status_code == 500:
                    _log.exception("a request failed")
                response = problem_response(request, error)
            if rate is not None:
                response.headers.update(rate.headers)
            if self.deprecation is not None:
                response.headers.update(self.deprecation.headers)
            seconds = time.perf_counter() - started
            api.metrics.answered(request.method, self.path_format, response.status_code, seconds)
            level = logging.INFO if request.method in _WRITES else logging.DEBUG
            if _log.isEnabledFor(level):
                took_ms = round(seconds * 1000)
                _log.log(
                    level, "answered", extra=fields(status=response.status_code, took_ms=took_ms)
                )
            return response

        return handle


def named(request: Request, path: str) -> dict[str, str]:
    """What lines of the log name while it is answered: ids and names of its address, no query."""
    found = {"route": f"{request.method} {path}"}
    for name, value in request.path_params.items():
        subject = name.removesuffix("Id").removesuffix("_id")
        # Elsewhere a company is its slug.
        found["company_id" if subject == "company" else subject] = str(value)
    found.pop("lang", None)
    return found


def _written(endpoint: Callable[..., Any], status: int) -> Callable[..., Any]:
    """`endpoint`, whose model is written as JSON in the thread that made it.

    Left to FastAPI it would be validated a second time and in another thread: half the CPU of a list.
    """
    if inspect.iscoroutinefunction(endpoint):
        return endpoint

    @wraps(endpoint)
    def written(*args: Any, **kwargs: Any) -> Any:
        found = endpoint(*args, **kwargs)
        if not isinstance(found, BaseModel):
            return found
        return Response(
            found.__pydantic_serializer__.to_json(found, by_alias=True),
            status_code=status,
            media_type="application/json",
        )

    return written


async def _admitted(api: ApiContext, request: Request) -> Principal:
    """Who asks. Raises a 401 problem; 429 for an address that has had too many of them."""
    try:
        principal = await api.authenticator.authenticate(request.headers.get("authorization"))
        if await api.access.revoked(principal):
            raise token_revoked()
    except ApiProblem as refusal:
        raise _counted(api, request, refusal) from None
    return principal


def _counted(api: ApiContext, request: Request, refusal: Exception) -> Exception:
    """`refusal`, or 429 instead: nobody may guess, or have us check signatures, without end."""
    try:
        check_rate(api.anonymous.take(caller_address(request)))
    except ApiProblem as too_many:
        return too_many
    return refusal


def caller_address(request: Request) -> str:
    """What somebody without a token is counted by. Behind a proxy it is what the proxy says, if uvicorn
    trusts it (FORWARDED_ALLOW_IPS)."""
    return network_of(request.client.host if request.client else "")


def check_rate(rate: RequestRate) -> None:
    """Raises a 429 problem for a request too many."""
    if rate.exceeded:
        raise ApiProblem(
            429,
            f"more than {count(rate.limit, 'request')} a minute; try again in {rate.retry_after_s} s",
            headers={"Retry-After": str(rate.retry_after_s)},
        )


def _query_names(dependant: Dependant) -> tuple[frozenset[str], frozenset[str]]:
    """The query parameters' names, and those of them that may be given several times."""
    names: set[str] = set()
    repeatable: set[str] = set()
    waiting = [dependant]
    while waiting:
        one = waiting.pop()
        waiting += one.dependencies
        for parameter in one.query_params:
            annotation = parameter.field_info.annotation
            if isinstance(annotation, type) and issubclass(annotation, BaseModel):
                names |= {f.alias or name for name, f in annotation.model_fields.items()}
                continue
            names.add(parameter.alias)
            if any(get_origin(one) is list for one in (annotation, *get_args(annotation))):
                repeatable.add(parameter.alias)
    return frozenset(names), frozenset(repeatable)


def api_router(tag: str, prefix: str = PREFIX) -> APIRouter:
    """A router whose routes are `ApiRoute`s below `prefix`."""
    return APIRouter(prefix=prefix, tags=[tag], route_class=ApiRoute)


Dispatch = Callable[[Request, Exception], Awaitable[Response]]


async def as_problem(request: Request, error: Exception) -> Response:
    """The answer to what no route has handled: an unknown path, another method, a defect."""
    if isinstance(error, HTTPException) and error.status_code == 405:
        allowed = ", ".join(sorted(_methods(request)))
        error = ApiProblem(
            405, f"{request.method} isn't possible here; {allowed} is", headers={"Allow": allowed}
        )
    if isinstance(error, HTTPException) and error.status_code == 404:
        error = ApiProblem(404, "there is nothing at this address")
    return problem_response(request, error)


def _methods(request: Request) -> set[str]:
    """Every method that some route of this path has; the router itself tells of the first one only."""
    found: set[str] = set()
    for route in request.app.routes:
        regex = getattr(route, "path_regex", None)
        if regex is not None and regex.match(request.url.path):
            found |= set(getattr(route, "methods", None) or ())
    if "GET" in found:
        found.add("HEAD")
    return found
