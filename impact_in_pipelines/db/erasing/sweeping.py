"""Words taken out of every text and JSON column of rows that stay."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    LargeBinary,
    Table,
    bindparam,
    cast,
    delete,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy import Text as SqlText
from sqlalchemy.dialects.postgresql import CHAR, JSONB
from sqlalchemy.types import String

from impact_in_pipelines.db.erasing.holdings import HOLDINGS
from impact_in_pipelines.db.erasing.words import Words
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.db.schema import metadata

_AT_ONCE = 500
_SQL = load("erasing/erasing")


def table_sizes(connection: Connection) -> dict[str, int]:
    """About how many rows each table has, and at least 1: as PostgreSQL counted when it looked last."""
    rows = connection.execute(_SQL["table_sizes"], {"names": list(HOLDINGS)})
    return {row.name: int(row.rows) for row in rows}


def text_columns(table: Table) -> list[Column[Any]]:
    """The columns of `table` in which somebody's words may stand; digests and enumerations of ours hold
    none."""
    return [
        column
        for column in table.columns
        if isinstance(column.type, (JSONB, String))
        and not isinstance(column.type, CHAR)
        and column.name not in HOLDINGS[table.name].sealed
    ]


def sweep(
    connection: Connection, table: Table, condition: str, values: Mapping[str, Any], words: Words
) -> list[Any]:
    """Take `words` out of the rows of `table` (as `t`) that fit `condition`; returns the first column of the
    key of each row that had some."""
    one = table.alias("t")
    columns = text_columns(table)
    if not columns:
        return []
    keys = list(table.primary_key.columns) or list(table.columns)
    found = (
        select(
            *(one.c[key.name].label(f"key_{key.name}") for key in keys),
            *(one.c[c.name] for c in columns),
        )
        .where(text(condition))
        .where(
            or_(
                *(
                    func.strpos(cast(one.c[column.name], SqlText), needle) > 0
                    for column in columns
                    for needle in words.needles
                )
            )
        )
    )
    changed: list[Any] = []
    # A table may be larger than memory. PostgreSQL's cursors don't see what is changed after they were
    # opened, so that rows can be rewritten on the same connection while the rest is still to be fetched.
    streamed = connection.execute(
        found, dict(values), execution_options={"yield_per": _AT_ONCE}
    ).mappings()
    for part in streamed.partitions():
        for row in part:
            new = {c.name: words.out_of(row[c.name]) for c in columns}
            different = {name: value for name, value in new.items() if value != row[name]}
            if different:
                which = [key.is_not_distinct_from(row[f"key_{key.name}"]) for key in keys]
                connection.execute(update(table).where(*which).values(different))
                changed.append(row[f"key_{keys[0].name}"])
    return changed


def drop_answers(connection: Connection, words: Words) -> int:
    """Delete the kept answers in which one of `words` stands, in the key that the client chose too; how many.

    Whose an answer is can't be told, for its scope is a digest; so each one is read before it goes."""
    table = metadata.tables["idempotency_keys"]
    key, headers, body = table.c.key, table.c.headers, table.c.body
    found = select(table.c.scope, key, headers, body).where(
        or_(
            *(
                condition
                for needle in words.needles
                for condition in (
                    func.strpos(key, needle) > 0,
                    func.strpos(cast(headers, SqlText), needle) > 0,
                    _holds(body, needle),
                )
            )
        )
    )
    dropped = 0
    streamed = connection.execute(found, execution_options={"yield_per": _AT_ONCE})
    for part in streamed.partitions():
        for row in part:
            if any(words.stand_in(one) for one in (row.key, row.headers, _said(row.body))):
                which = (table.c.scope == row.scope, key == row.key)
                dropped += connection.execute(delete(table).where(*which)).rowcount
    return dropped


def _said(body: bytes | None) -> Any:
    """A kept body as JSON, or as the text that it is."""
    text_ = bytes(body or b"").decode(errors="replace")
    try:
        return json.loads(text_)
    except ValueError:
        return text_


def _holds(column: Column[Any], needle: str) -> Any:
    sought = bindparam(None, needle.encode(), type_=LargeBinary)
    return func.position(sought.op("IN")(column)) > 0
