"""Goodera: `POST /goodera/impact-data` and `/goodera/impact-data/batch` (design section 6)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, model_validator

from impact_in_pipelines.sandbox.accounts.config import Service
from impact_in_pipelines.sandbox.exchange import Call, RefusalError
from impact_in_pipelines.sandbox.faults import Fault
from impact_in_pipelines.sandbox.ledger import Record
from impact_in_pipelines.sandbox.platforms.contract import (
    Contract,
    Count,
    IsoDate,
    IsoTimestamp,
    Name,
    Number,
    first_error,
    read_json,
)
from impact_in_pipelines.sandbox.platforms.delivery import (
    AUTH_INVALID,
    DeliveryExchange,
    Submission,
    content_digest,
    with_timestamps,
)

MAX_BATCH_RECORDS = 100
DIMENSION_INVALID = "DIMENSION_INVALID"
# The standard dimensions: unit, and the largest value it allows.
STANDARD_DIMENSIONS: dict[str, tuple[str, float]] = {
    "volunteer_engagement": ("volunteers", float("inf")),
    "volunteer_hours": ("hours", float("inf")),
    "program_reach": ("participants", float("inf")),
    "session_count": ("sessions", float("inf")),
    "integration_outcome": ("percentage", 100.0),
    "employability": ("percentage", 100.0),
    "language_proficiency": ("level_0_10", 10.0),
}


class Dimension(Contract):
    """One figure; a standard dimension has its unit and range, a custom one any."""

    dimension_id: Name
    dimension_name: Name
    value: Number
    unit: Name
    beneficiaries: Count = 0

    @model_validator(mode="after")
    def _standard_unit(self) -> Self:
        standard = STANDARD_DIMENSIONS.get(self.dimension_id)
        if standard is None:
            return self
        unit, most = standard
        if self.unit != unit:
            raise ValueError(f"the unit of {self.dimension_id} is {unit}")
        if self.value > most:
            raise ValueError(f"{self.dimension_id} can't be over {most:g}")
        return self


class Period(Contract):
    """A reporting period, both days inclusive."""

    from_: Annotated[IsoDate, Field(alias="from")]
    to: IsoDate

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.from_ > self.to:
            raise ValueError("from is after to")
        return self


class Metadata(Contract):
    """Where the record comes from."""

    source: Name
    timestamp: IsoTimestamp
    version: Name


class ImpactRecord(Contract):
    """The body of `POST /impact-data`, and one record of a batch."""

    project_id: Name
    organization_id: Name
    reporting_period: Period
    impact_dimensions: Annotated[list[Dimension], Field(min_length=1, max_length=200)]
    metadata: Metadata


class Batch(Contract):
    """The body of `POST /impact-data/batch`."""

    records: Annotated[list[ImpactRecord], Field(min_length=1, max_length=MAX_BATCH_RECORDS)]


def read_batch(raw: bytes) -> Batch:
    """Return the batch; raises `RefusalError`, with BATCH_SIZE_EXCEEDED if it is too long."""
    try:
        return Batch.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        if first["loc"] == ("records",) and first["type"] == "too_long":
            message = f"A batch has at most {MAX_BATCH_RECORDS} records"
            raise RefusalError(400, "BATCH_SIZE_EXCEEDED", message) from None
        raise RefusalError(400, DIMENSION_INVALID, first_error(error)) from None


def submission_of(records: list[ImpactRecord], raw: bytes) -> Submission:
    """Return what these records, one or a batch, say."""
    found = []
    parts: list[bytes | str] = []
    for record in records:
        digest = content_digest(record, timestamp_in="metadata")
        period = record.reporting_period
        found.append(Record(record.organization_id, period.from_, period.to, digest))
        parts += (digest, record.metadata.timestamp)
    return Submission(
        records=tuple(found),
        names=tuple(
            name for record in records for name in (record.organization_id, record.project_id)
        ),
        organizations=tuple(dict.fromkeys(record.organization_id for record in records)),
        identity=with_timestamps(*parts),
        processed={"recordsProcessed": len(records)},
        raw=raw,
    )


class GooderaRecord(DeliveryExchange):
    """`POST /impact-data`."""

    service = Service.GOODERA
    bad_request_code = DIMENSION_INVALID
    id_field = "transactionId"

    def authenticate(self, headers: Mapping[bytes, bytes]) -> None:
        key = headers.get(b"x-api-key", b"").decode("latin-1")
        if key not in self.state.config.goodera_keys:
            reason = "X-API-Key is not valid" if key else "X-API-Key header is missing"
            raise RefusalError(401, AUTH_INVALID, reason)

    def read(self, raw: bytes) -> Submission:
        return submission_of([read_json(ImpactRecord, raw, DIMENSION_INVALID)], raw)

    def where(self, index: int) -> str:
        """Return the words that name a record in an error text."""
        del index
        return ""

    def check_known(self, submission: Submission, headers: Mapping[bytes, bytes]) -> None:
        del headers
        for position, name in enumerate(submission.names):
            if not self.state.config.knows(self.service, name):
                index, is_project = divmod(position, 2)
                field = "projectId" if is_project else "organizationId"
                raise RefusalError(
                    404, "PROJECT_NOT_FOUND", f"{self.where(index)}{field} is unknown"
                )

    def success(self, submission: Submission, now: datetime) -> dict[str, Any]:
        del now
        return {
            "success": True,
            self.id_field: self.state.new_id("gdr"),
            **submission.processed,
            "message": "Impact data processed",
        }


class GooderaBatch(GooderaRecord):
    """`POST /impact-data/batch`: taken or refused whole, naming the record that is to blame."""

    id_field = "batchId"

    def read(self, raw: bytes) -> Submission:
        return submission_of(read_batch(raw).records, raw)

    def where(self, index: int) -> str:
        return f"records[{index}]."

    def injected_reason(self, fault: Fault, call: Call[Submission]) -> str:
        index = 0
        if not isinstance(call.parsed, RefusalError) and fault.spec.organization is not None:
            names = [record.organization_id for record in call.parsed.records]
            index = names.index(fault.spec.organization)
        return f"{self.where(index)}impactDimensions: The dimension is not acceptable"
