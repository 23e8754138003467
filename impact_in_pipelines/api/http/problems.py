"""Every error as problem details (RFC 9457), each with one line that a person can act on."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from impact_in_pipelines.errors import (
    REFUSALS,
    Conflict,
    DatabaseUnavailable,
    Gone,
    ImpactInError,
    NotFound,
    UsageError,
)
from impact_in_pipelines.errors.retention import ArchivesBusy
from impact_in_pipelines.wording import sentence

MEDIA_TYPE = "application/problem+json"
MOST_ERRORS = 20
"""A body of ten megabytes can be wrong in a million places; so many are told."""

_TYPE = "urn:impact-in:problem:"
_SLUGS = {
    400: "bad-request",
    401: "unauthorized",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    406: "not-acceptable",
    409: "conflict",
    410: "gone",
    413: "body-too-large",
    415: "unsupported-media-type",
    422: "invalid-request",
    429: "rate-limited",
    500: "internal-error",
    503: "unavailable",
}


class FieldError(BaseModel):
    """One part of the request that is wrong."""

    location: str = Field(description="body, query, path or header", examples=["body"])
    field: str = Field(description="the field's name as it was sent", examples=["ids[0]"])
    message: str = Field(description="what it must be", examples=["must be a UUID"])


class Problem(BaseModel):
    """Problem details (RFC 9457)."""

    type: str = Field(examples=["urn:impact-in:problem:not-found"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["no such delivery"])
    instance: str = Field(
        examples=["/v1/impact-in/deliveries/00000000-0000-4000-8000-000000000000"]
    )
    errors: list[FieldError] | None = Field(
        None, description="the fields that are wrong, at most 20 of them"
    )


class ApiProblem(HTTPException):
    """An answer that is an error. `errors` name the fields that don't hold; `refusal` is the code of what was
    refused, and makes the problem's type."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        refusal: str | None = None,
    ) -> None:
        super().__init__(status, detail, dict(headers) if headers else None)
        self.errors = list(errors)
        self.refusal = refusal


def not_found(what: str) -> ApiProblem:
    """404, also for what belongs to another company: its existence is nobody else's business."""
    return ApiProblem(404, f"no such {what}")


def invalid(location: str, field: str, message: str) -> ApiProblem:
    """422 that names one field."""
    return ApiProblem(
        422,
        f"{field} {message}",
        errors=[FieldError(location=location, field=field, message=message)],
    )


@contextmanager
def naming(field: str, location: str = "body") -> Iterator[None]:
    """Whatever a rule refuses inside (`UsageError`) is a 422 problem that names `field`."""
    try:
        yield
    except UsageError as error:
        said = sentence(error)
        told = FieldError(location=location, field=field, message=said)
        raise ApiProblem(422, said, errors=[told], refusal=_code(error)) from None


def problem_of(error: Exception) -> ApiProblem:
    """What `error` is to whoever asked; nothing of an unforeseen one is told."""
    match error:
        case ApiProblem():
            return error
        case RequestValidationError():
            return _validation(error.errors())
        case ClientDisconnect():  # nobody reads this, and it is no defect of ours
            return ApiProblem(400, "the request ended before its body did")
        case HTTPException():
            return ApiProblem(error.status_code, str(error.detail), headers=error.headers)
        case NotFound():
            return ApiProblem(404, sentence(error))
        case Gone():
            return ApiProblem(410, sentence(error), refusal=_code(error))
        case Conflict():
            return ApiProblem(409, sentence(error), refusal=_code(error))
        case UsageError():
            return ApiProblem(422, sentence(error), refusal=_code(error))
        case DatabaseUnavailable():
            return ApiProblem(
                503, "the database doesn't answer; try again", headers={"Retry-After": "5"}
            )
        case ArchivesBusy():
            return ApiProblem(
                503, sentence(error), headers={"Retry-After": "30"}, refusal=_code(error)
            )
        case ImpactInError():
            return ApiProblem(500, sentence(error), refusal=_code(error))
        case _:
            return ApiProblem(500, "something went wrong here; it has been logged")


def problem_response(request: Request, error: Exception) -> Response:
    """`error` as `application/problem+json`."""
    problem = problem_of(error)
    body = Problem(
        type=_TYPE + (_slug(problem.refusal) or _SLUGS.get(problem.status_code, "error")),
        title=HTTPStatus(problem.status_code).phrase,
        status=problem.status_code,
        detail=problem.detail,
        instance=request.url.path,
        errors=problem.errors or None,
    )
    return Response(
        body.model_dump_json(exclude_none=True),
        status_code=problem.status_code,
        media_type=MEDIA_TYPE,
        headers=dict(problem.headers or {}),
    )


def _code(error: ImpactInError) -> str | None:
    """The code of a refusal; None for an error that this door has worded itself."""
    return error.code if error.code in REFUSALS else None


def _slug(code: str | None) -> str | None:
    return code.replace(".", "-").replace("_", "-") if code else None


def _validation(found: Sequence[Mapping[str, Any]]) -> ApiProblem:
    errors = [_field_error(item) for item in found[:MOST_ERRORS]]
    first = errors[0]
    others = len(found) - 1
    more = f" (and {others} more)" if others else ""
    return ApiProblem(422, f"{first.field}: {first.message}{more}", errors=errors)


def _field_error(item: Mapping[str, Any]) -> FieldError:
    """A pydantic error without the input, which may be a secret."""
    location, *path = item["loc"] or ("body",)
    field = ""
    for part in path:
        if isinstance(part, int) and item["type"] != "json_invalid":
            field += f"[{part}]"
        elif isinstance(part, str):
            field += f".{part}" if field else part
    message = {
        "extra_forbidden": "is not a known field",
        "missing": "is required",
        "json_invalid": "is not valid JSON",
    }.get(item["type"], str(item["msg"]).removeprefix("Value error, "))
    return FieldError(location=str(location), field=field or str(location), message=message)
