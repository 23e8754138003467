"""Tables as others may show them: names and types of columns."""

from dataclasses import dataclass

from sqlalchemy.dialects import postgresql

from impact_in_pipelines.db.schema import metadata


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """One column: its name, its PostgreSQL type in lower case, and whether it may be null."""

    name: str
    type: str
    nullable: bool


def columns_of(table: str) -> list[ColumnFacts]:
    """The columns of `table` in their order. Raises `KeyError` for a table that doesn't exist."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    return [
        ColumnFacts(column.name, _in_short(column.type.compile(dialect)), bool(column.nullable))
        for column in metadata.tables[table].columns
    ]


def _in_short(type_: str) -> str:
    return type_.lower().replace("timestamp with time zone", "timestamptz")
