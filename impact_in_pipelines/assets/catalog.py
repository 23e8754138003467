"""What the asset catalog says besides descriptions: who looks after an asset, its table and columns."""

from collections.abc import Mapping
from typing import Any

from dagster import TableColumn, TableColumnConstraints, TableSchema

from impact_in_pipelines.db.schema.describing import columns_of

# The people of docs/concepts.md, not anybody's names: they hold wherever this is installed.
DATA_ENGINEERS = ["team:data-engineering"]
OPERATIONS = ["team:operations"]
ANALYSTS = ["team:analytics"]

_MEANINGS = {
    "company_id": "the tenant",
    "day": "a whole day, local to the company",
    "occurred_at": "when the activity took place",
    "activity": "session, volunteering and so on",
    "participant_ref": "a pseudonym; counted, never sent",
    "volunteer_ref": "a pseudonym; counted, never sent",
    "hours": "hours of the volunteer, or else of the participant",
    "outcome_category": "integration, language, job_readiness or one of the company's own",
    "participants": "distinct participants",
    "volunteers": "distinct volunteers",
    "volunteer_hours": "hours of events that have a volunteer",
    "sessions": "events whose activity is session",
    "outcomes": "per category: average score and distinct participants scored",
    "quality": "what the checks judge",
    "trigger": "schedule, manual, backfill or replay",
    "status": "from pending to success, failed, skipped, missed or cancelled",
    "period_start": "first whole local day that is reported on",
    "period_end": "last whole local day that is reported on",
    "scheduled_for": "when it was due; latency and the SLA count from here",
    "payload": "what is sent, frozen before the first attempt",
    "payload_hash": "SHA-256 of the payload without its own timestamps",
    "idempotency_key": "goes with every attempt",
    "attempt_count": "attempts so far, replays included",
    "error_kind": "the entry of docs/runbook.md that mends it",
    "duplicate_of": "the delivery that had brought the same content",
    "transaction_id": "the platform's receipt",
    "delivered_at": "when the platform accepted it",
    "successful": "arrived",
    "failed": "failed for good",
    "missed": "never started: nothing ran when it was due",
    "overdue": "due and not started yet",
    "recovered": "failed, then repaired by a replay; still a failure for the SLA",
}


def table_metadata(table: str, **meanings: str) -> Mapping[str, Any]:
    """Metadata by which the UI shows `table` and its columns; `meanings` say what this table's columns are
    where they differ from others of their name."""
    known = _MEANINGS | meanings
    columns = [
        TableColumn(
            name=column.name,
            type=column.type,
            description=known.get(column.name),
            constraints=TableColumnConstraints(nullable=column.nullable),
        )
        for column in columns_of(table)
    ]
    return {"dagster/column_schema": TableSchema(columns), "dagster/table_name": table}
