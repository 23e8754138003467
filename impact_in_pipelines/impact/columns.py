"""The columns that the expectations judge: made of figures once, for whoever judges them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import Enum

from impact_in_pipelines.impact.checks import events_where_some_are_due, share_of_usual
from impact_in_pipelines.impact.figures import STANDARD_RANGES, ImpactFigures

Value = str | int | float | None
Record = Mapping[str, Value]
"""One company and period: a value for every column of `KINDS`."""


class Unjudgeable(RuntimeError):
    """An expectation could not be evaluated: what isn't judged must not pass."""


class Kind(Enum):
    """What a column holds; any of them may be null."""

    TEXT = "text"
    COUNT = "count"
    NUMBER = "number"


KINDS: Mapping[str, Kind] = {
    "company_id": Kind.TEXT,
    "period_start": Kind.TEXT,
    "period_end": Kind.TEXT,
    "timezone": Kind.TEXT,
    "participants": Kind.COUNT,
    "volunteers": Kind.COUNT,
    "sessions": Kind.COUNT,
    "events": Kind.COUNT,
    "missing_refs": Kind.COUNT,
    "unattributed_scores": Kind.COUNT,
    "volunteer_hours": Kind.NUMBER,
    "lowest_hours": Kind.NUMBER,
    "most_hours_a_day": Kind.NUMBER,
    "ownerless_hours": Kind.NUMBER,
    "hours_of_volunteers": Kind.NUMBER,
    "seconds_ahead": Kind.NUMBER,
    "events_due": Kind.NUMBER,
    "share_of_usual": Kind.NUMBER,
    **{
        f"{category}_{end}": Kind.NUMBER
        for category in STANDARD_RANGES
        for end in ("minimum", "maximum")
    },
}
"""Every column and what it holds. Null where there is nothing to judge: `ownerless_hours` are hours where
there are no volunteers, `hours_of_volunteers` hours where there are, `seconds_ahead` is how far the last
event lies after now, `{category}_minimum` and `{category}_maximum` are of the standard outcome categories."""


def records(figures: Sequence[ImpactFigures], now: datetime) -> list[Record]:
    """One record per company and period, in the order of `figures`; `now` (aware) tells what lies ahead.

    Raises `Unjudgeable` for a value that is not of its column's kind.
    """
    return [typed(_values(each, now)) for each in figures]


def typed(values: Mapping[str, object]) -> Record:
    """`values` as their columns hold them: text, whole or broken numbers, None. Raises `Unjudgeable`."""
    return {name: as_its_kind(name, values[name]) for name, as_its_kind in _AS}


def is_null(value: Value) -> bool:
    """Whether there is nothing to judge: None, or a float that is not a number."""
    return value is None or value != value


def _values(figures: ImpactFigures, now: datetime) -> dict[str, object]:
    quality = figures.quality
    latest = quality.latest_event
    values: dict[str, object] = {
        "company_id": figures.company_id,
        "period_start": figures.period_start,
        "period_end": figures.period_end,
        "timezone": figures.timezone,
        "participants": figures.participants,
        "volunteers": figures.volunteers,
        "sessions": figures.sessions,
        "events": figures.events,
        "missing_refs": quality.missing_refs,
        "unattributed_scores": quality.unattributed_scores,
        "volunteer_hours": figures.volunteer_hours,
        "lowest_hours": quality.lowest_hours,
        "most_hours_a_day": quality.most_hours_a_day,
        "ownerless_hours": None if figures.volunteers else figures.volunteer_hours,
        "hours_of_volunteers": figures.volunteer_hours if figures.volunteers else None,
        "seconds_ahead": (latest - now).total_seconds() if latest else None,
        "events_due": events_where_some_are_due(figures, now),
        "share_of_usual": share_of_usual(figures, now),
    }
    scored = {outcome.category: outcome for outcome in figures.outcomes}
    for category in STANDARD_RANGES:
        outcome = scored.get(category)
        values[f"{category}_minimum"] = outcome.minimum if outcome else None
        values[f"{category}_maximum"] = outcome.maximum if outcome else None
    return values


def _text(_: str, value: object) -> Value:
    return None if value is None else str(value) or None


def _count(column: str, value: object) -> Value:
    if value is None:
        return None
    return int(value) if isinstance(value, int) else _number(column, value)


def _number(column: str, value: object) -> Value:
    if value is None:
        return None
    if isinstance(value, (float, int, Decimal)):
        try:
            return float(value)
        except (OverflowError, ValueError):  # an int beyond the floats; a signalling NaN
            pass
    raise Unjudgeable(
        f"an expectation could not be evaluated: {column} is {type(value).__name__} {str(value)[:40]!r}"
    )


_BY_KIND = {Kind.TEXT: _text, Kind.COUNT: _count, Kind.NUMBER: _number}
_AS = tuple((name, _BY_KIND[kind]) for name, kind in KINDS.items())
