"""The log as filtered, to take along: CSV or JSON, however long it is.

It is read and written a page at a time, each page by the index from where the last one ended. A cursor of the
server would keep one transaction open for as long as the reader's line is slow, and with it every dead row of
a log that is also the queue; between two pages nothing is held here but the position.
"""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

from impact_in_pipelines.db.deliveries.filtering import DeliveryFilter
from impact_in_pipelines.db.deliveries.reading import DeliveryReader, DeliveryRow
from impact_in_pipelines.delivery.showing.sanitising import sanitised
from impact_in_pipelines.plain_text import cell


class ExportForm(StrEnum):
    """What an export is written as."""

    CSV = "csv"
    JSON = "json"


_AT_ONCE = 1_000
_FIELDS = {
    "id": "id",
    "company_id": "companyId",
    "company": "company",
    "platform": "platform",
    "schedule_id": "scheduleId",
    "trigger": "trigger",
    "status": "status",
    "recovered": "recovered",
    "period_start": "periodStart",
    "period_end": "periodEnd",
    "scheduled_for": "scheduledFor",
    "created_at": "createdAt",
    "updated_at": "updatedAt",
    "attempt_count": "attemptCount",
    "next_attempt_at": "nextAttemptAt",
    "delivered_at": "deliveredAt",
    "failed_at": "failedAt",
    "latency_ms": "latencyMs",
    "error_kind": "errorKind",
    "last_error": "lastError",
    "http_status": "httpStatus",
    "transaction_id": "transactionId",
    "payload_bytes": "payloadBytes",
    "duplicate_of": "duplicateOf",
    "replay_of": "replayOf",
    "corrects": "corrects",
    "note": "note",
}
"""The fields of a row, and what the API calls them."""
_NAMES = tuple(_FIELDS)


def export(
    reader: DeliveryReader,
    company_ids: Sequence[UUID] | None,
    wanted: DeliveryFilter,
    form: ExportForm,
    *,
    limit: int | None = None,
) -> Iterator[str]:
    """The deliveries of these companies (None: all) that fit, the latest due first, in pieces of text;
    `limit` None: all of them. Personal data in errors is masked.

    The first page is read before this returns: a database that is away is still told as a problem.
    """
    pages = _pages(reader, company_ids, wanted, limit)
    first = next(pages)
    written = _as_csv if form is ExportForm.CSV else _as_json
    return written(first, pages)


def _pages(
    reader: DeliveryReader,
    company_ids: Sequence[UUID] | None,
    wanted: DeliveryFilter,
    limit: int | None,
) -> Iterator[list[DeliveryRow]]:
    """Pages until one isn't full; at least one."""
    position: dict[str, Any] = {}
    left = limit
    while True:
        count = _AT_ONCE if left is None else min(left, _AT_ONCE)
        rows = reader.listed(company_ids, wanted, limit=count, **position)
        yield rows
        if left is not None:
            left -= len(rows)
        if len(rows) < count or left == 0:
            return
        position = {"before_at": rows[-1].scheduled_for, "before_id": rows[-1].id}


def _as_csv(first: list[DeliveryRow], others: Iterator[list[DeliveryRow]]) -> Iterator[str]:
    yield _lines([(*_FIELDS.values(), "heldBy", "heldReason")])
    for rows in _both(first, others):
        yield _lines([_cells(row) for row in rows])


def _lines(rows: Sequence[Sequence[object]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerows(rows)
    return buffer.getvalue()


def _cells(row: DeliveryRow) -> list[object]:
    values = _values(row).values()
    held = (row.held.by, cell(str(sanitised(row.held.reason)))) if row.held else ("", "")
    return [*("" if value is None else _cell(value) for value in values), *held]


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return cell(value) if isinstance(value, str) else value


def _as_json(first: list[DeliveryRow], others: Iterator[list[DeliveryRow]]) -> Iterator[str]:
    yield "["
    separator = "\n"
    for rows in _both(first, others):
        texts = [json.dumps(_document(row), separators=(",", ":")) for row in rows]
        if texts:
            yield separator + ",\n".join(texts)
            separator = ",\n"
    yield "\n]\n"


def _both(
    first: list[DeliveryRow], others: Iterator[list[DeliveryRow]]
) -> Iterator[list[DeliveryRow]]:
    yield first
    yield from others


def _document(row: DeliveryRow) -> dict[str, Any]:
    held = row.held and {
        "by": row.held.by,
        "reason": sanitised(row.held.reason),
        "since": _plain(row.held.since),
        "nextProbeAt": _plain(row.held.next_probe_at),
    }
    return _values(row) | {"held": held}


def _values(row: DeliveryRow) -> dict[str, Any]:
    values = {_FIELDS[name]: _plain(getattr(row, name)) for name in _NAMES}
    if row.last_error:
        values["lastError"] = sanitised(row.last_error)
    return values


def _plain(value: Any) -> Any:
    """A value as JSON has it: instants and days in ISO 8601, ids as text."""
    if isinstance(value, date):  # instants too
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value
