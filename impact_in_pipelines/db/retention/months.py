"""The months of the log: made before they begin, dropped once they have been archived.

Either takes a moment's exclusive lock on the log. Whoever works on it may hold one of its tables and want
another one, so this gives up before PostgreSQL looks for a deadlock (after a second), and asks again.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from impact_in_pipelines.db.schema.months import MONTHLY, MONTHS_AHEAD
from impact_in_pipelines.errors.retention import LogBusy

_LOCK_TIMEOUT_MS = 500
_TRIES = 20
_ASK_AGAIN_S = 0.2
_LOCK_NOT_AVAILABLE = "55P03"
_LEFT = "left until "


def month_of(instant: datetime) -> datetime:
    """The first instant of the month (UTC) in which `instant` (aware) lies."""
    return instant.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def next_month(month: datetime) -> datetime:
    """The month after `month`, itself a first instant (UTC)."""
    years, months = divmod(month.month, 12)
    return month.replace(year=month.year + years, month=months + 1)


def months_before(instant: datetime, count: int) -> datetime:
    """The first instant of the month that is `count` before the one of `instant`."""
    month = month_of(instant)
    years, months = divmod(month.year * 12 + month.month - 1 - count, 12)
    return month.replace(year=years, month=months + 1)


def months_made(connection: Connection) -> list[datetime]:
    """The months that have a partition of their own, the oldest first; there is no gap between them."""
    names = connection.scalars(
        text(
            "SELECT right(c.relname, 7) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
            "WHERE i.inhparent = CAST('impact_deliveries' AS regclass) "
            r"AND c.relname ~ '_\d{4}_\d\d$' ORDER BY 1"
        )
    )
    return [datetime.strptime(name, "%Y_%m").replace(tzinfo=UTC) for name in names]


def left_until(connection: Connection) -> datetime | None:
    """The end of the newest month that has been archived and removed: what was due before may be gone. None:
    nothing ever has been. It is noted in two places, since either may lack it: an older program removed a
    month, or only rows were restored; or the audit log of that time has left as well."""
    found = [one for one in (_noted(connection), _audited(connection)) if one is not None]
    return max(found, default=None)


def note_left(connection: Connection, month: datetime) -> None:
    """Note on the log itself, in the transaction that removes it, that `month` has left: a table has no row
    that could say so once everything of it is gone, and the audit log is removed as well."""
    until = max(next_month(month), left_until(connection) or next_month(month))
    _execute(connection, f"COMMENT ON TABLE impact_deliveries IS '{_LEFT}{until.isoformat()}'")


def _noted(connection: Connection) -> datetime | None:
    said = connection.scalar(text("SELECT obj_description('impact_deliveries'::regclass)"))
    # Whatever somebody else has written there says nothing of it.
    return (
        datetime.fromisoformat(said.removeprefix(_LEFT)) if (said or "").startswith(_LEFT) else None
    )


def _audited(connection: Connection) -> datetime | None:
    month = connection.scalar(
        text(
            "SELECT max(right(subject, 7)) FROM audit_log "
            "WHERE company_id IS NULL AND action = 'retention.removed' "
            r"AND subject ~ '^impact_deliveries \d{4}-\d\d$'"
        )
    )
    return next_month(datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)) if month else None


def make_months(engine: Engine, now: datetime) -> list[datetime]:
    """Make the month of `now` and the `MONTHS_AHEAD` after it where they are missing; returns those made.

    What lay in `_after` meanwhile, rows of a clock that was wrong, moves into its month. Raises `LogBusy`
    when the log can't be had.
    """
    wanted = month_of(now)
    for _ in range(MONTHS_AHEAD):
        wanted = next_month(wanted)
    made: list[datetime] = []
    while True:
        with engine.connect() as connection:
            last = months_made(connection)[-1]
        if last >= wanted:
            return made
        month = next_month(last)
        if _alone(engine, partial(_add, month)):
            made.append(month)


def drop_oldest_month(
    engine: Engine,
    month: datetime,
    *,
    only_if: Callable[[Connection], bool],
    also: Callable[[Connection], None] = lambda _: None,
) -> bool:
    """Drop `month`, which must be the oldest, with its attempts; what comes to be due in it lies before the
    first. Only if `only_if` holds once nobody else can write; `also` is done in the same transaction. Returns
    whether it was dropped. Raises `ValueError` for another month, `LogBusy` when the log can't be had."""

    def drop(connection: Connection) -> bool:
        if not only_if(connection):
            return False
        _drop(connection, month)
        also(connection)
        return True

    return _alone(engine, drop)


def _alone(engine: Engine, change: Callable[[Connection], bool]) -> bool:
    for tries_left in reversed(range(_TRIES)):
        try:
            with engine.begin() as connection:
                connection.execute(text(f"SET LOCAL lock_timeout = {_LOCK_TIMEOUT_MS}"))
                connection.execute(
                    text(f"LOCK TABLE {', '.join(MONTHLY)} IN ACCESS EXCLUSIVE MODE")
                )
                return change(connection)
        except OperationalError as error:
            if getattr(error.orig, "pgcode", None) != _LOCK_NOT_AVAILABLE:
                raise
            if not tries_left:
                raise LogBusy from error
            time.sleep(_ASK_AGAIN_S)
    raise AssertionError("the last try raises")


def _add(month: datetime, connection: Connection) -> bool:
    if month in months_made(connection):
        return False  # somebody else has made it
    for table in MONTHLY:
        _execute(connection, f"ALTER TABLE {table} DETACH PARTITION {table}_after")
        _execute(connection, f"ALTER TABLE {table}_after RENAME TO {table}_moved")
        bounds = f"FROM ('{month.isoformat()}') TO ('{next_month(month).isoformat()}')"
        _execute(
            connection,
            f"CREATE TABLE {_name(table, month)} PARTITION OF {table} FOR VALUES {bounds}",
        )
        _execute(
            connection,
            f"CREATE TABLE {table}_after PARTITION OF {table} "
            f"FOR VALUES FROM ('{next_month(month).isoformat()}') TO (MAXVALUE)",
        )
        _move_in(connection, table, f"{table}_moved")
    return True


def _drop(connection: Connection, month: datetime) -> None:
    if months_made(connection)[0] != month:
        raise ValueError(f"{month:%Y-%m} isn't the oldest month")
    for table in reversed(MONTHLY):  # attempts first: nobody looks for a delivery that has gone
        _execute(connection, f"DROP TABLE {_name(table, month)}")
        _execute(connection, f"ALTER TABLE {table} DETACH PARTITION {table}_before")
        _execute(connection, f"ALTER TABLE {table}_before RENAME TO {table}_moved")
        _execute(
            connection,
            f"CREATE TABLE {table}_before PARTITION OF {table} "
            f"FOR VALUES FROM (MINVALUE) TO ('{next_month(month).isoformat()}')",
        )
        # As good as empty: what was older has been purged before.
        _move_in(connection, table, f"{table}_moved")


def _move_in(connection: Connection, table: str, source: str) -> None:
    columns = ", ".join(
        connection.scalars(
            text(
                "SELECT quote_ident(attname) FROM pg_attribute "
                "WHERE attrelid = CAST(:table AS regclass) AND attnum > 0 AND NOT attisdropped"
            ),
            {"table": table},
        )
    )
    # A name of the catalogue's own, quoted by it.
    _execute(connection, f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {source}")  # noqa: S608
    _execute(connection, f"DROP TABLE {source}")


def _name(table: str, month: datetime) -> str:
    return f"{table}_{month:%Y_%m}"


def _execute(connection: Connection, statement: str) -> None:
    # Names from the schema and instants of our own: nothing that anybody has entered.
    connection.execute(text(statement.replace(":", r"\:")))
