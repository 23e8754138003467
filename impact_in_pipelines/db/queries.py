"""Named statements: `db/WING/SUBJECT.sql` holds blocks that begin with `-- name: NAME`."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from sqlalchemy import TextClause, text

_HEADER = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


@cache
def load(subject: str) -> Mapping[str, TextClause]:
    """The statements of `db/{subject}.sql` (such as `deliveries/queue`) by name.

    Comments are left out: a colon in one would be taken for a bound parameter.

    Raises `ValueError` when a name occurs twice or text stands before the first name.
    """
    source = files("impact_in_pipelines.db").joinpath(f"{subject}.sql").read_text("utf-8")
    head, *parts = _HEADER.split(source)
    if _without_comments(head):
        raise ValueError(f"{subject}.sql has text before the first '-- name:'")
    names, bodies = parts[::2], parts[1::2]
    if len(set(names)) != len(names):
        raise ValueError(f"{subject}.sql names a statement twice")
    return MappingProxyType(
        {name: text(_without_comments(body)) for name, body in zip(names, bodies, strict=True)}
    )


def _without_comments(sql: str) -> str:
    # A colon in a comment would be taken for a bound parameter.
    return "\n".join(
        line for line in sql.splitlines() if not line.lstrip().startswith("--")
    ).strip()
