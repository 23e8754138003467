"""What PostgreSQL knows of a month of the log, after much has been added to it.

Autovacuum looks once a minute. Until then a month in which thousands fall due in its first minute counts as
empty, and a plan for an empty table joins each of them with each other (measured: 9 s to claim 1,000).
"""

from sqlalchemy import Engine, text

MUCH = 200
"""So many new rows of one moment are worth a look."""

# Twice what was just added: a month that holds more than that is known well enough.
_UNKNOWN = text(
    "SELECT CAST(c.oid AS regclass)::text AS month FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
    "WHERE i.inhparent = CAST('impact_deliveries' AS regclass) AND c.reltuples < 2 * :added "
    "AND pg_relation_size(c.oid) >= 100 * :added"
)


def learn_of(engine: Engine, added: int) -> None:
    """Have PostgreSQL look at the months that `added` new rows have changed beyond what it knows of them. A
    role that doesn't own them is warned by the server, and nothing happens."""
    if added < MUCH:
        return
    with engine.begin() as connection:
        for month in connection.scalars(_UNKNOWN, {"added": added}).all():
            connection.execute(text(f"ANALYZE {month}"))  # quoted by PostgreSQL
