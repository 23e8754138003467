"""Workday: `POST /workday/volunteer-management/v1/activities` with a token (design section 6)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from impact_in_pipelines.sandbox.accounts.config import Service
from impact_in_pipelines.sandbox.exchange import Answer, RefusalError
from impact_in_pipelines.sandbox.ledger import KeyEntry, Record
from impact_in_pipelines.sandbox.platforms.contract import (
    Contract,
    Count,
    IsoDate,
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

ACTIVITY_INVALID = "ACTIVITY_INVALID"
TENANT_INVALID = "TENANT_INVALID"
DUPLICATE_ACTIVITY = "DUPLICATE_ACTIVITY"


class Activity(Contract):
    """One volunteer activity: the hours of `participant_count` volunteers."""

    activity_id: Name
    activity_name: Name
    activity_type: Literal["volunteer", "training", "mentorship", "community_service"]
    volunteer_hours: Number
    participant_count: Count
    activity_date: IsoDate
    status: Name

    @model_validator(mode="after")
    def _hours_are_somebodys(self) -> Self:
        if self.volunteer_hours > 0 and self.participant_count == 0:
            raise ValueError("volunteerHours without participantCount")
        return self


class Enrollment(Contract):
    """One programme's enrolments."""

    program_id: Name
    program_name: Name
    enrollment_count: Count
    completion_count: Count = 0
    period_start: IsoDate
    period_end: IsoDate

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.period_start > self.period_end:
            raise ValueError("periodStart is after periodEnd")
        return self


class Metadata(Contract):
    """Where the report comes from."""

    source: Name
    version: Name
    timestamp: IsoTimestamp


class ActivityReport(Contract):
    """The body of `POST /activities`; a period without activity has empty lists."""

    organization_id: Name
    reporting_period: StartEnd
    volunteer_activities: Annotated[list[Activity], Field(max_length=1000)]
    program_enrollments: Annotated[list[Enrollment], Field(max_length=1000)]
    metadata: Metadata


class WorkdayActivities(DeliveryExchange):
    """`POST /volunteer-management/v1/activities`; its key is X-Transaction-ID."""

    service = Service.WORKDAY
    bad_request_code = ACTIVITY_INVALID
    key_header = b"x-transaction-id"

    def extra_subjects(self, headers: Mapping[bytes, bytes]) -> tuple[str, ...]:
        return (headers.get(b"x-workday-tenant", b"").decode("latin-1"),)

    def authenticate(self, headers: Mapping[bytes, bytes]) -> None:
        token = bearer(headers)
        if token is None:
            raise RefusalError(401, AUTH_INVALID, "Authorization: Bearer is missing")
        if not self.state.tokens[self.service].is_live(token):
            raise RefusalError(401, AUTH_INVALID, "The access token is unknown or has expired")

    def check_headers(self, headers: Mapping[bytes, bytes]) -> None:
        tenant = headers.get(b"x-workday-tenant", b"").decode("latin-1")
        if not tenant:
            raise RefusalError(400, TENANT_INVALID, "X-Workday-Tenant header is missing")
        if tenant not in self.state.config.workday_tenants:
            raise RefusalError(403, TENANT_INVALID, "X-Workday-Tenant is unknown")
        transaction_id = self.require_header(headers, b"x-transaction-id")
        super().check_headers(headers)
        if headers[b"idempotency-key"] != transaction_id:
            raise RefusalError(
                400, ACTIVITY_INVALID, "Idempotency-Key differs from X-Transaction-ID"
            )

    def read(self, raw: bytes) -> Submission:
        body = read_json(ActivityReport, raw, ACTIVITY_INVALID)
        digest = content_digest(body, timestamp_in="metadata")
        organizations = (body.organization_id,)
        period = body.reporting_period
        return Submission(
            records=(Record(body.organization_id, period.start_date, period.end_date, digest),),
            names=organizations,
            organizations=organizations,
            identity=with_timestamps(digest, body.metadata.timestamp),
            processed={
                "activitiesProcessed": len(body.volunteer_activities),
                "enrollmentsProcessed": len(body.program_enrollments),
            },
            raw=raw,
            activities=tuple(
                (body.organization_id, one.activity_id) for one in body.volunteer_activities
            ),
        )

    def check_known(self, submission: Submission, headers: Mapping[bytes, bytes]) -> None:
        tenant = headers[b"x-workday-tenant"].decode("latin-1")
        if not self.state.config.knows(self.service, tenant, *submission.names):
            raise RefusalError(403, TENANT_INVALID, "The tenant or its organizationId is unknown")
        known = self.state.workday_activities.intersection(submission.activities)
        if known and self.state.config.workday_duplicates == "activity":
            raise RefusalError(409, DUPLICATE_ACTIVITY, "An activity was accepted before")

    def repeat(self, entry: KeyEntry) -> Answer:
        if self.state.config.workday_duplicates == "conflict":
            raise RefusalError(409, DUPLICATE_ACTIVITY, "The transaction was accepted before")
        return super().repeat(entry)

    def success(self, submission: Submission, now: datetime) -> dict[str, Any]:
        del now
        self.state.workday_activities.update(submission.activities)
        return {
            "success": True,
            "transactionId": self.state.new_id("wd"),
            **submission.processed,
        }
