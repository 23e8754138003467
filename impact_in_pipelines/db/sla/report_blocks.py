"""The reports on everybody's window, read some companies at a time, so that 10,000 companies' metrics, trends
and causes are never in memory together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from impact_in_pipelines.db.deliveries.changes import reading_changes
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.db.sla import statements as sla_sql
from impact_in_pipelines.db.sla.outcomes import read_blocks
from impact_in_pipelines.db.sla.report_rows import (
    FEWEST_AT_A_MINUTE,
    Found,
    Happenings,
    Reading,
    Rows,
    Trends,
    by_company,
    read_daily_trends,
    read_happenings,
    read_names,
    read_trends,
    worst_of,
)
from impact_in_pipelines.db.sla.rows import back, parameters, slugs, streaks, threshold_book
from impact_in_pipelines.db.sla.unplanned import overdue_before, unplanned_fires
from impact_in_pipelines.sla.assessing import (
    Assessment,
    Measured,
    Overdue,
    ScopeKey,
    assess,
    since_wanted,
    with_since,
)
from impact_in_pipelines.sla.budget import BURN_WINDOWS, ErrorBudget
from impact_in_pipelines.sla.everybody.budgets import EverybodysBudgets
from impact_in_pipelines.sla.everybody.passing import Burning, EverybodyPass, PassFindings
from impact_in_pipelines.sla.metrics import added
from impact_in_pipelines.sla.model import Window
from impact_in_pipelines.sla.reports.recommending import LATE_MS
from impact_in_pipelines.sla.reports.report import CompanyLine
from impact_in_pipelines.sla.rules import Streak
from impact_in_pipelines.sla.thresholds import ThresholdBook, Thresholds
from impact_in_pipelines.sla.windows import ReportKind

_STATUSES = load("sla/statuses")


@dataclass(frozen=True, slots=True)
class BlockReader:
    """Reads what the reports of `kind` on `window` need, at `now`; `budgets` are everybody's."""

    engine: Engine
    defaults: Thresholds
    kind: ReportKind
    window: Window
    now: datetime
    budgets: EverybodysBudgets

    def read(self) -> Iterator[tuple[Reading, Sequence[UUID | None]]]:
        """A reading for each block of companies, with those of which anything was measured; then that for all
        together (None). All of them see the log at one moment."""
        with reading_changes(self.engine) as (connection, _):
            connection.execute(_STATUSES["roomy"])
            values = parameters(self.window, self.now, self.defaults, None)
            fires = unplanned_fires(connection, values)
            book, ids = threshold_book(connection, self.defaults, None), slugs(connection, None)
            burning = self._burning()
            range_ = self.window.around(burning.window) if burning else self.window
            common = _Common(
                self,
                connection,
                book,
                ids,
                read_names(connection, None),
                read_happenings(connection, values),
                streaks(connection, _STATUSES["streaks"], values),
                overdue_before(connection, fires, values),
            )
            passing = EverybodyPass(
                sorted(ids),
                book,
                self.window,
                self.now,
                burning=burning,
                late_ms=LATE_MS,
                fewest=FEWEST_AT_A_MINUTE,
            )
            whole = _Whole()
            for block in read_blocks(connection, range_, values, sorted(ids), fires):
                reading = common.of_block(passing, passing.see(block), whole)
                yield reading, reading.assessment.company_ids()
                del reading
            yield common.of_all(passing, whole), [None]

    def _burning(self) -> Burning | None:
        if self.window.end < self.now:
            return None
        return Burning(back(self.now, BURN_WINDOWS[-1]), BURN_WINDOWS)


class _Whole:
    """What the report on all is put together from, block by block."""

    def __init__(self) -> None:
        self.worst: list[CompanyLine] = []
        self.causes: dict[tuple[Any, ...], dict[str, Any]] = {}
        self.trend: dict[datetime, dict[str, Any]] = {}

    def add_causes(self, rows: Found) -> None:
        """Add the causes of a block of companies to those of the others."""
        for row in rows:
            key = (row["platform"], row["error_kind"], row["http_status"])
            known = self.causes.get(key)
            if known is None:
                self.causes[key] = dict(row)
                continue
            for name in ("deliveries", "companies", "recovered"):
                known[name] += row[name]
            known["first_at"] = min(known["first_at"], row["first_at"])
            # The latest one is the example; of several at one instant the one with the least id.
            ours, theirs = ((one["last_at"], -one["example_delivery"].int) for one in (known, row))
            if theirs > ours:
                for name in ("last_at", "example_delivery", "example_company", "example"):
                    known[name] = row[name]

    def sorted_causes(self) -> Found:
        """All causes, in the order of `causes` in reports.sql."""
        found = sorted(self.causes.values(), key=lambda one: (one["platform"], one["error_kind"]))
        return sorted(found, key=lambda one: (one["deliveries"], one["last_at"]), reverse=True)

    def add_trend(self, periods: Mapping[datetime, Mapping[str, Any]]) -> None:
        """Add the counters of a block of companies to those of the others."""
        for start, row in periods.items():
            known = self.trend.get(start)
            buckets = row["latency_ms_buckets"]
            if known is not None:
                pairs = zip(known["latency_ms_buckets"], buckets, strict=True)
                row, buckets = added([known, row]), [one + other for one, other in pairs]
            self.trend[start] = {**row, "latency_ms_buckets": buckets}


@dataclass(frozen=True, slots=True)
class _Common:
    """What was read once, for all blocks."""

    reader: BlockReader
    connection: Connection
    book: ThresholdBook
    slugs: Mapping[UUID, str]
    names: Mapping[UUID | None, str]
    happenings: Happenings
    streaks: Sequence[Streak]
    overdue_before: Mapping[ScopeKey, Overdue]

    def of_block(self, passing: EverybodyPass, seen: PassFindings, whole: _Whole) -> Reading:
        """The reading of the companies that were seen last."""
        ids = set(seen.ids)
        assessment = self._assessed(seen, ids)
        assessment = with_since(assessment, passing.since(since_wanted(assessment)))
        causes = self._causes(passing.failures())
        whole.add_causes(causes.pop(None, []))
        whole.worst = worst_of(assessment, whole.worst)
        trends: Trends = {}
        if self.reader.kind is not ReportKind.ROLLING:
            kind, window = self.reader.kind, self.reader.window
            trends = read_daily_trends(self.connection, kind, window, seen.ids[0], seen.ids[-1])
            whole.add_trend(trends.get(None, {}))
        budgets = self.reader.budgets.of(seen.ids)
        return self._reading(assessment, budgets, trends, seen, causes, whole.worst)

    def of_all(self, passing: EverybodyPass, whole: _Whole) -> Reading:
        """The reading of all together."""
        reader, seen = self.reader, passing.all_together()
        assessment = self._assessed(seen, {None})
        assessment = with_since(assessment, passing.since_of_all(since_wanted(assessment)))
        trends: Trends = {None: whole.trend}
        if reader.kind is ReportKind.ROLLING:
            values = parameters(reader.window, reader.now, reader.defaults, None)
            trends = read_trends(self.connection, reader.kind, reader.window, values)
        causes: dict[UUID | None, Found] = {None: whole.sorted_causes()}
        budgets = reader.budgets.of_all()
        return self._reading(assessment, budgets, trends, seen, causes, whole.worst)

    def _assessed(self, seen: PassFindings, whose: set[UUID] | set[None]) -> Assessment:
        measured = Measured(
            self.reader.window,
            seen.metrics,
            [one for one in self.streaks if None in whose or one.company_id in whose],
            seen.burns,
            {key: one for key, one in self.overdue_before.items() if key[0] in whose},
        )
        # A streak counts in the scopes of all together as well, and these are judged at the end.
        found = assess(measured, self.book, self.slugs, self.reader.now)
        scopes = {key: scope for key, scope in found.scopes.items() if key[0] in whose}
        return replace(found, scopes=scopes)

    def _causes(self, failures: Sequence[tuple[UUID, datetime]]) -> dict[UUID | None, Found]:
        if not failures:
            return {}
        window, now = self.reader.window, self.reader.now
        values = parameters(window, now, self.reader.defaults, None)
        values["companies"] = [company for company, _ in failures]
        values["instants"] = [at for _, at in failures]
        return by_company(self.connection.execute(sla_sql.CAUSES_AT, values))

    def _reading(
        self,
        assessment: Assessment,
        budgets: Mapping[ScopeKey, ErrorBudget],
        trends: Trends,
        seen: PassFindings,
        causes: Mapping[UUID | None, Found],
        worst: Sequence[CompanyLine],
    ) -> Reading:
        return Reading(
            kind=self.reader.kind,
            now=self.reader.now,
            assessment=assessment,
            budgets=budgets,
            book=self.book,
            names=self.names,
            trends=trends,
            rows=Rows(
                causes=causes, crowded=seen.crowded, days=seen.days, happenings=self.happenings
            ),
            worst=worst,
        )
