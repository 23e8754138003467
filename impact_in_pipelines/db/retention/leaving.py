"""What leaves the database: months of the log, once archived, the audit log after it, and figures.

Statements: leaving.sql. A month with a partition of its own is dropped; one that lies in `_before`, such as
those from before there were partitions, is deleted. Either way a delivery that has changed since it was
archived stays.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from impact_in_pipelines.db.access.audit import Change, record
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.db.retention.archived import note_file, note_older_files
from impact_in_pipelines.db.retention.archives import Archive, archived
from impact_in_pipelines.db.retention.marks import mark_archive, missing_of_archive
from impact_in_pipelines.db.retention.months import (
    drop_oldest_month,
    month_of,
    months_made,
    next_month,
    note_left,
)
from impact_in_pipelines.db.retention.turn import Turn
from impact_in_pipelines.db.schema.months import MONTHLY
from impact_in_pipelines.progress import Tell, silent

_SQL = load("retention/leaving")
_LONG_AGO = datetime.fromisoformat("0001-01-02T00:00:00+00:00")
_FIGURES_AT_ONCE = 10_000
_SERIALIZATION_FAILURE = "40001"

_Check = Callable[[Connection], bool]


@dataclass(frozen=True, slots=True)
class MonthLeft:
    """A month that has left the database, or would: its rows by table, and the files that hold them."""

    month: str
    rows: dict[str, int]
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MonthKept:
    """A month that is old enough and stays: `needed`, `changed` since it was archived, `behind` one that
    stays, or there is `no_archive`."""

    month: str
    why: str


class Leaving:
    """Archives into `folder`, and removes; without one, what would be archived stays. Without a `turn` it
    counts, and writes nothing anywhere."""

    def __init__(
        self,
        engine: Engine,
        folder: Path | None,
        *,
        actor: str,
        turn: Turn | None,
        tell: Tell = silent,
    ) -> None:
        self._engine = engine
        self._tell = tell
        self._folder = folder
        self._actor = actor
        self._turn = turn

    def note_older(self) -> None:
        """Note which deliveries are in the archive's files, of those that nobody has noted yet."""
        if self._folder is None or self._turn is None:
            return
        # Where something else is mounted, only what would be archived there is refused.
        if missing_of_archive(self._engine, self._folder) is None:
            with self._turn.beside_erasures():
                note_older_files(self._engine, self._folder)

    def deliveries(
        self, kept_from: datetime, *, touched_since: datetime, now: datetime
    ) -> tuple[list[MonthLeft], list[MonthKept]]:
        """The months before `kept_from`, the first instant of one, with their attempts."""
        left: list[MonthLeft] = []
        kept: list[MonthKept] = []
        for month in self._months("first_due", kept_from):
            if self._folder is None:
                kept.append(MonthKept(f"{month:%Y-%m}", "no_archive"))
                continue
            span = {"month": month, "until": next_month(month)}
            with self._engine.connect() as connection:
                needed = connection.scalar(_SQL["needed"], {**span, "touched_since": touched_since})
                made = months_made(connection)
            behind = bool(kept) and month in made
            if needed or behind:
                kept.append(MonthKept(f"{month:%Y-%m}", "needed" if needed else "behind"))
                continue
            gone = self._leave(month, now)
            if gone is None:
                kept.append(MonthKept(f"{month:%Y-%m}", "changed"))
            else:
                left.append(gone)
        if self._turn is not None and not kept:
            self._drop_empty(kept_from)
        return left, kept

    def audit(self, kept_from: datetime, *, now: datetime) -> list[MonthLeft]:
        """The months of the audit log before `kept_from`. Nothing in it ever changes."""
        left: list[MonthLeft] = []
        if self._folder is None:
            return left
        for month in self._months("first_audited", kept_from):
            span = {"month": month, "until": next_month(month)}
            if self._turn is None:
                left.append(
                    MonthLeft(f"{month:%Y-%m}", {"audit_log": self._count("audit_log", span)})
                )
                continue
            with self._turn.beside_erasures():
                mark_archive(self._engine, self._folder, now)
                archive = archived(self._engine, self._folder, "audit_log", **span)
                if archive is None:
                    continue
                with self._engine.begin() as connection:
                    _without_time_out(connection)
                    connection.execute(_SQL["delete_audited"], span)
                    self._note(connection, [archive], now)
            left.append(_left(month, [archive]))
        return left

    def figures(self, before: date) -> int:
        """Figures of days before `before`; they can be computed again from their events. Returns how many."""
        if self._turn is None:
            with self._engine.connect() as connection:
                return int(connection.scalar(_SQL["old_figures"], {"before": before}) or 0)
        removed = 0
        while True:
            with self._engine.begin() as connection:
                values = {"before": before, "limit": _FIGURES_AT_ONCE}
                done = connection.execute(_SQL["delete_figures"], values).rowcount
            removed += done
            if done < _FIGURES_AT_ONCE:
                return removed

    def _months(self, first: str, until: datetime) -> Iterator[datetime]:
        """The months before `until` in which there is something, the oldest first."""
        since, total = _LONG_AGO, 0
        while True:
            with self._engine.connect() as connection:
                at = connection.scalar(_SQL[first], {"since": since})
            if at is None or at >= until:
                self._tell(total, total)
                return
            month = month_of(at)
            total = total or _months_between(month, until)
            self._tell(total - _months_between(month, until), total)
            yield month
            since = next_month(month)

    def _leave(self, month: datetime, now: datetime) -> MonthLeft | None:
        """Archive a month and remove it; None: something has changed meanwhile, and it stays."""
        if self._turn is None:
            span = {"month": month, "until": next_month(month)}
            return MonthLeft(f"{month:%Y-%m}", {one: self._count(one, span) for one in MONTHLY})
        with self._turn.beside_erasures():
            return self._leave_now(month, now)

    def _leave_now(self, month: datetime, now: datetime) -> MonthLeft | None:
        assert self._folder is not None
        span = {"month": month, "until": next_month(month)}
        mark_archive(self._engine, self._folder, now)
        archives = [
            archive
            for table in MONTHLY
            if (archive := archived(self._engine, self._folder, table, **span)) is not None
        ]
        # While its rows are still there: the log is locked when they go.
        note_file(self._engine, self._folder / archives[0].table / archives[0].file, now)
        # Between the two somebody may have tried a delivery once more: what counts is the first look.
        unchanged = {**span, "mark": archives[0].mark}

        def still_so(connection: Connection) -> bool:
            return not connection.scalar(_SQL["changed"], unchanged)

        def noted(connection: Connection) -> None:
            self._note(connection, archives, now)
            note_left(connection, month)

        with self._engine.connect() as connection:
            own = month in months_made(connection)
        if own:
            # Only the oldest month can be dropped, and in one before it nothing may ever have been due.
            self._drop_empty(month)
        removed = (
            drop_oldest_month(
                self._engine,
                month,
                only_if=still_so,
                also=noted,
            )
            if own
            else self._delete(month, still_so, noted)
        )
        return _left(month, archives) if removed else None

    def _delete(
        self, month: datetime, still_so: _Check, noted: Callable[[Connection], None]
    ) -> bool:
        span = {"month": month, "until": next_month(month)}
        try:
            with self._engine.connect() as connection:
                # Whoever changes a row meanwhile makes this fail as a whole.
                connection.execution_options(isolation_level="REPEATABLE READ")
                _without_time_out(connection)
                if not still_so(connection):
                    return False
                connection.execute(_SQL["delete_attempts"], span)
                connection.execute(_SQL["delete_deliveries"], span)
                noted(connection)
                connection.commit()
        except OperationalError as error:
            if getattr(error.orig, "pgcode", None) != _SERIALIZATION_FAILURE:
                raise
            return False
        return True

    def _drop_empty(self, until: datetime) -> None:
        """Months of their own that have no rows: drop those before `until` as well."""
        while True:
            with self._engine.connect() as connection:
                oldest = months_made(connection)[0]
            empty = partial(self._is_empty, oldest)
            if oldest >= until or not drop_oldest_month(self._engine, oldest, only_if=empty):
                return

    def _is_empty(self, month: datetime, connection: Connection) -> bool:
        span = {"month": month, "until": next_month(month)}
        return not connection.scalar(_SQL["impact_deliveries_rows"], span)

    def _count(self, table: str, span: dict[str, datetime]) -> int:
        with self._engine.connect() as connection:
            _without_time_out(connection)
            return int(connection.scalar(_SQL[f"{table}_rows"], span) or 0)

    def _note(self, connection: Connection, archives: list[Archive], now: datetime) -> None:
        changes = [
            Change(
                "retention.removed",
                f"{one.table} {one.month}",
                None,
                after={"rows": one.rows, "file": one.file, "sha256": one.sha256},
            )
            for one in archives
        ]
        record(connection, changes, actor=self._actor, now=now)


def _left(month: datetime, archives: list[Archive]) -> MonthLeft:
    return MonthLeft(
        f"{month:%Y-%m}",
        {one.table: one.rows for one in archives},
        tuple(f"{one.table}/{one.file}" for one in archives),
    )


def _without_time_out(connection: Connection) -> None:
    connection.execute(text("SET LOCAL statement_timeout = 0"))


def _months_between(first: datetime, until: datetime) -> int:
    """How many months begin from `first`, the first instant of one, on and before `until`."""
    whole = 12 * (until.year - first.year) + until.month - first.month
    return whole + (until > month_of(until))
