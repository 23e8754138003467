"""Every table and column, from the schema the migrations are held against, with the comments beside them."""

import ast
import io
import tokenize
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Table

import impact_in_pipelines.db.schema as schema
from impact_in_pipelines.db.schema.describing import columns_of
from tools.site.reference.text import cell, code, document, table

_SAID = (
    "The tables of our own database, PostgreSQL 15 or newer. Read them as you like; write through the command line, the "
    "API or Dagster, which keep to the rules. All instants are `timestamptz`, all ids `uuid` unless a column says otherwise."
)


def page() -> str:
    said = dict(_comments())
    shown = _shown_in_dagster()
    sections = []
    for one in sorted(schema.metadata.tables.values(), key=lambda found: found.name):
        about, columns = said.get(one.name, ("", {}))
        rows = [
            [code(c.name), code(c.type), "yes" if c.nullable else "", _key(one, c.name),
             cell(columns.get(c.name) or shown.get((one.name, c.name), ""))]
            for c in columns_of(one.name)
        ]  # fmt: skip
        head = ["column", "type", "may be null", "key", "meaning"]
        parts = [f"## {one.name}", cell(about), table(head, rows)]
        sections.append("\n\n".join(part for part in parts if part))
    return document("Tables", _SAID, *sections)


def _key(one: Table, name: str) -> str:
    """Whether a column is of the primary key, and what it refers to."""
    column = one.columns[name]
    told = ["primary"] if column.primary_key else []
    told += [code(key.target_fullname) for key in column.foreign_keys]
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
            about, said = said, ""
        said = " ".join(filter(None, [said, beside.get(member.end_lineno or 0)]))
        if said and isinstance(first, ast.Constant) and not _is_rule(called):
            columns[str(first.value)] = said
    assert isinstance(name, ast.Constant)
    return str(name.value), (about, columns)


def _is_rule(called: ast.Call | None) -> bool:
    """Whether it is a constraint or an index, which begin with the name of a column too."""
    name = str(getattr(called and called.func, "id", ""))
    return name.endswith(("Constraint", "Index"))


def _shown_in_dagster() -> dict[tuple[str, str], str]:
    """What the asset catalog says of the columns of the tables that it shows."""
    from impact_in_pipelines.definitions import defs

    graph = defs.get_repository_def().asset_graph
    found = {}
    for key in graph.get_all_asset_keys():
        about = graph.get(key).metadata
        columns = getattr(about.get("dagster/column_schema"), "columns", ())
        table_name = str(about.get("dagster/table_name", key.to_user_string())).split(".")[-1]
        found.update({(table_name, one.name): one.description or "" for one in columns})
    return found


def _before(line: int, comments: dict[int, str]) -> str:
    """The lines of comment that end right above `line`."""
    lines: list[str] = []
    while line - 1 in comments:
        line -= 1
        lines.insert(0, comments[line])
    return " ".join(lines)
