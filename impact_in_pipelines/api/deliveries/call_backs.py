"""Call-backs of the platforms: what they say later of a delivery that they have accepted."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from anyio.to_thread import run_sync
from fastapi import Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from impact_in_pipelines.api.access.rights import PUBLIC, Api
from impact_in_pipelines.api.context import ApiContext
from impact_in_pipelines.api.http.problems import ApiProblem, invalid
from impact_in_pipelines.api.http.requests import check_media_type, parse_json
from impact_in_pipelines.api.http.routing import api_router
from impact_in_pipelines.api.http.schemas import NO_NUL, Model, PlatformName
from impact_in_pipelines.connectors.plugin import platform_plugin
from impact_in_pipelines.db.deliveries.call_backs import SigningAccount
from impact_in_pipelines.errors.deliveries import CallBackTooLarge, TransactionUnknown
from impact_in_pipelines.platforms import LONGEST_TRANSACTION_ID, Platform
from impact_in_pipelines.wording import sentence

router = api_router("Webhooks")
"""Call-backs; they carry a signature instead of a token."""

_LONGEST_BODY = 256 * 1024
_UNSTAMPED_TOLERANCE = timedelta(hours=24)
"""Who signs no time of sending signs the event's own, which a repetition carries unchanged."""
_AGAIN_AFTER_S = 60
"""When a platform may send a call-back again whose transaction isn't in the log yet."""
_REFUSED = "the call-back isn't signed by an account of this platform"


class CallBack(BaseModel):
    """A platform's status call-back. What else it holds is ignored."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")

    transaction_id: Annotated[
        str, Field(min_length=1, max_length=LONGEST_TRANSACTION_ID, pattern=NO_NUL)
    ]
    status: Annotated[
        str,
        Field(
            min_length=1,
            max_length=50,
            pattern=NO_NUL,
            examples=["failed"],
            description="failed takes the delivery back; completed, success, succeeded, delivered and "
            "processed restore what was taken back; anything else is noted",
        ),
    ]
    message: Annotated[str | None, Field(max_length=10_000, pattern=NO_NUL)] = None
    timestamp: Annotated[
        AwareDatetime | None,
        Field(description="when it happened: an older message never overrules a newer one"),
    ] = None


class CallBackAnswer(Model):
    """The effect of the call-back."""

    result: Literal["taken_back", "restored", "noted", "duplicate"]
    deliveries: int = Field(description="how many deliveries were taken back or restored")


_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/CallBack"},
                "example": {
                    "transactionId": "txn-4711",
                    "status": "failed",
                    "message": "the programme is closed",
                    "timestamp": "2026-03-10T08:00:00Z",
                },
            }
        },
    },
    "parameters": [
        {"name": name, "in": "header", "required": False, "schema": {"type": "string"}}
        for name in dict.fromkeys(
            header
            for platform in Platform
            for header in platform_plugin(platform).call_backs.headers
        )
    ],
}


@router.post(
    "/webhooks/{platform}",
    operation_id="receiveCallBack",
    summary="A platform's status call-back",
    dependencies=[PUBLIC],
    openapi_extra=_BODY,
)
async def receive_call_back(api: Api, request: Request, platform: PlatformName) -> CallBackAnswer:
    check_media_type(request)
    body = await request.body()
    if len(body) > _LONGEST_BODY:
        raise ApiProblem(413, f"a call-back must be at most {_LONGEST_BODY} bytes")
    return await run_sync(_taken, api, Platform(platform), dict(request.headers), body)


def _taken(
    api: ApiContext, platform: Platform, headers: Mapping[str, str], body: bytes
) -> CallBackAnswer:
    call_back = _parsed(body)
    account = _signed_by(api, platform, call_back, headers, body)
    now, at = api.clock(), call_back.timestamp
    if not platform_plugin(platform).call_backs.stamped:
        message_id = hashlib.sha256(body).hexdigest()
        _check_age(at, now, _UNSTAMPED_TOLERANCE, "body", "timestamp")
    else:
        message_id = headers.get("webhook-id", "")
        tolerance = timedelta(seconds=api.runtime.settings.webhook_tolerance_seconds)
        sent_at = _unix(headers.get("webhook-timestamp", ""))
        _check_age(sent_at, now, tolerance, "header", "webhook-timestamp")
        at = at or sent_at
    if not 0 < len(message_id) <= 255:
        raise invalid("header", "webhook-id", "must be 1 to 255 characters")
    try:
        taken = api.call_backs.take(
            platform,
            account,
            transaction_id=call_back.transaction_id,
            message_id=message_id,
            status=call_back.status,
            message=call_back.message,
            at=at,
        )
    except TransactionUnknown as refusal:
        # A platform may call back before its answer has reached the log: it sends the call-back again.
        raise ApiProblem(
            409,
            sentence(refusal),
            headers={"Retry-After": str(_AGAIN_AFTER_S)},
            refusal=refusal.code,
        ) from None
    return CallBackAnswer(result=taken.result.value, deliveries=len(taken.deliveries))


def _signed_by(
    api: ApiContext,
    platform: Platform,
    call_back: CallBack,
    headers: Mapping[str, str],
    body: bytes,
) -> SigningAccount:
    """The account that has signed it. Raises a 401 problem, the same for no account and a bad signature."""
    signature = platform_plugin(platform).call_backs
    account = None
    if headers.get(signature.header):
        try:
            account = api.call_backs.signed_by(
                platform,
                call_back.transaction_id,
                lambda secret: signature.holds(secret, headers, body),
                size=len(body),
            )
        except CallBackTooLarge as refusal:
            raise ApiProblem(413, sentence(refusal), refusal=refusal.code) from None
    if account is None:
        raise ApiProblem(401, _REFUSED)
    return account


def _parsed(body: bytes) -> CallBack:
    try:
        return CallBack.model_validate(parse_json(body))
    except json.JSONDecodeError:
        raise invalid("body", "body", "is not valid JSON") from None
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "body"
        raise invalid("body", name, first["msg"]) from None


def _check_age(
    at: datetime | None, now: datetime, tolerance: timedelta, location: str, field: str
) -> None:
    if at is None or abs(now - at) > tolerance:
        raise invalid(
            location, field, f"must be within {tolerance.total_seconds():.0f} s of the present time"
        )


def _unix(text: str) -> datetime | None:
    if not text.isdecimal() or len(text) > 12:
        return None
    try:
        return datetime.fromtimestamp(int(text), UTC)
    except (OverflowError, ValueError, OSError):
        return None


SCHEMAS: dict[str, Any] = {
    "CallBack": CallBack.model_json_schema(ref_template="#/components/schemas/{model}")
}
"""What the document refers to besides what FastAPI finds."""
