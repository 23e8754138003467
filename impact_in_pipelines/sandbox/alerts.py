"""The alert sinks: a Slack incoming webhook and PagerDuty's Events API v2, strict as they are."""

from collections.abc import Mapping
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from impact_in_pipelines.sandbox.accounts.config import Service
from impact_in_pipelines.sandbox.exchange import Answer, Call, Exchange, RefusalError, json_answer
from impact_in_pipelines.sandbox.faults import Fault, FaultKind
from impact_in_pipelines.sandbox.platforms.contract import IsoTimestamp, first_error

PLAIN_TEXT = b"text/plain"
Model = TypeVar("Model", bound=BaseModel)


class Payload(BaseModel):
    """A JSON object in snake_case that refuses fields it doesn't know."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class SlackText(Payload):
    """A text object; Slack allows 3,000 characters."""

    type: Literal["mrkdwn", "plain_text"]
    text: Annotated[str, Field(min_length=1, max_length=3000)]
    emoji: bool = True
    verbatim: bool = False


class SlackBlock(BaseModel):
    """A layout block; the parts of header, section and context are checked, the rest is passed."""

    model_config = ConfigDict(strict=True, extra="allow")

    type: Literal["header", "section", "context", "divider", "actions", "image", "rich_text"]
    block_id: Annotated[str, Field(max_length=255)] = ""
    text: SlackText | None = None
    fields: Annotated[list[SlackText], Field(min_length=1, max_length=10)] | None = None
    elements: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=25)] | None = None

    @model_validator(mode="after")
    def _has_its_parts(self) -> Self:
        if self.type == "section" and self.text is None and self.fields is None:
            raise ValueError("a section needs text or fields")
        if self.type == "header" and (
            self.text is None or self.text.type != "plain_text" or len(self.text.text) > 150
        ):
            raise ValueError("a header needs a plain_text of at most 150 characters")
        if self.type in ("context", "actions") and self.elements is None:
            raise ValueError(f"{self.type} needs elements")
        return self


class SlackMessage(Payload):
    """The body of an incoming webhook: `text`, `blocks` or both."""

    text: Annotated[str, Field(max_length=40_000)] = ""
    blocks: Annotated[list[SlackBlock], Field(max_length=50)] = []
    attachments: list[dict[str, Any]] = []
    mrkdwn: bool = True
    unfurl_links: bool = False
    unfurl_media: bool = False
    thread_ts: str = ""
    username: str = ""
    icon_emoji: str = ""
    icon_url: str = ""
    channel: str = ""
    response_type: str = ""


class PagerDutyPayload(Payload):
    """What a trigger says (PagerDuty Common Event Format)."""

    summary: Annotated[str, Field(min_length=1, max_length=1024)]
    source: Annotated[str, Field(min_length=1)]
    severity: Literal["critical", "error", "warning", "info"]
    timestamp: IsoTimestamp | None = None
    component: str | None = None
    group: str | None = None
    class_: Annotated[str | None, Field(alias="class")] = None
    custom_details: dict[str, Any] | None = None


class PagerDutyEvent(Payload):
    """The body of `POST /v2/enqueue`."""

    routing_key: Annotated[str, Field(min_length=1, max_length=255)]
    event_action: Literal["trigger", "acknowledge", "resolve"]
    dedup_key: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    payload: PagerDutyPayload | None = None
    client: str | None = None
    client_url: str | None = None
    links: list[dict[str, Any]] | None = None
    images: list[dict[str, Any]] | None = None

    @model_validator(mode="after")
    def _action_has_its_parts(self) -> Self:
        if self.event_action == "trigger" and self.payload is None:
            raise ValueError("a trigger needs payload")
        if self.event_action != "trigger" and self.dedup_key is None:
            raise ValueError(f"{self.event_action} needs dedup_key")
        return self


class Sink(Exchange[Model], Generic[Model]):
    """A sink that keeps what it accepts, in order."""

    model: type[Model]
    invalid_code: str

    def subjects(
        self, parsed: Model | RefusalError, path_params: Mapping[str, str]
    ) -> tuple[str, ...]:
        """Return what a fault can be limited to."""
        raise NotImplementedError

    def parse(
        self, raw: bytes, headers: Mapping[bytes, bytes], path_params: Mapping[str, str]
    ) -> Call[Model]:
        parsed: Model | RefusalError
        try:
            if not headers.get(b"content-type", b"").startswith(b"application/json"):
                raise RefusalError(400, self.invalid_code, "Content-Type must be application/json")
            parsed = self.model.model_validate_json(raw)
        except ValidationError as error:
            parsed = RefusalError(400, self.invalid_code, first_error(error))
        except RefusalError as refused:
            parsed = refused
        return Call(headers, path_params, self.subjects(parsed, path_params), parsed)

    def process(self, call: Call[Model]) -> Answer:
        counts = self.state.counts[self.service]
        try:
            answer = self.take(call.content(), call.path_params)
        except RefusalError as refused:
            counts.reject(refused.status, refused.code)
            return self.refusal(refused)
        counts.accepted += 1
        counts.accepted_requests += 1
        return answer

    def take(self, message: Model, path_params: Mapping[str, str]) -> Answer:
        """Keep the message and return the sink's answer; raises `RefusalError`."""
        raise NotImplementedError

    def keep(self, entry: dict[str, Any]) -> None:
        """Add an accepted message to those a test can read."""
        received_at = self.state.now().isoformat()
        self.state.messages[self.service].append({"receivedAt": received_at, **entry})


class SlackWebhook(Sink[SlackMessage]):
    """`POST /slack/{name}`; answers in plain text, as Slack does."""

    service = Service.SLACK
    model = SlackMessage
    invalid_code = "invalid_payload"

    def subjects(
        self, parsed: SlackMessage | RefusalError, path_params: Mapping[str, str]
    ) -> tuple[str, ...]:
        del parsed
        return (path_params["name"],)

    def take(self, message: SlackMessage, path_params: Mapping[str, str]) -> Answer:
        if not (message.text or message.blocks or message.attachments):
            raise RefusalError(400, "no_text", "text or blocks is missing")
        body = message.model_dump(mode="json", exclude_unset=True)
        self.keep({"name": path_params["name"], "message": body})
        return Answer(200, b"ok", PLAIN_TEXT)

    def refusal(self, refused: RefusalError) -> Answer:
        return Answer(refused.status, refused.code.encode(), PLAIN_TEXT, refused.headers)

    def injected(self, fault: Fault, call: Call[SlackMessage]) -> RefusalError:
        del call
        if fault.kind is FaultKind.RATE_LIMITED:
            retry_after = fault.retry_after(self.state.now())
            return RefusalError(429, "rate_limited", "Too many requests", retry_after)
        if fault.kind in (FaultKind.UNAUTHORIZED, FaultKind.EXPIRED_TOKEN):
            return RefusalError(403, "invalid_token", "The webhook's token is not valid")
        status = 200 if fault.kind is FaultKind.SUCCESS_FALSE else 400
        return RefusalError(status, "invalid_payload", "The payload is not acceptable")


class PagerDutyEvents(Sink[PagerDutyEvent]):
    """`POST /pagerduty/v2/enqueue`."""

    service = Service.PAGERDUTY
    model = PagerDutyEvent
    invalid_code = "invalid event"

    def subjects(
        self, parsed: PagerDutyEvent | RefusalError, path_params: Mapping[str, str]
    ) -> tuple[str, ...]:
        del path_params
        return () if isinstance(parsed, RefusalError) else (parsed.routing_key,)

    def take(self, message: PagerDutyEvent, path_params: Mapping[str, str]) -> Answer:
        del path_params
        dedup_key = message.dedup_key or self.state.new_id("pd")
        event = message.model_dump(mode="json", by_alias=True, exclude_unset=True)
        self.keep({"dedupKey": dedup_key, "message": event})
        return json_answer(
            202, {"status": "success", "message": "Event processed", "dedup_key": dedup_key}
        )

    def refusal(self, refused: RefusalError) -> Answer:
        body: dict[str, Any] = {"status": refused.code, "message": refused.message}
        if refused.status == 400:
            body = {
                "status": refused.code,
                "message": "Event object is invalid",
                "errors": [refused.message],
            }
        return json_answer(refused.status, body, refused.headers)

    def injected(self, fault: Fault, call: Call[PagerDutyEvent]) -> RefusalError:
        del call
        if fault.kind is FaultKind.RATE_LIMITED:
            retry_after = fault.retry_after(self.state.now())
            return RefusalError(429, "throttle exceeded", "Requests are throttled", retry_after)
        if fault.kind in (FaultKind.UNAUTHORIZED, FaultKind.EXPIRED_TOKEN):
            return RefusalError(401, "unauthorized", "routing_key is not valid")
        status = 200 if fault.kind is FaultKind.SUCCESS_FALSE else 400
        return RefusalError(status, "invalid event", "routing_key is not valid")
