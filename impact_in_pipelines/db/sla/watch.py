"""What is wrong now, asked every minute. Statements: watch.sql, statements.py.

A pass over everybody's week costs seconds at ten million deliveries, and from one minute to the next few
companies change. So each look measures those that may have changed, keeps what it knew of the others, and
adds up the platforms. Everybody is measured again every `EVERYBODY_EVERY`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from impact_in_pipelines.db.deliveries.changes import mark_or_none, reading_changes
from impact_in_pipelines.db.engine import rows_of
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.db.sla import statements as sla_sql
from impact_in_pipelines.db.sla.outcomes import read_everybody
from impact_in_pipelines.db.sla.rows import back, parameters, since_when, threshold_book
from impact_in_pipelines.db.sla.rows import streaks as streaks_of
from impact_in_pipelines.db.sla.unplanned import (
    as_parameter,
    overdue_before,
    unplanned_fires,
)
from impact_in_pipelines.loading import collecting_later
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.settings import Settings
from impact_in_pipelines.sla.assessing import (
    Assessment,
    Measured,
    ScopeKey,
    SinceKey,
    assess,
    since_wanted,
    with_since,
)
from impact_in_pipelines.sla.budget import BURN_WINDOWS
from impact_in_pipelines.sla.everybody.measuring import Everybody
from impact_in_pipelines.sla.everybody.standing import EverybodyStanding
from impact_in_pipelines.sla.incidents import OverdueFire
from impact_in_pipelines.sla.model import Breach, BreachType, Window
from impact_in_pipelines.sla.rules import Streak
from impact_in_pipelines.sla.thresholds import ThresholdBook, Thresholds
from impact_in_pipelines.sla.windows import rolling

EVERYBODY_EVERY = timedelta(minutes=10)
"""What time alone does to a burn rate (good ends leave its window) and a clock that was set are seen then."""

MOST_TOUCHED = 0.25
"""Above this share of the companies one pass over everybody is cheaper."""

_SQL, _STATUSES = load("sla/watch"), load("sla/statuses")
_BURNS = sla_sql.ends_within(BURN_WINDOWS)

IncidentKey = tuple[UUID | None, Platform | None, BreachType]


@dataclass(slots=True)
class _Known:
    """What the last looks found: how everybody stands, the breaches by scope, and whose thresholds they were
    judged by."""

    looked_at: datetime
    mark: str
    everybody_at: datetime
    book: ThresholdBook
    standing: EverybodyStanding
    breaches: dict[ScopeKey, list[Breach]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Look:
    """One look: at what time, at which fires that nobody planned, and at whom (None: at everybody, read
    whole)."""

    connection: Connection
    now: datetime
    window: Window
    burning: Window
    book: ThresholdBook
    fires: Sequence[OverdueFire]
    touched: Sequence[UUID] | None
    everybody: Everybody | None = None


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
        self.unplanned: Sequence[OverdueFire] = ()
        """Overdue fires that nobody had planned at the last look."""

    @property
    def measured_everybody_at(self) -> datetime | None:
        """When the last pass over everybody was."""
        return self._known.everybody_at if self._known else None

    @collecting_later()
    def breaches(self, now: datetime, told: Collection[IncidentKey] = frozenset()) -> list[Breach]:
        """What is wrong at `now`: of each company on a platform, and of each platform as a whole, as
        `SlaStatuses.current` finds it. Since when isn't looked up for those in `told`."""
        try:
            # One moment for all that is read: what commits meanwhile is measured again by the next look.
            with reading_changes(self._engine) as (connection, mark):
                connection.execute(_STATUSES["roomy"])
                return self._look(connection, mark, now, told)
        except BaseException:
            self._known = None  # half-updated knowledge is none
            raise

    def _look(
        self, connection: Connection, mark: str, now: datetime, told: Collection[IncidentKey]
    ) -> list[Breach]:
        look = self._begun(connection, now)
        self.unplanned = look.fires
        known = self._known
        if known is None or look.touched is None:
            look = replace(look, touched=None, everybody=self._everybody(look))
            standing = EverybodyStanding.of(_read(look), look.window, look.burning, now)
            known = self._known = _Known(now, mark, now, look.book, standing)
        elif look.touched:
            self._measure(look, known.standing, look.touched)
        known.looked_at, known.mark = now, mark
        assessment = self._assessed(look, known.standing)
        wanted = [
            key
            for key in since_wanted(assessment)
            if key.platform is not None and (key.company_id, key.platform, key.type) not in told
        ]
        assessment = with_since(assessment, self._since(look, wanted))
        anew = None if look.touched is None else {None, *look.touched}
        for key in [*known.breaches]:
            if anew is None or key[0] in anew:
                del known.breaches[key]
        for breach in assessment.incidents_worth():
            known.breaches.setdefault((breach.company_id, breach.platform), []).append(breach)
        return [breach for found in known.breaches.values() for breach in found]

    def _begun(self, connection: Connection, now: datetime) -> _Look:
        window, burning = rolling(now, self._days), back(now, BURN_WINDOWS[-1])
        book = threshold_book(connection, self._defaults, None)
        fires = unplanned_fires(connection, self._values(window, now, None))
        touched = self._touched(connection, book, now)
        return _Look(connection, now, window, burning, book, fires, touched)

    def _touched(
        self, connection: Connection, book: ThresholdBook, now: datetime
    ) -> list[UUID] | None:
        """The companies to measure; None: everybody."""
        known = self._known
        if known is None or known.book != book:
            return None
        if not known.looked_at <= now < known.everybody_at + self._everybody_every:
            return None
        if mark_or_none(connection, known.mark) is None:
            return None
        if connection.scalar(_SQL["count_companies"]) != len(known.standing):
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
        most = self._most_touched * len(known.standing)
        if len(found) > most or not all(company in known.standing for company in found):
            return None
        return list(found)

    def _everybody(self, look: _Look) -> Everybody:
        return read_everybody(
            look.connection,
            look.window.around(look.burning),
            self._values(look.window, look.now, None),
            list(look.connection.scalars(_SQL["companies"])),
            look.fires,
            look.book,
        )

    def _measure(self, look: _Look, standing: EverybodyStanding, touched: Sequence[UUID]) -> None:
        standing.forget(touched)
        values = self._values(look.window, look.now, touched)
        values |= {"unplanned": as_parameter(look.fires)}
        for row in rows_of(look.connection.execute(sla_sql.MEASURE_UNSTARTED, values)):
            if row["company_id"] is not None and row["platform"] in Platform:
                standing.put(row["company_id"], Platform(row["platform"]), row)
        burnt = self._values(look.burning, look.now, touched)
        for row in rows_of(look.connection.execute(_BURNS, burnt)):
            if row["company_id"] is not None and row["platform"] in Platform:
                standing.put_ends(row["company_id"], Platform(row["platform"]), row)

    def _assessed(self, look: _Look, standing: EverybodyStanding) -> Assessment:
        keys = standing.keys(look.touched)
        values = self._values(look.window, look.now, None)
        measured = Measured(
            look.window,
            dict(zip(keys, standing.metrics(keys), strict=True)),
            self._streaks(look),
            standing.burns(keys),
            # Whoever has such a fire is always among the touched.
            overdue_before(look.connection, look.fires, values),
        )
        whose = {"company_ids": None if look.touched is None else list(look.touched)}
        slugs = {row.id: row.slug for row in look.connection.execute(_SQL["slugs_of"], whose)}
        return assess(measured, look.book, slugs, look.now)

    def _streaks(self, look: _Look) -> list[Streak]:
        if look.touched is not None and not look.touched:
            return []
        values = self._values(look.window, look.now, look.touched)
        return streaks_of(look.connection, sla_sql.STREAKS, values)

    def _since(self, look: _Look, wanted: Sequence[SinceKey]) -> Mapping[SinceKey, datetime]:
        if look.touched is None:
            return _read(look).since(wanted, look.window, look.now)
        found: dict[SinceKey, datetime] = {}
        of_platforms = [key for key in wanted if key.company_id is None]
        if of_platforms:
            found |= self._everybody(look).since(of_platforms, look.window, look.now)
        of_companies = [key for key in wanted if key.company_id is not None]
        if of_companies:
            ids = {key.company_id for key in of_companies if key.company_id is not None}
            values = self._values(look.window, look.now, ids)
            values |= {"unplanned": as_parameter(look.fires)}
            found |= since_when(look.connection, sla_sql.SINCE_WHEN, of_companies, values)
        return found

    def _values(
        self, window: Window, now: datetime, company_ids: Iterable[UUID] | None
    ) -> dict[str, Any]:
        values = parameters(window, now, self._defaults, None)
        return values if company_ids is None else values | {"company_ids": list(company_ids)}


def _read(look: _Look) -> Everybody:
    if look.everybody is None:
        raise ValueError("only a look at everybody has read everybody")
    return look.everybody
