"""How everybody stands: what was measured, judged by `sla/`. Statements: statuses.sql, statements.py.

One pass over the log measures all companies; nothing here asks once per company.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.deliveries.changes import reading_at_once
from impact_in_pipelines.db.engine import rows_of
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.db.retention.months import left_until
from impact_in_pipelines.db.sla import rows as sla_rows
from impact_in_pipelines.db.sla import statements as sla_sql
from impact_in_pipelines.db.sla.outcomes import (
    by_columns,
    is_packed,
    read_blocks,
    read_everybody,
)
from impact_in_pipelines.db.sla.rows import (
    back,
    burn_of,
    key_of,
    metrics_in,
    only,
    since_when,
    threshold_book,
)
from impact_in_pipelines.db.sla.unplanned import (
    as_parameter,
    overdue_before,
    unplanned_fires,
)
from impact_in_pipelines.errors.sla import WindowLeft
from impact_in_pipelines.loading import collecting_later
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.settings import Settings
from impact_in_pipelines.sla.assessing import (
    EVERYTHING,
    Assessment,
    Burn,
    Measured,
    ScopeKey,
    assess,
    since_wanted,
    with_since,
)
from impact_in_pipelines.sla.budget import BURN_WINDOWS, ErrorBudget
from impact_in_pipelines.sla.everybody.budgets import (
    BUDGET_WINDOWS,
    Counts,
    EverybodysBudgets,
    budgets_of,
    ends_in,
)
from impact_in_pipelines.sla.everybody.measuring import Everybody, ends_of
from impact_in_pipelines.sla.incidents import OverdueFire
from impact_in_pipelines.sla.model import SlaStatus, Window
from impact_in_pipelines.sla.thresholds import ThresholdBook, Thresholds
from impact_in_pipelines.sla.windows import rolling, window

_SQL = load("sla/statuses")
_NEVER_LEFT = timedelta(days=31)
"""What was due less long ago is in the log, whatever the settings of retention are."""

_BURNS = sla_sql.ends_within(BURN_WINDOWS)
_BUDGETS = sla_sql.ends_within(BUDGET_WINDOWS)

Standing = tuple[SlaStatus, ErrorBudget | None]
"""A status, and the error budget of the 28 days up to now, None where nothing came to its end in them."""


class SlaStatuses:
    """Measures and judges; writes nothing."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._defaults = Thresholds.from_settings(settings)
        self._window_days = settings.sla_window_days

    def get_sla_status(
        self,
        company: Company | None,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        now: datetime,
    ) -> SlaStatus:
        """The status of `company`, or of all (None), in `[start, end)`, by default from Monday 00:00 UTC
        until `now`. Raises `WindowReversed` where the end isn't after the start, `WindowLeft`."""
        company_id = company.id if company else None
        assessment = self.assess(self._asked(now, start, end), now, company_id=company_id)
        return assessment.status(company_id)

    def standing(
        self,
        company: Company | None,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        now: datetime,
    ) -> Standing:
        """The same with the error budget of the 28 days up to `now`, None where nothing came to its end in
        them. Raises `WindowReversed`, `WindowLeft`."""
        if company is not None:
            return self.standings([company], start, end, now=now)[company.id]
        status = self.get_sla_status(None, start, end, now=now)
        return status, self.error_budgets(now).get(EVERYTHING)

    def standings(
        self,
        companies: Sequence[Company],
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        now: datetime,
    ) -> dict[UUID, Standing]:
        """The same of some companies; by one reading, if their window touches the 28 days: else that would
        read all that lies between. Raises `WindowReversed`, `WindowLeft`."""
        asked, back_on = self._asked(now, start, end), _back_on(now)
        if not by_columns(asked) or asked.end < back_on.start:
            return {one.id: self._standing(one, start, end, now) for one in companies}
        ids = [one.id for one in companies]
        found, everybody, book = self._assess_columns(
            asked, now, ids, also=back_on, platforms_as_a_whole=False
        )
        burns = everybody.burns(BUDGET_WINDOWS, back_on, now)
        whole = {key: burn for key, burn in burns.items() if key[0] and key[1] is None}
        budgets = budgets_of(whole, book, now)
        return {id_: (found.status(id_), budgets.get((id_, None))) for id_ in ids}

    def _standing(
        self, company: Company, start: datetime | None, end: datetime | None, now: datetime
    ) -> Standing:
        status = self.get_sla_status(company, start, end, now=now)
        budgets = self.error_budgets(now, company_id=company.id)
        return status, budgets.get((company.id, None))

    def kept_from(self, start: datetime, now: datetime) -> datetime | None:
        """From when on deliveries are in the log, if that is after `start`; None: those from then on are."""
        if start >= now - _NEVER_LEFT:
            return None
        with self._engine.connect() as connection:
            left = left_until(connection)
        return left if left is not None and left > start else None

    def _asked(self, now: datetime, start: datetime | None, end: datetime | None) -> Window:
        asked = window(now, start, end)
        if kept_from := self.kept_from(asked.start, now):
            raise WindowLeft(asked.start, kept_from)
        return asked

    def current(self, now: datetime) -> Assessment:
        """Every company and platform over the last SLA_WINDOW_DAYS days, in one pass."""
        return self.assess(rolling(now, self._window_days), now)

    def assess(
        self, window: Window, now: datetime, *, company_id: UUID | None = None
    ) -> Assessment:
        """Judge a window at `now`: every company and platform in it, or those of one company."""
        if by_columns(window):
            if company_id is None:
                return self.assess_everybody(window, now)[0]
            return self._assess_columns(window, now, [company_id])[0]
        with self._engine.begin() as connection:
            connection.execute(_SQL["roomy"])
            parameters = self.parameters(window, now, company_id)
            fires = unplanned_fires(connection, parameters)
            parameters["unplanned"] = as_parameter(fires)
            measured = self._measured(connection, window, parameters, fires)
            book = self._book(connection, only(company_id))
            slugs = sla_rows.slugs(connection, only(company_id))
            assessment = assess(measured, book, slugs, now)
            wanted = since_wanted(assessment)
            if not wanted:
                return assessment
            since = since_when(connection, sla_sql.SINCE_WHEN, wanted, parameters)
            return with_since(assessment, since)

    @collecting_later()
    def assess_everybody(self, window: Window, now: datetime) -> tuple[Assessment, Everybody]:
        """The same of everybody, with what it was read from."""
        return self._assess_columns(window, now, None)[:2]

    def _assess_columns(
        self,
        window: Window,
        now: datetime,
        company_ids: Sequence[UUID] | None,
        *,
        also: Window | None = None,
        platforms_as_a_whole: bool = True,
    ) -> tuple[Assessment, Everybody, ThresholdBook]:
        """Read the packed outcomes, and of the log only what they don't have: a statement over millions of
        rows takes many times longer, and one company's week is seven rows instead of hundreds of pages. What
        was read is of `window` and of `also`; of some companies, or (None) of all."""
        with reading_at_once(self._engine) as connection:
            if company_ids is None:
                connection.execute(_SQL["roomy"])
            parameters = self.parameters(window, now, None) | {"company_ids": company_ids}
            fires = unplanned_fires(connection, parameters)
            book = self._book(connection, company_ids)
            slugs = sla_rows.slugs(connection, company_ids)
            burning = back(now, BURN_WINDOWS[-1]) if window.end >= now else window
            everybody = read_everybody(
                connection,
                window.around(burning).around(also or window),
                parameters,
                sorted(slugs),
                fires,
                book,
            )
            streaks = sla_rows.streaks(connection, _SQL["streaks"], parameters)
            before = overdue_before(connection, fires, parameters)
        measured = Measured(
            window,
            everybody.metrics(window, whole=platforms_as_a_whole),
            streaks,
            everybody.burns(BURN_WINDOWS, burning, now) if window.end >= now else {},
            before,
        )
        assessment = assess(measured, book, slugs, now)
        since = everybody.since(since_wanted(assessment), window, now)
        return with_since(assessment, since), everybody, book

    def error_budgets(
        self, now: datetime, *, company_id: UUID | None = None
    ) -> dict[ScopeKey, ErrorBudget]:
        """The error budget of every scope over the 28 days up to `now`, in one pass; scopes in which
        nothing came to its end are absent."""
        return self.budgets(now, company_id=company_id).every()

    @collecting_later()
    def budgets(self, now: datetime, *, company_id: UUID | None = None) -> EverybodysBudgets:
        """The same in numbers, for whoever needs those of some companies at a time."""
        window = _back_on(now)
        values = self.parameters(window, now, company_id)
        with reading_at_once(self._engine) as connection:
            book = self._book(connection, only(company_id))
            ids = sorted(sla_rows.slugs(connection, only(company_id)))
            if is_packed(connection):
                blocks = read_blocks(connection, window, values, ids)
                ends = ends_of(blocks, BUDGET_WINDOWS, window, now)
            else:
                rows = rows_of(connection.execute(_BUDGETS, values))
                ends = ends_in(ids, map(_counts, filter(_is_single, rows)))
        return EverybodysBudgets(ids, ends, book, now)

    def _measured(
        self,
        connection: Connection,
        window: Window,
        parameters: Mapping[str, Any],
        fires: Sequence[OverdueFire],
    ) -> Measured:
        now, company_id = parameters["now"], parameters["company_id"]
        rows = rows_of(connection.execute(sla_sql.MEASURE, parameters))
        burns: dict[ScopeKey, Burn] = {}
        if window.end >= now:
            burning = self.parameters(back(now, BURN_WINDOWS[-1]), now, company_id)
            found = rows_of(connection.execute(_BURNS, burning))
            burns = {key_of(row): burn_of(row) for row in found}
        return Measured(
            window,
            {key_of(row): metrics_in(row) for row in rows},
            sla_rows.streaks(connection, _SQL["streaks"], parameters),
            burns,
            overdue_before(connection, fires, parameters),
        )

    def _book(self, connection: Connection, company_ids: Sequence[UUID] | None) -> ThresholdBook:
        return threshold_book(connection, self._defaults, company_ids)

    def parameters(self, window: Window, now: datetime, company_id: UUID | None) -> dict[str, Any]:
        """What the statements over `window` are given, of one company or of all (None)."""
        return sla_rows.parameters(window, now, self._defaults, company_id)


def _back_on(now: datetime) -> Window:
    """What a budget looks back on."""
    return back(now, BUDGET_WINDOWS[-1])


def _is_single(row: Mapping[str, Any]) -> bool:
    """Whether the row is about one company's platform; the others are sums of such."""
    return row["company_id"] is not None and row["platform"] is not None


def _counts(row: Mapping[str, Any]) -> Counts:
    burn = burn_of(row, BUDGET_WINDOWS)
    return row["company_id"], Platform(row["platform"]), [burn.by_window[w] for w in BUDGET_WINDOWS]
