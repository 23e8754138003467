"""What has changed since: asked by transaction, never by comparing clocks (design D15).

A row's `change_seq` is the id of the transaction that wrote it last (schema/triggers.py). Transactions end in
another order than they begin, so "greater than the greatest seen" would leave out whatever commits late. A
reader therefore remembers a *mark*: the snapshot it has read in. Changed since that mark is what the snapshot
could not see: `@changed_since(d, :mark)` in a statement (db/queries.py). Each change is found by exactly one
of two consecutive readings, however long its transaction took, and there is nothing to wait for.

A *position* is the coarse form of a mark, one number that fits in the id of an event: everything below it
had ended. Reading from a position may find again what was seen, and leaves nothing out.

Both belong to one server: a mark that lies ahead of the server's present (a dump restored elsewhere) is
worth as much as none, and `mark_or_none` says so.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

from impact_in_pipelines.db.queries import load

_SQL = load("deliveries/changes")


@contextmanager
def reading_at_once(engine: Engine) -> Iterator[Connection]:
    """A connection whose statements all see the log at one moment."""
    with engine.connect().execution_options(
        isolation_level="REPEATABLE READ", postgresql_readonly=True
    ) as connection:
        yield connection


@contextmanager
def reading_changes(engine: Engine) -> Iterator[tuple[Connection, str]]:
    """The same, and that moment's mark: give it to the next reading."""
    with reading_at_once(engine) as connection:
        yield connection, current_mark(connection)


def current_mark(connection: Connection) -> str:
    """The mark of what `connection` sees: its transaction if that is REPEATABLE READ, else this moment."""
    mark: str = connection.execute(_SQL["current_mark"]).scalar_one()
    return mark


def mark_or_none(connection: Connection, mark: str | None) -> str | None:
    """`mark`, or None where it is of another server's future: then everything has to be read again."""
    if mark is None:
        return None
    known: bool = connection.execute(_SQL["is_past"], {"mark": mark}).scalar_one()
    return mark if known else None


def mark_at(position: int) -> str:
    """The mark of a position: everything below it had ended, nothing else."""
    return f"{position}:{position}:"


def position_of(mark: str) -> int:
    """The position of a mark: below it everything had ended."""
    return int(mark.partition(":")[0])
