"""What is wrong now, asked every minute. Statements: watch.sql, statements.py.

A pass over everybody's week costs seconds at a million deliveries, and from one minute to the next few
companies change. So each look measures those that may have changed, keeps what it knew of the others, and
adds up the platforms. Everybody is measured again every `EVERYBODY_EVERY`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from impact_in_pipelines.db.deliveries.changes import current_mark, mark_or_none
from impact_in_pipelines.db.engine import rows_of
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.db.sla import statements as sla_sql
from impact_in_pipelines.db.sla.rows import (
    back,
    burn_of,
    key_of,
    parameters,
    since_when,
    threshold_book,
)
from impact_in_pipelines.db.sla.rows import slugs as slugs_of
from impact_in_pipelines.db.sla.rows import streaks as streaks_of
from impact_in_pipelines.db.sla.unplanned import as_parameter, overdue_before, unplanned_fires
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.settings import Settings
from impact_in_pipelines.sla.assessing import (
    Burn,
    Measured,
    ScopeKey,
    SinceKey,
    assess,
    since_wanted,
    with_since,
)
from impact_in_pipelines.sla.budget import BURN_WINDOWS
from impact_in_pipelines.sla.metrics import added, metrics_of
from impact_in_pipelines.sla.model import Breach, BreachType, Metrics, Window
from impact_in_pipelines.sla.rules import Streak
from impact_in_pipelines.sla.thresholds import ThresholdBook, Thresholds
from impact_in_pipelines.sla.windows import rolling

EVERYBODY_EVERY = timedelta(minutes=10)
"""What time alone does to a burn rate (good ends leave its window) and a clock that was set are seen then."""

MOST_TOUCHED = 0.25
"""Above this share of the companies one pass over everybody is cheaper."""

_SQL, _STATUSES = load("sla/watch"), load("sla/statuses")
_BURNS = sla_sql.ends_within(BURN_WINDOWS)
_BURNS_OF_SOME = sla_sql.ends_within(BURN_WINDOWS, some=True)

IncidentKey = tuple[UUID | None, Platform | None, BreachType]
Counters = Mapping[str, Any]


@dataclass(slots=True)
class _Known:
    """What the last looks found: counters and breaches by scope, and whose thresholds they were judged by."""

    looked_at: datetime
    mark: str
    everybody_at: datetime
    book: ThresholdBook
    companies: int
    counters: dict[ScopeKey, Counters] = field(default_factory=dict)
    percentiles: dict[Platform | None, Any] = field(default_factory=dict)
    burns: dict[ScopeKey, Burn] = field(default_factory=dict)
    breaches: dict[ScopeKey, list[Breach]] = field(default_factory=dict)


class SlaWatch:
    """Finds the breaches that an incident is worth; remembers between two looks. Not for several threads at
    once: whoever looks holds the incidents' lock."""

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        *,
        everybody_every: timedelta = EVERYBODY_EVERY,
        most_touched: float = MOST_TOUCHED,
    ) -> None:
        self._engine = engine
        self._defaults = Thresholds.from_settings(settings)
        self._days = settings.sla_window_days
        self._everybody_every = everybody_every
        self._most_touched = most_touched
        self._known: _Known | None = None

    @property
    def measured_everybody_at(self) -> datetime | None:
        """When the last pass over everybody was."""
        return self._known.everybody_at if self._known else None

    def breaches(self, now: datetime, told: Collection[IncidentKey] = frozenset()) -> list[Breach]:
        """What is wrong at `now`: of each company on a platform, and of each platform as a whole, as
        `SlaStatuses.current` finds it. Since when isn't looked up for those in `told`."""
        try:
            with self._engine.begin() as connection:
                connection.execute(_STATUSES["roomy"])
                return self._look(connection, now, told)
        except BaseException:
            self._known = None  # half-updated knowledge is none
            raise

    def _look(
        self, connection: Connection, now: datetime, told: Collection[IncidentKey]
    ) -> list[Breach]:
        book, slugs = threshold_book(connection, self._defaults, None), slugs_of(connection, None)
        # Before anything is measured: what commits meanwhile is measured again by the next look.
        mark = current_mark(connection)
        touched = self._touched(connection, book, len(slugs), now)
        known = self._known
        if known is None or touched is None:
            known = self._known = _Known(now, mark, now, book, len(slugs))
        fires = unplanned_fires(connection, self._values(rolling(now, self._days), now, None))
        unplanned = as_parameter(fires)
        self._measure(connection, known, touched, now, unplanned)
        known.looked_at, known.mark = now, mark
        keys = _judged(known, touched)
        streaks = self._streaks(connection, touched, now)
        measured = Measured(
            rolling(now, self._days),
            {key: _metrics(known, key) for key in keys},
            streaks,
            {key: known.burns[key] for key in keys if key in known.burns},
            # Whoever has such a fire is always among the touched.
            overdue_before(connection, fires, self._values(rolling(now, self._days), now, None)),
        )
        assessment = assess(measured, book, slugs, now)
        wanted = [
            key
            for key in since_wanted(assessment)
            if key.platform is not None and (key.company_id, key.platform, key.type) not in told
        ]
        assessment = with_since(assessment, self._since(connection, wanted, now, unplanned))
        anew = None if touched is None else {None, *touched}
        for key in [*known.breaches]:
            if anew is None or key[0] in anew:
                del known.breaches[key]
        for breach in assessment.incidents_worth():
            known.breaches.setdefault((breach.company_id, breach.platform), []).append(breach)
        return [breach for found in known.breaches.values() for breach in found]

    def _touched(
        self, connection: Connection, book: ThresholdBook, companies: int, now: datetime
    ) -> list[UUID] | None:
        """The companies to measure; None: everybody."""
        known = self._known
        if known is None or known.book != book or known.companies != companies:
            return None
        if not known.looked_at <= now < known.everybody_at + self._everybody_every:
            return None
        if mark_or_none(connection, known.mark) is None:
            return None
        found = connection.scalars(
            _SQL["touched"],
            {
                "before": known.looked_at,
                "mark": known.mark,
                "start_before": rolling(known.looked_at, self._days).start,
                "start": rolling(now, self._days).start,
                "now": now,
                "overdue_after_minutes": self._defaults.overdue_after_minutes,
            },
        ).all()
        return list(found) if len(found) <= self._most_touched * companies else None

    def _measure(
        self,
        connection: Connection,
        known: _Known,
        touched: list[UUID] | None,
        now: datetime,
        unplanned: str,
    ) -> None:
        if touched is None:
            statement, burning = sla_sql.MEASURE_WITHOUT_LATENESS, _BURNS
        elif touched:
            statement, burning = sla_sql.MEASURE_SOME, _BURNS_OF_SOME
            _forget(known, touched)
        else:
            return
        window = rolling(now, self._days)
        values = self._values(window, now, touched) | {"unplanned": unplanned}
        for row in rows_of(connection.execute(statement, values)):
            key = key_of(row)
            if key[0] is not None and key[1] is not None:
                known.counters[key] = row
            elif key[0] is None and touched is None:
                known.percentiles[key[1]] = row["latency_percentiles"]
        burnt = self._values(back(now, BURN_WINDOWS[-1]), now, touched)
        for row in rows_of(connection.execute(burning, burnt)):
            key = key_of(row)
            # Of a few companies the sums over all are not the platforms'.
            if key[1] is not None and (touched is None or key[0] is not None):
                known.burns[key] = burn_of(row)
        if touched is None:
            known.everybody_at = now

    def _streaks(
        self, connection: Connection, touched: list[UUID] | None, now: datetime
    ) -> list[Streak]:
        if touched is not None and not touched:
            return []
        statement = sla_sql.STREAKS if touched is None else sla_sql.STREAKS_OF_SOME
        return streaks_of(
            connection, statement, self._values(rolling(now, self._days), now, touched)
        )

    def _since(
        self, connection: Connection, wanted: Sequence[SinceKey], now: datetime, unplanned: str
    ) -> dict[SinceKey, datetime]:
        of_companies = [key for key in wanted if key.company_id is not None]
        of_platforms = [key for key in wanted if key.company_id is None]
        window = rolling(now, self._days)
        found: dict[SinceKey, datetime] = {}
        ids = sorted({key.company_id for key in of_companies if key.company_id}, key=str)
        for keys, statement, whose in (
            (of_companies, sla_sql.SINCE_WHEN_OF_SOME, ids),
            (of_platforms, sla_sql.SINCE_WHEN, None),
        ):
            if keys:
                values = self._values(window, now, whose) | {"unplanned": unplanned}
                found |= since_when(connection, statement, keys, values)
        return found

    def _values(
        self, window: Window, now: datetime, company_ids: list[UUID] | None
    ) -> dict[str, Any]:
        values = parameters(window, now, self._defaults, None)
        return values if company_ids is None else values | {"company_ids": company_ids}


def _forget(known: _Known, companies: Iterable[UUID]) -> None:
    for company in companies:
        for platform in Platform:
            known.counters.pop((company, platform), None)
            known.burns.pop((company, platform), None)


def _judged(known: _Known, touched: list[UUID] | None) -> list[ScopeKey]:
    """The scopes to judge anew: of the companies that were measured, and of the platforms."""
    platforms = {platform for _, platform in known.counters}
    whole: list[ScopeKey] = [(None, platform) for platform in Platform if platform in platforms]
    if touched is None:
        return [*known.counters, *whole]
    measured: list[ScopeKey] = [
        (company, platform)
        for company in touched
        for platform in Platform
        if (company, platform) in known.counters
    ]
    return [*measured, *whole]


def _metrics(known: _Known, key: ScopeKey) -> Metrics:
    company, platform = key
    if company is not None:
        row = known.counters[key]
        return _of_counters(row, row["latency_percentiles"], [row])
    rows = [row for (_, one), row in known.counters.items() if one is platform]
    return _of_counters(added(rows), known.percentiles.get(platform), rows)


def _of_counters(counters: Counters, percentiles: Any, rows: Sequence[Counters]) -> Metrics:
    p50, p95 = percentiles or (None, None)
    oldest = [row["oldest_overdue"] for row in rows if row["oldest_overdue"] is not None]
    return metrics_of(
        {**counters, "latency_ms_p50": p50, "latency_ms_p95": p95},
        oldest_overdue=min(oldest, default=None),
    )
