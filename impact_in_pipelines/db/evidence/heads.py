"""Where every company's chain stands, and whether it still leads through what was published. Statements:
heads.sql."""

from collections.abc import Iterable

from sqlalchemy import Engine

from impact_in_pipelines.db.engine import rows_as_json
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.evidence.heads import Head

_SQL = load("evidence/heads")


def current_heads(engine: Engine) -> list[Head]:
    """The heads of all companies, of one moment."""
    with engine.connect() as connection:
        return [Head(row.company, row.links, row.hash) for row in connection.execute(_SQL["heads"])]


def strays(engine: Engine, published: Iterable[Head]) -> list[str]:
    """The companies, by id, whose chain no longer leads through their published head."""
    rows = [{"company": one.company, "links": one.links, "hash": one.hash} for one in published]
    with engine.connect() as connection:
        found = connection.execute(_SQL["strays"], {"rows": rows_as_json(rows)})
        return [str(row.company) for row in found]
