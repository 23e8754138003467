"""A row in every table that there is, full of what is to be erased.

Rows are made from the schema, so that a new table is filled too; where a column takes certain values only,
`CERTAIN` says one.
"""

import json
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Column, Connection, Table, insert, update
from sqlalchemy.dialects.postgresql import ARRAY, CHAR, JSONB, TIMESTAMP
from sqlalchemy.types import (
    Boolean,
    Date,
    Float,
    Integer,
    LargeBinary,
    Numeric,
    String,
    Text,
    Time,
    Uuid,
)

from impact_in_pipelines.db.erasing.holdings import HOLDINGS
from impact_in_pipelines.db.schema import metadata
from impact_in_pipelines.db.schema.evidence.tables import evidence_heads

AT = datetime(2026, 3, 9, 12, tzinfo=UTC)

CERTAIN: dict[str, Any] = {
    "platform": "benevity",
    "severity": "critical",
    "kind": "person",
    "period": "weekly",
    "timezone": "UTC",
    "country": "NO",
    "catch_up": "coalesce",
    "schedule": "daily",
    "trigger": "schedule",
    "status": "success",
    "idempotency_keys.status": 200,
    "outcome": "delivered",
    "notifications.channel": "log",
    "notice_channels.medium": "email",
    "notice_channels.digest": "daily",
    "correction_policies.policy": "ask",
    "event_uploads.state": "imported",
    "event_upload_parts.kind": "rejects",
    "platform_health.state": "healthy",
    "sla_outcomes.records": b"packed numbers",
    "evidence_links.hash": b"a digest",
    "change_seq": 0,
    "seq": None,
}
"""By column, or by table and column; None: the database's own."""


class Filling:
    """Rows about one company and one person."""

    def __init__(self, id_: UUID, slug: str, name: str, reference: str) -> None:
        self.id, self.slug, self.name, self.reference = id_, slug, name, reference
        self._made: dict[str, dict[str, Any]] = {"companies": {"id": id_}}

    @property
    def saying(self) -> str:
        """A text with everything in it."""
        return f"{self.reference} of {self.name} ({self.slug}, {self.id})"

    def fill(self, connection: Connection, *, own: bool) -> None:
        """Insert one row into every table; `own`: with the company's id where there is a column for it, else
        as a row of nobody's that names it."""
        # What knows its delivery without a foreign key (ADR 0009) comes last.
        for table in sorted(metadata.sorted_tables, key=_knows_its_delivery):
            holding = HOLDINGS[table.name]
            # A head is made with its company.
            if table.name in ("companies", "evidence_heads") or holding.why:
                continue
            if not own and (table.c.get("company_id") is None or not table.c.company_id.nullable):
                continue
            row = self._row(table, own=own)
            connection.execute(insert(table).values(row))
            self._made[table.name] = row
        # The chain goes on after its link.
        connection.execute(update(evidence_heads).values(links=1))

    def _row(self, table: Table, *, own: bool) -> dict[str, Any]:
        row: dict[str, Any] = {}
        for column in table.columns:
            if column.identity is not None or column.computed is not None:
                continue
            if column.name == "company_id":
                row[column.name] = self.id if own else None
                continue
            if column.name in HOLDINGS[table.name].hidden:
                row[column.name] = b"encrypted"
                continue
            certain = CERTAIN.get(f"{table.name}.{column.name}", CERTAIN.get(column.name, ...))
            if certain is ... and column.name in HOLDINGS[table.name].sealed:
                certain = "{}"
            if certain is ...:
                certain = self._value(column)
            if certain is not None:
                row[column.name] = certain
        return row

    def _value(self, column: Column[Any]) -> Any:
        for key in column.foreign_keys:
            made = self._made.get(key.column.table.name)
            return made[key.column.name] if made else None
        if column.name == "delivery_id":
            return self._made["impact_deliveries"]["id"]
        if column.name == "due_at":
            return self._made["impact_deliveries"]["scheduled_for"]
        if column.name == "participant_ref":
            return self.reference
        return self._of_type(column)

    def _of_type(self, column: Column[Any]) -> Any:
        match column.type:
            case CHAR(length=2):
                return "NO"
            case CHAR():
                return uuid4().hex * 2
            case JSONB():
                return {self.slug: [self.saying], "who": self.reference, "id": str(self.id)}
            case ARRAY(item_type=Uuid()):
                return [self.id]
            case ARRAY(item_type=Integer()):
                return [1]
            case ARRAY():
                return ["one"]
            case LargeBinary():
                return json.dumps({"text": self.saying}, ensure_ascii=False).encode()
            case Text() | String():
                return (
                    self.saying if column.type.length is None else self.saying[: column.type.length]
                )
            case Uuid():
                return uuid4()
            case TIMESTAMP():
                return AT
            case Date():
                return date(2026, 3, 9)
            case Time():
                return time(8)
            case Boolean():
                return False
            case Integer():
                return 1
            case Numeric() | Float():
                return 1
        raise AssertionError(f"what is in {column}?")


def _knows_its_delivery(table: Table) -> bool:
    return "delivery_id" in table.c
