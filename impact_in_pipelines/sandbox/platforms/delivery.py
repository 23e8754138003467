"""What happens to a delivery on every platform, in the order a platform's gateway does it.

Authentication, headers, body, rate limit, known organisation, then the key: a key seen before
gets its first answer again, or 422 if the body is another one (design section 6).
"""

import hashlib
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from impact_in_pipelines.sandbox.accounts.config import Platform
from impact_in_pipelines.sandbox.exchange import Answer, Call, Exchange, RefusalError, json_answer
from impact_in_pipelines.sandbox.faults import Fault, FaultKind
from impact_in_pipelines.sandbox.ledger import KeyEntry, Record

RATE_LIMIT = "RATE_LIMIT"
AUTH_INVALID = "AUTH_INVALID"


@dataclass(frozen=True, slots=True)
class Submission:
    """A body that keeps the contract.

    `names` are the organisation and project ids in it; `identity` is equal for two bodies exactly
    if they say the same, timestamps included. `processed` is what the answer counts. `raw` is the
    body as it came. `activities` are Workday's, by organisation and id.
    """

    records: tuple[Record, ...]
    names: tuple[str, ...]
    organizations: tuple[str, ...]
    identity: bytes
    processed: Mapping[str, int]
    raw: bytes
    activities: tuple[tuple[str, str], ...] = ()


class DeliveryExchange(Exchange[Submission]):
    """A delivery endpoint; a platform fills in its headers, body and answers."""

    service: Platform
    bad_request_code: str
    key_header: bytes = b"idempotency-key"

    @abstractmethod
    def authenticate(self, headers: Mapping[bytes, bytes]) -> None:
        """Raise `RefusalError` (401) unless the credentials are good."""

    @abstractmethod
    def read(self, raw: bytes) -> Submission:
        """Return the submission in the body; raises `RefusalError` if it breaks the contract."""

    @abstractmethod
    def check_known(self, submission: Submission, headers: Mapping[bytes, bytes]) -> None:
        """Raise `RefusalError` if an organisation, project or tenant was declared unknown."""

    @abstractmethod
    def success(self, submission: Submission, now: datetime) -> dict[str, Any]:
        """Return the answer to a submission that is accepted for the first time."""

    def check_headers(self, headers: Mapping[bytes, bytes]) -> None:
        """Raise `RefusalError` (400) unless the headers every attempt must carry are there."""
        if not headers.get(b"content-type", b"").startswith(b"application/json"):
            raise RefusalError(400, self.bad_request_code, "Content-Type must be application/json")
        for name in (b"idempotency-key", b"x-request-id"):
            self.require_header(headers, name)

    def require_header(self, headers: Mapping[bytes, bytes], name: bytes) -> bytes:
        """Return the header's value; raises `RefusalError` (400) if it is missing or empty."""
        value = headers.get(name, b"")
        if not value:
            raise RefusalError(400, self.bad_request_code, f"{header_name(name)} header is missing")
        return value

    def repeat(self, entry: KeyEntry) -> Answer:
        """Return the answer to a key that was accepted before with the same body."""
        self.state.counts[self.service].replayed += 1
        return Answer(200, entry.answer or b"")

    def extra_subjects(self, headers: Mapping[bytes, bytes]) -> tuple[str, ...]:
        """Return what a fault can be limited to beside the organisations in the body."""
        del headers
        return ()

    def parse(
        self, raw: bytes, headers: Mapping[bytes, bytes], path_params: Mapping[str, str]
    ) -> Call[Submission]:
        parsed: Submission | RefusalError
        try:
            parsed = self.read(raw)
            subjects = parsed.organizations
        except RefusalError as refused:
            parsed, subjects = refused, ()
        return Call(headers, path_params, subjects + self.extra_subjects(headers), parsed)

    def note_received(self, call: Call[Submission]) -> None:
        super().note_received(call)
        key = call.headers.get(self.key_header, b"").decode("latin-1")
        if key:
            request_id = call.headers.get(b"x-request-id", b"").decode("latin-1")
            self.state.ledgers[self.service].note_received(key, request_id)

    def process(self, call: Call[Submission]) -> Answer:
        try:
            return self._process(call)
        except RefusalError as refused:
            self.state.counts[self.service].reject(refused.status, refused.code)
            return self.refusal(refused)

    def _process(self, call: Call[Submission]) -> Answer:
        headers = call.headers
        self.authenticate(headers)
        self.check_headers(headers)
        submission = call.content()
        self._check_rate(submission)
        self.check_known(submission, headers)
        key = headers[self.key_header].decode("latin-1")
        ledger = self.state.ledgers[self.service]
        entry = ledger.find(key) if self.state.config.idempotency else None
        if entry is not None:
            if entry.identity == submission.identity:
                return self.repeat(entry)
            raise RefusalError(
                422,
                self.bad_request_code,
                f"{header_name(self.key_header)} was used before with another body",
            )
        answer = json_answer(200, self.success(submission, self.state.now()))
        ledger.accept(key, submission.identity, submission.records, answer.body, submission.raw)
        counts = self.state.counts[self.service]
        counts.accepted += len(submission.records)
        counts.accepted_requests += 1
        return answer

    def _check_rate(self, submission: Submission) -> None:
        config = self.state.config
        if not config.rate_limits_enabled:
            return
        wait_seconds = self.state.limiter.admit(
            self.service, submission.organizations, config.rate_limits[self.service]
        )
        if wait_seconds is not None:
            raise RefusalError(429, RATE_LIMIT, "Too many requests", str(wait_seconds))

    def refusal(self, refused: RefusalError) -> Answer:
        body = {"success": False, "error": refused.message, "errorCode": refused.code}
        return json_answer(refused.status, body, refused.headers)

    def injected(self, fault: Fault, call: Call[Submission]) -> RefusalError:
        if fault.kind is FaultKind.RATE_LIMITED:
            retry_after = fault.retry_after(self.state.now())
            return RefusalError(429, RATE_LIMIT, "Too many requests", retry_after)
        if fault.kind is FaultKind.UNAVAILABLE:
            retry_after = fault.retry_after(self.state.now())
            return RefusalError(503, "UNAVAILABLE", "The service is down for a while", retry_after)
        if fault.kind is FaultKind.IN_PROGRESS:
            retry_after = fault.retry_after(self.state.now())
            return RefusalError(409, "IN_PROGRESS", "The request is being processed", retry_after)
        if fault.kind is FaultKind.EXPIRED_TOKEN:
            token = bearer(call.headers)
            if token is not None:
                self.state.tokens[self.service].revoke(token)
            return RefusalError(401, AUTH_INVALID, "The access token has expired")
        if fault.kind is FaultKind.UNAUTHORIZED:
            return RefusalError(401, AUTH_INVALID, "The credentials are not valid")
        status = 200 if fault.kind is FaultKind.SUCCESS_FALSE else 400
        return RefusalError(status, self.bad_request_code, self.injected_reason(fault, call))

    def injected_reason(self, fault: Fault, call: Call[Submission]) -> str:
        """Return the error text of an injected bad request."""
        del fault, call
        return "The body is not acceptable"


def bearer(headers: Mapping[bytes, bytes]) -> str | None:
    """Return the bearer token of the Authorization header (RFC 6750), or None."""
    scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    return token if scheme.lower() == "bearer" and token else None


def header_name(name: bytes) -> str:
    """Return a header's usual spelling, such as `X-API-Version`."""
    words = name.decode().split("-")
    return "-".join({"id": "ID", "api": "API"}.get(word, word.capitalize()) for word in words)


def content_digest(body: BaseModel, timestamp_in: str | None = None) -> bytes:
    """Return the SHA-256 of a body without its timestamp, whatever the order of its keys.

    The timestamp is the body's own, or lies in the object named `timestamp_in`.
    """
    without = {timestamp_in: {"timestamp"}} if timestamp_in else {"timestamp"}
    text = body.model_dump_json(by_alias=True, exclude=without)
    return hashlib.sha256(text.encode()).digest()


def with_timestamps(*parts: bytes | str) -> bytes:
    """Return the identity of a submission from its content digests and timestamps."""
    return hashlib.sha256(
        b"\n".join(part.encode() if isinstance(part, str) else part for part in parts)
    ).digest()
