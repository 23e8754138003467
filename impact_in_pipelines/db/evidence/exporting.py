"""Reading a company's evidence of a span of days, all of one moment. Statements: exporting.sql."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, text

from impact_in_pipelines.db.deliveries.changes import reading_changes
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.delivery.payload import canonical_bytes
from impact_in_pipelines.evidence.chain import genesis

_SQL = load("evidence/exporting")
_AT_ONCE = 500
"""Rows in memory at a time."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of a company's chain: the links from `first` to `last`, the hash that the first follows, and
    the last one's. Of a chain without a link `last` is 0, and both hashes are the same."""

    first: int
    before: str
    last: int
    head: str


@contextmanager
def reading_evidence(engine: Engine, company_id: UUID, first: date, last: date) -> Iterator["Span"]:
    """The evidence of the deliveries that report on a day from `first` to `last`, as of this moment."""
    with reading_changes(engine) as (connection, _):
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        yield Span(connection, company_id, first, last)


class Span:
    """What there is of a company and some days. Each method reads in pieces, in the order of due times."""

    def __init__(self, connection: Connection, company_id: UUID, first: date, last: date) -> None:
        self._connection = connection
        self._values: dict[str, Any] = {"company_id": company_id, "first": first, "last": last}
        self.stretch = self._stretch()
        self._values["link"] = self.stretch.first
        self.kept_from: datetime | None = connection.scalar(_SQL["kept_from"])

    def _stretch(self) -> Stretch:
        found = self._connection.execute(_SQL["chain_of"], self._values).one()
        first = found.first or 1
        before = genesis(self._values["company_id"])
        if first > 1:
            values = {**self._values, "link": first - 1}
            before = self._connection.execute(_SQL["hash_at"], values).scalar_one()
        return Stretch(first, before, found.links, found.hash)

    def size(self) -> int:
        """About how many rows all methods together give."""
        counted = self._connection.execute(_SQL["size"], self._values).one()
        links = self.stretch.last - self.stretch.first + 1
        return int(
            links + counted.deliveries + counted.payloads + counted.receipts + counted.attempts
        )

    def links(self) -> Iterator[tuple[str, str]]:
        """The links of the stretch, whosever they are: hash and record."""
        for row in self._rows("links"):
            yield row.hash, row.record

    def deliveries(self) -> Iterator[str]:
        """Each delivery as it is now, as JSON."""
        for row in self._rows("deliveries"):
            yield row.line

    def payloads(self) -> Iterator[str]:
        """The body of each delivery, as it is sent; of one that was skipped, as it would have been."""
        for row in self._rows("payloads"):
            body = canonical_bytes(row.payload).decode()
            yield f'{{"delivery":"{row.id}","payload":{body}}}'

    def receipts(self) -> Iterator[str]:
        """What the platform answered, as the log keeps it."""
        for row in self._rows("receipts"):
            yield json.dumps({"delivery": str(row.id), "receipt": row.receipt}, ensure_ascii=False)

    def attempts(self) -> Iterator[str]:
        """Every attempt of each delivery, as JSON."""
        for row in self._rows("attempts"):
            yield row.line

    def words_of(self, delivery_id: str, at: str) -> str | None:
        """What a platform said when it took a delivery back; None: the audit log has it no more."""
        values = {**self._values, "delivery_id": delivery_id, "at": at}
        words: str | None = self._connection.scalar(_SQL["taken_back"], values)
        return words

    def _rows(self, name: str) -> Iterator[Any]:
        result = self._connection.execute(
            _SQL[name],
            self._values,
            execution_options={"stream_results": True, "max_row_buffer": _AT_ONCE},
        )
        with result:
            yield from result
