"""Benevity: `POST /benevity/impact` with an API key or an OAuth token (design section 6)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from impact_in_pipelines.sandbox.accounts.config import Service
from impact_in_pipelines.sandbox.exchange import RefusalError
from impact_in_pipelines.sandbox.ledger import Record
from impact_in_pipelines.sandbox.platforms.contract import (
    Contract,
    IsoTimestamp,
    Name,
    Number,
    StartEnd,
    read_json,
)
from impact_in_pipelines.sandbox.platforms.delivery import (
    AUTH_INVALID,
    DeliveryExchange,
    Submission,
    bearer,
    content_digest,
    with_timestamps,
)

API_VERSION = b"1.0"
INVALID_METRIC = "INVALID_METRIC"


class Metric(Contract):
    """One figure."""

    metric_type: Literal[
        "volunteer_hours", "participant_count", "program_participation", "outcome_score"
    ]
    metric_value: Number
    metric_unit: Name
    category: Name = ""
    description: Annotated[str, Field(max_length=1000)] = ""


class ImpactReport(Contract):
    """The body of `POST /impact`."""

    organization_id: Name
    program_id: Name
    program_name: Name
    reporting_period: StartEnd
    metrics: Annotated[list[Metric], Field(min_length=1, max_length=200)]
    timestamp: IsoTimestamp


class BenevityImpact(DeliveryExchange):
    """`POST /impact`."""

    service = Service.BENEVITY
    bad_request_code = INVALID_METRIC

    def authenticate(self, headers: Mapping[bytes, bytes]) -> None:
        credential = bearer(headers)
        if credential is None:
            raise RefusalError(401, AUTH_INVALID, "Authorization: Bearer is missing")
        if credential in self.state.config.benevity_keys:
            return
        if not self.state.tokens[self.service].is_live(credential):
            raise RefusalError(401, AUTH_INVALID, "The API key or access token is not valid")

    def check_headers(self, headers: Mapping[bytes, bytes]) -> None:
        if self.require_header(headers, b"x-api-version") != API_VERSION:
            raise RefusalError(400, INVALID_METRIC, "X-API-Version must be 1.0")
        super().check_headers(headers)

    def read(self, raw: bytes) -> Submission:
        body = read_json(ImpactReport, raw, INVALID_METRIC)
        digest = content_digest(body)
        organizations = (body.organization_id,)
        period = body.reporting_period
        return Submission(
            records=(Record(body.organization_id, period.start_date, period.end_date, digest),),
            names=organizations,
            organizations=organizations,
            identity=with_timestamps(digest, body.timestamp),
            processed={},
            raw=raw,
        )

    def check_known(self, submission: Submission, headers: Mapping[bytes, bytes]) -> None:
        del headers
        if not self.state.config.knows(self.service, *submission.names):
            raise RefusalError(404, "ORG_NOT_FOUND", "organizationId is unknown")

    def success(self, submission: Submission, now: datetime) -> dict[str, Any]:
        del submission
        return {
            "success": True,
            "transactionId": self.state.new_id("bnv"),
            "message": "Impact data received",
            "processedAt": now.isoformat(),
        }
