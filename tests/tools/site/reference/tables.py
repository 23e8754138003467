"""Every table and column, from the schema the migrations are held against, with the comments beside them."""

import ast
import io
import tokenize
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Table

import impact_in_pipelines.db.schema as schema
from impact_in_pipelines.db.schema.base import MEANINGS
from impact_in_pipelines.db.schema.describing import ColumnFacts, columns_of
from tools.site.reference.text import cell, code, document, table

_SAID = (
    "The tables of our own database, PostgreSQL 15 or newer. Read them as you like; write through the command line, the "
    "API or Dagster, which keep to the rules. All instants are `timestamptz`, all ids `uuid` unless a column says otherwise."
)


def page() -> str:
    said = dict(_comments())
    sections = []
    for one in sorted(schema.metadata.tables.values(), key=lambda found: found.name):
        about, columns = said[one.name]
        rows = [
            [code(c.name), _form(one, c),
             cell(columns.get(c.name) or one.columns[c.name].doc or MEANINGS.get(c.name, ""))]
            for c in columns_of(one.name)
        ]  # fmt: skip
        head = ["column", "form", "meaning"]
        sections.append("\n\n".join([f"## {one.name}", cell(about), table(head, rows)]))
    return document("Tables", _SAID, *sections)


def _form(one: Table, facts: ColumnFacts) -> str:
    """The type, whether it may be null, whether it is of the primary key, and what it refers to."""
    column = one.columns[facts.name]
    told = [code(facts.type)]
    told += ["may be null"] if facts.nullable else []
    told += ["primary key"] if column.primary_key else []
    told += [
        f"of [{key.column.table.name}](#{key.column.table.name})" for key in column.foreign_keys
    ]
    return ", ".join(told)


def _comments() -> Iterator[tuple[str, tuple[str, dict[str, str]]]]:
    """By table: the comment at its head, and those before columns."""
    for path in sorted(Path(schema.__file__).parent.rglob("*.py")):
        source = path.read_text()
        above: dict[int, str] = {}
        beside: dict[int, str] = {}
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                alone = token.line.lstrip().startswith("#")
                (above if alone else beside)[token.start[0]] = token.string.lstrip("# ")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Table":
                yield _of(node, above, beside)


def _of(
    node: ast.Call, above: dict[int, str], beside: dict[int, str]
) -> tuple[str, tuple[str, dict[str, str]]]:
    name, _, *members = node.args
    columns = {}
    about = ""
    for member in members:
        said = _before(member.lineno, above)
        called = member if isinstance(member, ast.Call) else None
        first = called.args[0] if called and called.args else None
        if member is members[0]:
            # An empty line of comment parts what is said of the table from what is of its first column.
            about, _, said = said.partition("\n")
        said = " ".join(filter(None, [said, beside.get(member.end_lineno or 0)]))
        if said and isinstance(first, ast.Constant) and not _is_rule(called):
            columns[str(first.value)] = said
        elif said and getattr(called and called.func, "id", "") == "company_id":
            columns["company_id"] = said
    assert isinstance(name, ast.Constant)
    return str(name.value), (about, columns)


def _is_rule(called: ast.Call | None) -> bool:
    """Whether it is a constraint or an index, which begin with the name of a column too."""
    name = str(getattr(called and called.func, "id", ""))
    return name.endswith(("Constraint", "Index"))


def _before(line: int, comments: dict[int, str]) -> str:
    """The lines of comment that end right above `line`, as one; an empty one among them is a line break."""
    lines: list[str] = []
    while line - 1 in comments:
        line -= 1
        lines.insert(0, comments[line] or "\n")
    return " ".join(lines).replace(" \n ", "\n")
