"""The expectations on a company's figures, as data: what is judged, how hard, and what to say of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from impact_in_pipelines.impact.figures import (
    FUTURE_TOLERANCE,
    STANDARD_RANGES,
    ImpactFigures,
    utc_bounds,
)
from impact_in_pipelines.plurals import count

LEAST_SHARE = 0.2
"""Events a day, as a share of the usual, below which a period counts as incomplete."""

LEAST_HISTORY_DAYS = 4
"""Comparable days that must be known before anything is called usual."""

LEAST_USUAL_EVENTS = 5.0
"""Usual events a day below which chance alone makes a drop."""


class CheckSeverity(StrEnum):
    """What a failed expectation means: a critical one stops the delivery, a warning is shown."""

    CRITICAL = "critical"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Bounds:
    """Allowed values of a column, ends included; with `above`, the lowest excluded. Nulls are not judged."""

    lowest: float | None = None
    highest: float | None = None
    above: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """One named expectation; `meaning` says what must hold.

    `bounds` are by column of the frame (`columns.KINDS`), `required`
    columns must not be null; `observed` says what was seen in figures that failed, `remedy` what to do."""

    name: str
    severity: CheckSeverity
    observed: Callable[[ImpactFigures], str]
    remedy: str
    meaning: str
    bounds: Mapping[str, Bounds] = field(default_factory=dict)
    required: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that it judges."""
        return (*self.required, *self.bounds)

    def message(self, figures: ImpactFigures) -> str:
        """One line: which expectation, what was seen, what to do."""
        return f"expectation {self.name} failed: {self.observed(figures)}; {self.remedy}"


def is_over(figures: ImpactFigures, now: datetime) -> bool:
    """Whether the period has ended at `now`: before that, few events say nothing."""
    if not figures.timezone:
        return False
    _, ends_at = utc_bounds(figures.period_start, figures.period_end, figures.timezone)
    return ends_at <= now


def share_of_usual(figures: ImpactFigures, now: datetime) -> float | None:
    """Events a day by what is usual on such days; None where the period isn't over or too little is known."""
    usual = figures.history.events_a_day
    known = figures.history.days >= LEAST_HISTORY_DAYS and usual >= LEAST_USUAL_EVENTS
    return figures.events / figures.days / usual if known and is_over(figures, now) else None


def events_where_some_are_due(figures: ImpactFigures, now: datetime) -> int | None:
    """The number of events; None where none would be no surprise: the period isn't over, or such days
    have been empty before."""
    usually_empty = figures.history.days >= LEAST_HISTORY_DAYS and not figures.history.events
    return figures.events if is_over(figures, now) and not usually_empty else None


def _events(number: int) -> str:
    return count(number, "event")


def _lowest_count(figures: ImpactFigures) -> str:
    counts = {
        "participants": figures.participants,
        "volunteers": figures.volunteers,
        "sessions": figures.sessions,
        "events": figures.events,
        "volunteer hours": figures.volunteer_hours,
    }
    return ", ".join(f"{name} {value:g}" for name, value in counts.items() if value < 0)


def _scores(figures: ImpactFigures) -> str:
    seen = []
    for outcome in figures.outcomes:
        lowest, highest = STANDARD_RANGES.get(outcome.category, (outcome.minimum, outcome.maximum))
        for score in dict.fromkeys((outcome.minimum, outcome.maximum)):
            if not lowest <= score <= highest:
                allowed = f"(allowed {lowest:g}–{highest:g})"
                seen.append(f"{outcome.category} score {score:g} {allowed}")
    return f"{', '.join(seen)} in {_events(figures.quality.out_of_range_scores)}"


def _future(figures: ImpactFigures) -> str:
    latest = figures.quality.latest_event
    shown = latest.astimezone(UTC).isoformat(timespec="seconds") if latest else "none"
    return f"{_events(figures.quality.future_events)} ahead of the clock, the last at {shown}"


def _unattributed(figures: ImpactFigures) -> str:
    quality = figures.quality
    parts = (
        (quality.missing_refs, "without participant and volunteer"),
        (quality.unattributed_scores, "with a score and no participant"),
    )
    return ", ".join(f"{_events(number)} {what}" for number, what in parts if number)


_CORRECT = "correct the events and replay"

CHECKS: tuple[Check, ...] = (
    Check(
        "identity_present",
        CheckSeverity.CRITICAL,
        lambda f: f"company {f.company_id}, {f.period_start} to {f.period_end}, zone {f.timezone}",
        "complete the company's record and replay",
        meaning="Every company-day names its company, its day and its time zone",
        required=("company_id", "period_start", "period_end", "timezone"),
    ),
    Check(
        "counts_non_negative",
        CheckSeverity.CRITICAL,
        _lowest_count,
        _CORRECT,
        meaning="No count and no sum of hours is negative",
        bounds={
            column: Bounds(lowest=0)
            for column in ("participants", "volunteers", "sessions", "events", "volunteer_hours")
        },
    ),
    Check(
        "hours_non_negative",
        CheckSeverity.CRITICAL,
        lambda f: (
            f"{count(f.quality.lowest_hours or 0, 'hour')} in {_events(f.quality.negative_hours)}"
        ),
        _CORRECT,
        meaning="No event has negative hours",
        bounds={"lowest_hours": Bounds(lowest=0)},
    ),
    Check(
        "scores_in_range",
        CheckSeverity.CRITICAL,
        _scores,
        _CORRECT,
        meaning="Outcome scores lie in their range: integration and job readiness 0 to 1, language 0 to 10",
        bounds={
            f"{category}_{end}": Bounds(lowest=lowest, highest=highest)
            for category, (lowest, highest) in STANDARD_RANGES.items()
            for end in ("minimum", "maximum")
        },
    ),
    Check(
        "no_future_events",
        CheckSeverity.CRITICAL,
        _future,
        "correct their occurred_at, or wait until they have happened, and replay",
        meaning="No event lies ahead of the clock",
        bounds={"seconds_ahead": Bounds(highest=FUTURE_TOLERANCE.total_seconds())},
    ),
    Check(
        "hours_have_volunteers",
        CheckSeverity.CRITICAL,
        lambda f: f"{count(f.volunteer_hours, 'volunteer hour')} of no volunteer",
        "compute the figures again (a full refresh) and replay",
        meaning="Volunteer hours belong to a volunteer",
        bounds={"ownerless_hours": Bounds(lowest=0, highest=0)},
    ),
    Check(
        "volunteers_have_hours",
        CheckSeverity.WARNING,
        lambda f: f"{count(f.volunteers, 'volunteer')} and 0 hours",
        "check whether hours are missing",
        meaning="Where volunteers were active there are hours",
        bounds={"hours_of_volunteers": Bounds(lowest=0, above=True)},
    ),
    Check(
        "volunteer_days_within_24_hours",
        CheckSeverity.WARNING,
        lambda f: f"{f.quality.most_hours_a_day:g} hours of one volunteer on one day",
        "check whether hours are entered twice or sum up several days",
        meaning="Nobody volunteers for more than 24 hours on one day",
        bounds={"most_hours_a_day": Bounds(highest=24)},
    ),
    Check(
        "references_present",
        CheckSeverity.WARNING,
        _unattributed,
        "add the references: what has none is missing from the figures",
        meaning="Every event says who took part",
        bounds={column: Bounds(highest=0) for column in ("missing_refs", "unattributed_scores")},
    ),
    Check(
        "events_present",
        CheckSeverity.WARNING,
        lambda f: f"no events from {f.period_start} to {f.period_end}",
        "check whether an import is missing",
        meaning="There are events on days that usually have some",
        bounds={"events_due": Bounds(lowest=1)},
    ),
    Check(
        "complete_against_history",
        CheckSeverity.WARNING,
        lambda f: (
            f"{f.events / f.days:.1f} events a day where {f.history.events_a_day:.1f} are usual"
        ),
        "check whether an import is missing",
        meaning=f"A day has at least {LEAST_SHARE:.0%} of the events that such days usually have",
        bounds={"share_of_usual": Bounds(lowest=LEAST_SHARE)},
    ),
)
"""Every expectation, critical ones first; the gate reports the first that fails."""
