"""Which delivered days have changed since. Statements: staleness.sql.

Whatever changes events lists their days (`impact_touched_days`); a refresh of `company_impact` computes
these anew and hands them on (`impact_compared_days`); `compare` takes them from there, computes what would
be reported of them today and keeps in `stale_days` where that differs from what was. A row there counts
only while its delivery is the last word on its period, so a delivery that supersedes another one writes
nothing here: delivering costs what it did.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from impact_in_pipelines.db.engine import rows_as_json, rows_of
from impact_in_pipelines.db.impact.store import ImpactStore
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.delivery.model import Reported
from impact_in_pipelines.delivery.states import DeliveryStatus
from impact_in_pipelines.impact.figures import ImpactFigures, PeriodRequest
from impact_in_pipelines.platforms import FACTS, Platform, SecondReport

_SQL = load("corrections/staleness")

_DAYS_AT_ONCE = 5_000
_NOBODY = UUID(int=0)

Report = Callable[[Platform, ImpactFigures], Reported]
"""What a platform would be told of figures."""


@dataclass(frozen=True, slots=True)
class StaleComparison:
    """What a comparison found: `days` whose events had changed, `reports` that cover them, of which `changed`
    would say something else today; `left` days are in a worker's hands and wait for the next one."""

    days: int = 0
    reports: int = 0
    changed: int = 0
    left: int = 0

    def __add__(self, other: "StaleComparison") -> "StaleComparison":
        return StaleComparison(
            self.days + other.days,
            self.reports + other.reports,
            self.changed + other.changed,
            self.left + other.left,
        )


@dataclass(frozen=True, slots=True)
class StaleDay:
    """A local day that was delivered and whose events have changed since.

    `delivered` and `current` are the figures of the whole period of its delivery, as the platform was told
    them and as it would be now; None for one without. `changed_at` is when its events changed last,
    `found_at` when that was found first. `correction_id` is what was asked for to correct it, and how that
    stands.
    """

    company_id: UUID
    company: str
    active: bool
    platform: Platform
    day: date
    delivery_id: UUID
    due_at: datetime
    period_start: date
    period_end: date
    timezone: str
    delivered_at: datetime
    delivered: Mapping[str, Any] | None
    current: Mapping[str, Any]
    current_hash: str
    changed_at: datetime
    found_at: datetime
    correction: int
    first_due_at: datetime | None
    correction_id: UUID | None
    correction_status: DeliveryStatus | None


@dataclass(frozen=True, slots=True)
class StaleFilter:
    """Which stale days; None: all."""

    company_ids: Sequence[UUID] | None = None
    platform: Platform | None = None
    delivery_ids: Sequence[UUID] | None = None
    first_day: date | None = None
    last_day: date | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """The statement's parameters."""
        return {
            "company_ids": None if self.company_ids is None else list(self.company_ids),
            "platform": self.platform.value if self.platform else None,
            "delivery_ids": None if self.delivery_ids is None else list(self.delivery_ids),
            "first_day": self.first_day,
            "last_day": self.last_day,
        }


@dataclass(frozen=True, slots=True)
class StaleList:
    """The first of them, the newest change first, and how many there are."""

    days: Sequence[StaleDay] = ()
    total: int = 0


@dataclass(frozen=True, slots=True)
class UndecidedDays:
    """Stale `days` of a platform on which `companies` companies are to decide; the first was found at
    `since`."""

    platform: Platform
    days: int
    companies: int
    since: datetime


@dataclass(slots=True)
class CellChanges:
    """Cells to be marked as out of date, and those that no longer are; (company slug, day), the first with
    the figures that they are out of date against."""

    marked: dict[tuple[str, date], StaleDay] = field(default_factory=dict)
    cleared: list[tuple[str, date]] = field(default_factory=list)


class StalenessStore:
    """Compares, and reads what was found."""

    def __init__(self, engine: Engine, impact: ImpactStore) -> None:
        self._engine = engine
        self._impact = impact

    def compare(self, now: datetime, report: Report) -> StaleComparison:
        """Compare every day that is on the list now, a part at a time in a transaction of its own."""
        done = StaleComparison()
        after: tuple[UUID, date] = (_NOBODY, date.min)
        while True:
            with self._engine.begin() as connection:
                days = rows_of(
                    connection.execute(
                        _SQL["take_days"],
                        {"after_company": after[0], "after_day": after[1], "limit": _DAYS_AT_ONCE},
                    )
                )
                if not days:
                    return done
                done += self._compare(connection, days, now, report)
            after = max((row["company_id"], row["day"]) for row in days)

    def _compare(
        self,
        connection: Connection,
        days: Sequence[Mapping[str, Any]],
        now: datetime,
        report: Report,
    ) -> StaleComparison:
        listed = rows_as_json([dict(row) for row in days])
        found = rows_of(connection.execute(_SQL["reports"], {"rows": listed}))
        # What a platform is told of figures only its connector knows: those days wait until it is installed.
        reports = [row for row in found if not row["in_hand"] and row["platform"] in Platform]
        ready = {row["id"] for row in reports}
        in_hand = {
            (row["company_id"], day)
            for row in found
            if row["id"] not in ready
            for day in row["seen"]
        }
        left = [dict(row) for row in days if (row["company_id"], row["day"]) in in_hand]
        if left:
            connection.execute(_SQL["put_back_days"], {"rows": rows_as_json(left)})
        requests = [
            PeriodRequest(
                row["id"],
                row["company_id"],
                row["timezone"],
                row["period_start"],
                row["period_end"],
            )
            for row in reports
        ]
        # A statement of its own, after the list was read: it sees all that the list's days have changed by.
        figures = self._impact.figures_on(connection, requests, now) if requests else {}
        same: list[tuple[Mapping[str, Any], Reported]] = []
        changed: list[tuple[Mapping[str, Any], Reported]] = []
        for row in reports:
            current = report(Platform(row["platform"]), figures[row["id"]])
            (same if current.fingerprint == row["figures_hash"] else changed).append((row, current))
        if same:
            gone = [_key(row) for row, _ in same]
            connection.execute(_SQL["forget"], {"rows": rows_as_json(gone)})
        if changed:
            noted = [
                _key(row) | _current(current) | _of_day(row, day)
                for row, current in changed
                for day in row["changed"]
            ]
            connection.execute(_SQL["note"], {"rows": rows_as_json(noted), "now": now})
            others = [_key(row) | _current(current) for row, current in changed]
            connection.execute(_SQL["note_current"], {"rows": rows_as_json(others)})
        return StaleComparison(len(days), len(reports), len(changed), len(left))

    def stale(
        self, wanted: StaleFilter | None = None, *, limit: int = 100_000, corrections: bool = True
    ) -> StaleList:
        """The stale days that are `wanted`, the newest change first; without `corrections` nobody asks for
        those."""
        with self._engine.connect() as connection:
            return stale_on(connection, wanted, limit=limit, corrections=corrections)

    def undecided(self) -> list[UndecidedDays]:
        """What companies are asked about, by platform; not what a platform would count twice."""
        adding = [one.value for one in Platform if FACTS[one].second_report is SecondReport.ADDS]
        with self._engine.connect() as connection:
            rows = rows_of(connection.execute(_SQL["undecided"], {"adding": adding}))
        return [UndecidedDays(**{**row, "platform": Platform(row["platform"])}) for row in rows]

    @contextmanager
    def cells(self, platform: Platform) -> Iterator[CellChanges]:
        """How the cells of `platform` differ from what Dagster was told of them last. What the block does is
        what it is told now: it is kept if the block ends well."""
        with self._engine.begin() as connection:
            shown = {
                (row["company"], row["day"]): row
                for row in rows_of(
                    connection.execute(_SQL["shown_cells"], {"platform": platform.value})
                )
            }
            found = stale_on(connection, StaleFilter(platform=platform), corrections=False)
            now = {(one.company, one.day): one for one in found.days}
            changes = CellChanges(
                {
                    cell: one
                    for cell, one in now.items()
                    if cell not in shown or shown[cell]["version"] != one.current_hash
                },
                [cell for cell in shown if cell not in now],
            )
            yield changes
            marked = [
                {"company_id": one.company_id, "day": one.day, "version": one.current_hash}
                for one in changes.marked.values()
            ]
            cleared = [
                {"company_id": shown[cell]["company_id"], "day": cell[1]}
                for cell in changes.cleared
            ]
            for statement, rows in (("show_cells", marked), ("clear_cells", cleared)):
                if rows:
                    values = {"rows": rows_as_json(rows), "platform": platform.value}
                    connection.execute(_SQL[statement], values)


def stale_on(
    connection: Connection,
    wanted: StaleFilter | None = None,
    *,
    limit: int = 1_000_000,
    corrections: bool = True,
) -> StaleList:
    """`StalenessStore.stale` in the transaction of `connection`."""
    values = (wanted or StaleFilter()).parameters | {
        "limit": limit,
        "with_corrections": corrections,
    }
    rows = rows_of(connection.execute(_SQL["stale"], values))
    return StaleList([_stale_day(row) for row in rows], rows[0]["total"] if rows else 0)


def _stale_day(row: Mapping[str, Any]) -> StaleDay:
    values = {name: value for name, value in row.items() if name != "total"}
    values["platform"] = Platform(values["platform"])
    if values["correction_status"] is not None:
        values["correction_status"] = DeliveryStatus(values["correction_status"])
    return StaleDay(**values)


def _key(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "company_id": row["company_id"],
        "platform": row["platform"],
        "delivery_id": row["id"],
    }


def _current(current: Reported) -> dict[str, Any]:
    return {"current_hash": current.fingerprint, "current": current.figures}


def _of_day(row: Mapping[str, Any], day: date) -> dict[str, Any]:
    return {
        "day": day,
        "due_at": row["due_at"],
        "delivered_hash": row["figures_hash"],
        "changed_at": row["changed_at"],
    }
