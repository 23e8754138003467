"""What a company did in a period, and the source that says so (design, section 6: the metrics)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

Ref = str | UUID
"""What a caller knows a request by, such as a delivery's id."""

STANDARD_RANGES: Mapping[str, tuple[float, float]] = {
    "integration": (0.0, 1.0),
    "language": (0.0, 10.0),
    "job_readiness": (0.0, 1.0),
}
"""The standard outcome categories and the scores they allow, both ends included."""

FUTURE_TOLERANCE = timedelta(minutes=5)
"""How far ahead of our clock an event may lie: clocks differ, nothing else does."""

HISTORY_DAYS = 28
"""How many local days before a period tell what is usual."""


@dataclass(frozen=True, slots=True)
class PeriodRequest:
    """One company's whole local days `[period_start, period_end]` in `timezone`, known as `ref`."""

    ref: Ref
    company_id: UUID
    timezone: str
    period_start: date
    period_end: date


@dataclass(frozen=True, slots=True)
class ActivityFigures:
    """One activity. `hours` are those of events with a volunteer; `sessions` counts its events."""

    activity: str
    hours: float
    participants: int
    volunteers: int
    sessions: int


@dataclass(frozen=True, slots=True)
class OutcomeFigures:
    """One outcome category: `average` of all scores (4 decimals), distinct `participants` scored, lowest
    and highest score; `scores` is how many there were, `out_of_range` how many of them a standard
    category doesn't allow."""

    category: str
    average: float
    participants: int
    minimum: float
    maximum: float
    scores: int = 0
    out_of_range: int = 0


@dataclass(frozen=True, slots=True)
class QualityFigures:
    """What the expectations judge beside the metrics; counts are of events unless they say otherwise.

    `lowest_hours` is the least of all hours, `latest_event` the last instant (UTC); None without events.
    `missing_refs` have neither participant nor volunteer, `unattributed_scores` no participant.
    `overlong_volunteer_days` counts (volunteer, local day) pairs of
    more than 24 hours, `most_hours_a_day` is the longest such day in hours.
    """

    negative_hours: int = 0
    lowest_hours: float | None = None
    out_of_range_scores: int = 0
    future_events: int = 0
    latest_event: datetime | None = None
    missing_refs: int = 0
    unattributed_scores: int = 0
    overlong_volunteer_days: int = 0
    most_hours_a_day: float = 0.0


@dataclass(frozen=True, slots=True)
class HistoryFigures:
    """What was usual: `events` on `days` comparable local days of the `HISTORY_DAYS` before the period.

    Comparable are the weekdays that the period has, counted from the company's first day in that window;
    `company_impact` is where they are read from.
    """

    days: int = 0
    events: int = 0

    @property
    def events_a_day(self) -> float:
        """Mean events of a comparable day; 0 without any."""
        return self.events / self.days if self.days else 0.0


@dataclass(frozen=True, slots=True)
class ImpactFigures:
    """The metrics of one company and period, distinct over the whole period.

    `volunteer_hours` are hours with two decimals; `sessions` counts the events of the activity
    `session`, `events` all of them; activities and outcomes are sorted by name.
    """

    company_id: UUID
    period_start: date
    period_end: date
    timezone: str
    participants: int = 0
    volunteers: int = 0
    volunteer_hours: float = 0.0
    sessions: int = 0
    events: int = 0
    activities: tuple[ActivityFigures, ...] = ()
    outcomes: tuple[OutcomeFigures, ...] = ()
    quality: QualityFigures = QualityFigures()
    history: HistoryFigures = HistoryFigures()
    ref: Ref = ""

    @property
    def days(self) -> int:
        """Local days in the period."""
        return (self.period_end - self.period_start).days + 1


class ImpactSource(Protocol):
    """Aggregates raw events; `db.impact_store.ImpactStore` is the one that does."""

    def figures(
        self, requests: Sequence[PeriodRequest], now: datetime
    ) -> Mapping[Ref, ImpactFigures]:
        """The figures of every request by its `ref`, zeros where nothing happened; `now` is aware."""
        ...


def utc_bounds(first: date, last: date, timezone: str) -> tuple[datetime, datetime]:
    """The local days `first` to `last` of `timezone` as UTC instants, start included, end not.

    A midnight that a clock change skips is the instant of the change, one that comes twice the first of
    them, so that days of a zone follow each other without gap or overlap. Raises `ZoneInfoNotFoundError`.
    """
    zone = ZoneInfo(timezone)
    return _midnight(first, zone), _midnight(last + timedelta(days=1), zone)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def local_day(instant: datetime, timezone: str) -> date:
    """The calendar day of an aware `instant` in `timezone`."""
    return instant.astimezone(ZoneInfo(timezone)).date()
