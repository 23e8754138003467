"""Words taken out of every text and JSON column of rows that stay."""

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
) -> int:
    """Take `words` out of the rows of `table` (as `t`) that fit `condition`; how many had some."""
    one = table.alias("t")
    columns = text_columns(table)
    if not columns:
        return 0
    keys = list(table.primary_key.columns) or list(table.columns)
    found = (
        select(
            *(one.c[key.name].label(f"key_{key.name}") for key in keys),
            *(one.c[c.name] for c in columns),
        )
        .where(text(condition).bindparams(**values) if values else text(condition))
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
    changed = 0
    for row in connection.execute(found).mappings().all():
        new = {c.name: words.out_of(row[c.name]) for c in columns}
        different = {name: value for name, value in new.items() if value != row[name]}
        if different:
            which = [key.is_not_distinct_from(row[f"key_{key.name}"]) for key in keys]
            connection.execute(update(table).where(*which).values(different))
            changed += 1
    return changed


def drop_binary(connection: Connection, table: Table, words: Words) -> int:
    """Delete the rows of `table` in whose binary columns one of `words` stands; how many."""
    binary = [column for column in table.columns if isinstance(column.type, LargeBinary)]
    which = or_(*(_holds(column, needle) for column in binary for needle in words.needles))
    return connection.execute(delete(table).where(which)).rowcount


def _holds(column: Column[Any], needle: str) -> Any:
    sought = bindparam(None, needle.encode(), type_=LargeBinary)
    return func.position(sought.op("IN")(column)) > 0
