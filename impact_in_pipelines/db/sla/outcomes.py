"""What became of everybody's deliveries, read by columns. Statements: outcomes.sql.

The log's rows are a kilobyte and more, and to read a week of ten million takes half a minute. So the final
ones are kept a second time, packed to 52 bytes, and a reader takes from the log only what that copy doesn't
have: what is open, and what has changed since the copy was last brought up to date. How old it is decides how
long reading takes, never what is read.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, Row, TextClause

from impact_in_pipelines.db.deliveries.changes import current_mark
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.db.sla import statements as sla_sql
from impact_in_pipelines.db.sla.rows import parameters
from impact_in_pipelines.settings import Settings
from impact_in_pipelines.sla.budget import BUDGET_DAYS
from impact_in_pipelines.sla.everybody import outcomes as columns
from impact_in_pipelines.sla.everybody.measuring import Everybody, OutcomeBlock
from impact_in_pipelines.sla.everybody.outcomes import Outcomes, joined, unpacked
from impact_in_pipelines.sla.incidents import OverdueFire
from impact_in_pipelines.sla.model import Window
from impact_in_pipelines.sla.thresholds import ThresholdBook, Thresholds
from impact_in_pipelines.sla.windows import midnight

_SQL, _STATUSES = load("sla/outcomes"), load("sla/statuses")
_COMPANY_DAYS_AT_ONCE = 1_000
"""Of so many the records are in memory twice, as they come and as columns: a week of 125 companies."""
_LONGEST = timedelta(days=10)
"""A week of ten million deliveries is 165 MB in columns; what spans more is counted by the server."""
_MONTH_DAYS = 31
_DAY = timedelta(days=1)
_NUMBERED = {"platforms": ",".join(columns.PLATFORMS)}
"""What the records' numbers of platforms mean in this process."""
_EVER = datetime(9999, 1, 1, tzinfo=UTC)


class SlaOutcomes:
    """Keeps `sla_outcomes` like the log."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._defaults = Thresholds.from_settings(settings)
        # What budgets, windows and a report on last month look back on, and some days more for what was
        # due before one begins.
        self._kept = (max(settings.sla_window_days, BUDGET_DAYS, _MONTH_DAYS) + 4) * _DAY

    def refresh(self, now: datetime) -> None:
        """Pack what has become final since the last time, or (the first time, or with another server's log)
        everything that is looked back on."""
        first = now.date() - self._kept
        with self._engine.begin() as connection:
            connection.execute(_STATUSES["roomy"])
            # The second of two at once finds the work done.
            connection.execute(_SQL["lock"])
            state = connection.execute(_SQL["packed_state"], _NUMBERED).one_or_none()
            # Before the log is read: what commits in between is then found again, never forgotten.
            mark = current_mark(connection)
            if state is None:
                known_from = None
                connection.execute(_SQL["forget_days"], {"all": True, "first_day": first})
            else:
                known_from = max(first, state.first_day)
                self._pack_changed(connection, known_from, state.mark, now)
            self._pack_days(connection, first, known_from, now)
            values = {"first_day": first, "mark": mark, "now": now}
            connection.execute(_SQL["set_mark"], _NUMBERED | values)

    def _pack_days(
        self, connection: Connection, first: date, known_from: date | None, now: datetime
    ) -> None:
        """Pack what is due from `first` on until `known_from`, or (None) everything."""
        # Day by day, so that the memory it takes is that of one day.
        last = now.date() + _DAY if known_from is None else known_from
        days = [midnight(first + n * _DAY) for n in range((last - first).days + 1)]
        ends = [*days[1:], _EVER] if known_from is None else days[1:]
        for start, end in zip(days, ends, strict=False):
            connection.execute(sla_sql.PACK, self._values(Window(start, end), now))

    def _pack_changed(self, connection: Connection, first: date, mark: str, now: datetime) -> None:
        """Pack the days of companies from `first` on of which something has changed since `mark`."""
        connection.execute(_SQL["forget_days"], {"all": False, "first_day": first})
        since = {"packed_from": midnight(first), "mark": mark}
        connection.execute(_SQL["changed_cells"], since)
        connection.execute(_SQL["analyze_cells"])
        connection.execute(_SQL["forget_cells"])
        for day in connection.scalars(_SQL["changed_days"]).all():
            values = self._values(Window(midnight(day), midnight(day + _DAY)), now)
            connection.execute(sla_sql.PACK_CELLS, values | {"day": day})

    def _values(self, window: Window, now: datetime) -> dict[str, Any]:
        return parameters(window, now, self._defaults, None)


def by_columns(window: Window) -> bool:
    """Whether `window` is short enough to have its outcomes in memory at once."""
    return window.end - window.start <= _LONGEST


def read_everybody(
    connection: Connection,
    window: Window,
    values: Mapping[str, Any],
    ids: Sequence[UUID],
    fires: Sequence[OverdueFire],
    book: ThresholdBook,
) -> Everybody:
    """What became of all deliveries due in `window`, and of `fires` that nobody planned; parameters as for
    `read_blocks`."""
    return Everybody(ids, list(read_blocks(connection, window, values, ids, fires)), book)


def first_packed_day(connection: Connection) -> date | None:
    """From which day on outcomes are packed; None: nothing is, by what the server's present log says."""
    state = connection.execute(_SQL["packed_state"], _NUMBERED).one_or_none()
    return None if state is None else state.first_day


def is_packed(connection: Connection) -> bool:
    """Whether anything is."""
    return first_packed_day(connection) is not None


def read_blocks(
    connection: Connection,
    window: Window,
    values: Mapping[str, Any],
    ids: Sequence[UUID],
    fires: Sequence[OverdueFire] = (),
) -> Iterator[OutcomeBlock]:
    """The same, some companies at a time. `values` as for every statement over a window; `ids` are those of
    all companies in their order.

    Every statement has to see the log at one moment: `connection` is in a transaction of its own that is
    REPEATABLE READ.
    """
    state = connection.execute(_SQL["packed_state"], _NUMBERED).one_or_none()
    packed_from = midnight(state.first_day) if state else window.end
    owners = columns.owners_of(ids)
    changed, rest = _read_unpacked(
        connection,
        owners,
        window,
        {**values, "packed_from": packed_from, "mark": state.mark if state else None},
    )
    fresh = _unplanned(fires, ids, values["overdue_after_minutes"])
    days = (window.end - window.start) // _DAY + 1
    at_once = max(1, _COMPANY_DAYS_AT_ONCE // days)
    for first in range(0, len(ids), at_once):
        last = min(first + at_once, len(ids))
        parts = [rest.of_companies(first, last), fresh.of_companies(first, last)]
        if state is not None:
            whose = {"first_company": ids[first], "last_company": ids[last - 1]}
            asked = {**values, "start": window.start, "end": window.end, **whose}
            known, packed = _read(connection, owners, sla_sql.READ_PACKED, asked)
            inside = packed.is_due(window.start, window.end) & ~np.isin(known, changed)
            parts.append(packed.only(inside).of_companies(first, last))
        yield OutcomeBlock(first, last - first, joined(parts))


def _read_unpacked(
    connection: Connection, owners: columns.Owners, window: Window, values: Mapping[str, Any]
) -> tuple[NDArray[np.int64], Outcomes]:
    """What sla_outcomes doesn't have. Before its first day that is everything, and everybody's is read day by
    day: one answer of the server holds a gigabyte at most."""
    until = max(min(values["packed_from"], window.end), window.start)
    days = (until - window.start) // _DAY + 1 if values["company_ids"] is None else 1
    starts = [window.start, *(window.start + n * _DAY for n in range(1, days)), until]
    ends = [*starts[1:], window.end]
    found = [
        _read(connection, owners, sla_sql.READ_UNPACKED, {**values, "start": start, "end": end})
        for start, end in zip(starts, ends, strict=True)
        if start < end
    ]
    ids = [np.zeros(0, np.int64), *(one for one, _ in found)]
    none = unpacked(owners, b"", b"", b"")[1]
    return np.concatenate(ids), joined([none, *(one for _, one in found)])


def _read(
    connection: Connection,
    owners: columns.Owners,
    statement: TextClause,
    values: Mapping[str, Any],
) -> tuple[NDArray[np.int64], Outcomes]:
    row: Row[Any] = connection.execute(statement, values).one()
    return unpacked(owners, *(bytes(part) if part is not None else b"" for part in row))


def _unplanned(fires: Sequence[OverdueFire], ids: Sequence[UUID], minutes: int) -> Outcomes:
    numbers = {id_: n for n, id_ in enumerate(ids)} if fires else {}
    return columns.of_unplanned(
        [columns.Unplanned(numbers[fire.company_id], fire.platform, fire.at) for fire in fires],
        timedelta(minutes=minutes),
    )
