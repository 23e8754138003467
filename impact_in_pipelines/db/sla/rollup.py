"""`sla_daily`: counters per UTC day of `scheduled_for`, company and platform, computed from the log and
computable again at any time. Statements: rollup.sql, statements.py.

Everything in it but the latency histogram is exact and adds up; fires that were never planned are not in
it, since they are not in the log. Each day keeps the mark up to which the log was read (`changes`): what
changes while a day is computed is found by the next run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from io import StringIO
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from impact_in_pipelines.db.analytics.rollup import count_day
from impact_in_pipelines.db.deliveries.changes import current_mark, reading_changes
from impact_in_pipelines.db.engine import rows_as_json, rows_of
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.db.sla import statements as sla_sql
from impact_in_pipelines.db.sla.outcomes import first_packed_day, read_everybody
from impact_in_pipelines.db.sla.rows import parameters, threshold_book
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.settings import Settings
from impact_in_pipelines.sla.assessing import ScopeKey
from impact_in_pipelines.sla.everybody.counting import NO_MAXIMUM
from impact_in_pipelines.sla.everybody.listing import rolled_up
from impact_in_pipelines.sla.metrics import COUNTERS
from impact_in_pipelines.sla.model import Window
from impact_in_pipelines.sla.reports.report import DayPoint, day_points
from impact_in_pipelines.sla.thresholds import Thresholds
from impact_in_pipelines.sla.windows import midnight

_SQL, _STATUSES, _WATCH = load("sla/rollup"), load("sla/statuses"), load("sla/watch")
_DAY = timedelta(days=1)

CATCH_UP_DAYS = 30
"""Of how many days that an older program has computed one run counts the calls, besides its own days."""

Totals = Mapping[date, Mapping[ScopeKey, Mapping[str, Any]]]
"""Counters by the first day of their period, then by scope (None: all companies, all platforms)."""

_COPY = (
    f"COPY sla_daily (day, company_id, platform, {', '.join(COUNTERS)}, latency_ms_buckets, computed_at) "
    "FROM STDIN WITH (FORMAT text)"
)
_NULL = r"\N"


@dataclass(frozen=True, slots=True)
class RolledUp:
    """How many `rows` (one per company and platform) the `days` now have."""

    days: int
    rows: int


@dataclass(frozen=True, slots=True)
class StaleDays:
    """The `days` whose rollup no longer says what the log did at `mark`."""

    days: Sequence[date]
    mark: str


class SlaRollup:
    """Writes and adds up `sla_daily`."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._defaults = Thresholds.from_settings(settings)

    def stale_days(self, since: date, now: datetime) -> StaleDays:
        """The days from `since` to today (UTC) whose rollup no longer says what the log does: something
        of them changed or is still open, or they have none yet. Reads only."""
        values = {"start": midnight(since), "end": midnight(now.date())}
        with reading_changes(self._engine) as (connection, mark):
            oldest = connection.scalar(_SQL["oldest_mark"], {"start": values["start"]})
            days = connection.scalars(_SQL["stale_days"], values | {"oldest": oldest})
            return StaleDays(list(days), mark)

    def uncounted_days(self, since: date, now: datetime) -> list[date]:
        """The newest days from `since` to today whose calls an older program has not counted, `CATCH_UP_DAYS`
        at most: after an upgrade that is every day the log has, which no hour should have to count."""
        values = {"start": since, "end": now.date(), "limit": CATCH_UP_DAYS}
        with self._engine.connect() as connection:
            return list(connection.scalars(_SQL["uncounted_days"], values))

    def roll_up(self, days: Sequence[date], now: datetime) -> RolledUp:
        """Compute the rows of `days` anew, the newest first. Each day commits by itself: what is broken off
        keeps those it has done, and `sla_days` is locked for one day at a time."""
        chosen = sorted(set(days), reverse=True)
        return RolledUp(len(chosen), sum(self._roll_up_day(day, now) for day in chosen))

    def _roll_up_day(self, day: date, now: datetime) -> int:
        values = {"day": day, "now": now}
        with (
            self._engine.connect().execution_options(
                isolation_level="REPEATABLE READ"
            ) as connection,
            connection.begin(),
        ):
            # Two at once on one day would both insert; the second waits and then finds the day done. The
            # moment at which the log is read comes after it.
            # Another roll-up may take longer than a statement of ours may: no reason to give up waiting.
            # And no SELECT here: that would settle at which moment the log is read.
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            connection.exec_driver_sql("SET LOCAL lock_timeout = '10min'")
            connection.execute(_SQL["lock_days"])
            connection.exec_driver_sql("SET LOCAL lock_timeout TO DEFAULT")
            connection.exec_driver_sql("SET LOCAL statement_timeout TO DEFAULT")
            # Before the log is read: what commits in between is then found again, never forgotten.
            mark = current_mark(connection)
            connection.execute(_STATUSES["roomy"])
            connection.execute(_SQL["forget_day"], values)
            packed_from = first_packed_day(connection)
            if packed_from is None or day < packed_from:
                rows = self._count_day(connection, day, now)
            else:
                rows = self._add_up_day(connection, day, now)
            count_day(connection, day)
            connection.execute(_SQL["mark_day"], values | {"mark": mark})
        return rows

    def _count_day(self, connection: Connection, day: date, now: datetime) -> int:
        """A day as PostgreSQL counts it in the log."""
        window = Window(midnight(day), midnight(day + _DAY))
        values = parameters(window, now, self._defaults, None)
        return connection.execute(sla_sql.ROLL_UP, values).rowcount

    def _add_up_day(self, connection: Connection, day: date, now: datetime) -> int:
        """The same by columns, from the packed outcomes and what has changed since."""
        window = Window(midnight(day), midnight(day + _DAY))
        values = parameters(window, now, self._defaults, None)
        ids = list(connection.scalars(_WATCH["companies"]))
        book = threshold_book(connection, self._defaults, None)
        everybody = read_everybody(connection, window, values, ids, (), book)
        lines = [
            _line(day, company, platform, counters.tolist(), buckets.tolist(), now)
            for company, platform, counters, buckets in rolled_up(everybody, window)
        ]
        driver: Any = connection.connection.cursor()
        with driver as cursor:
            cursor.copy_expert(_COPY, StringIO("".join(lines)))
        return len(lines)

    def refresh(self, since: date, now: datetime) -> list[date]:
        """Compute every stale day from `since` on anew, and some whose calls aren't counted; returns them."""
        stale = self.stale_days(since, now)
        self.roll_up(stale.days, now)
        self.mark_fresh(since, stale, now)
        uncounted = self.uncounted_days(since, now)
        self.roll_up(uncounted, now)
        return sorted({*stale.days, *uncounted})

    def mark_fresh(self, since: date, read: StaleDays, now: datetime) -> None:
        """Note that every day from `since` to today says what the log did at the mark of `read`, all of
        whose days have been computed since. Changes are looked for from the oldest such note on."""
        days = [since + n * _DAY for n in range((now.date() - since).days + 1)]
        with self._engine.begin() as connection:
            connection.execute(_SQL["mark_fresh"], {"days": days, "mark": read.mark, "now": now})

    def days_of_all(self, first: date, last: date) -> list[DayPoint]:
        """Each day from `first` to `last` over all companies and platforms; days without deliveries are
        zeros."""
        with self._engine.connect() as connection:
            rows = rows_of(connection.execute(_SQL["days_of_all"], {"first": first, "last": last}))
        return day_points(first, last, rows)

    def summed(self, periods: Sequence[Window], *, company_id: UUID | None = None) -> Totals:
        """The counters of every scope in each of `periods` (whole UTC days), in one statement; a period
        without deliveries is an empty mapping."""
        rows = [
            {"starts_on": p.start.date(), "ends_on": (p.end - timedelta(microseconds=1)).date()}
            for p in periods
        ]
        totals: dict[date, dict[ScopeKey, Mapping[str, Any]]] = {r["starts_on"]: {} for r in rows}
        with self._engine.connect() as connection:
            found = rows_of(
                connection.execute(
                    sla_sql.SUMMED_DAYS, {"periods": rows_as_json(rows), "company_id": company_id}
                )
            )
        for row in found:
            platform = Platform(row["platform"]) if row["platform"] else None
            totals[row["starts_on"]][row["company_id"], platform] = row
        return totals


def _line(
    day: date,
    company: UUID,
    platform: Platform,
    counters: Sequence[int],
    buckets: Sequence[int],
    now: datetime,
) -> str:
    """A row of `sla_daily` for COPY."""
    numbers = [_NULL if value == NO_MAXIMUM else str(value) for value in counters]
    histogram = "{" + ",".join(map(str, buckets)) + "}"
    head = (str(day), str(company), platform.value)
    return "\t".join([*head, *numbers, histogram, now.isoformat()]) + "\n"
