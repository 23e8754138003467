"""Between rows and figures: what the aggregate statement returns, and what `company_impact` keeps."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping

from impact_in_pipelines.impact.figures import (
    FUTURE_TOLERANCE,
    ActivityFigures,
    HistoryFigures,
    ImpactFigures,
    OutcomeFigures,
    PeriodRequest,
    QualityFigures,
    Ref,
)

_NAMES = {
    kind: tuple(field.name for field in fields(kind))
    for kind in (ActivityFigures, OutcomeFigures, QualityFigures)
}


def assemble(
    requests: Sequence[PeriodRequest], rows: Iterable[RowMapping]
) -> dict[Ref, ImpactFigures]:
    """The figures of each of `requests`, by its ref, from the rows of `aggregate_periods`, whose `request`
    is an index into them. Rows of one request follow each other, sorted by section and label."""
    found: dict[Ref, ImpactFigures] = {}
    activities: list[ActivityFigures] = []
    outcomes: list[OutcomeFigures] = []
    for row in rows:
        match row["section"]:
            case "activity":
                activities.append(_activity(row))
            case "outcome":
                outcomes.append(_outcome(row))
            case _:  # 'total' is the last section of a request; without events it is the only row
                request = requests[row["request"]]
                found[request.ref] = _total(request, row, tuple(activities), tuple(outcomes))
                activities, outcomes = [], []
    return found


def _activity(row: RowMapping) -> ActivityFigures:
    return ActivityFigures(
        activity=row["label"],
        hours=float(row["hours"]),
        participants=row["participants"],
        volunteers=row["volunteers"],
        sessions=row["events"],
    )


def _outcome(row: RowMapping) -> OutcomeFigures:
    return OutcomeFigures(
        category=row["label"],
        average=float(row["average"]),
        participants=row["participants"],
        minimum=float(row["lowest_score"]),
        maximum=float(row["highest_score"]),
        scores=row["scores"],
        out_of_range=row["out_of_range"],
    )


def _total(
    request: PeriodRequest,
    row: RowMapping,
    activities: tuple[ActivityFigures, ...],
    outcomes: tuple[OutcomeFigures, ...],
) -> ImpactFigures:
    if row["section"] is None:
        return ImpactFigures(
            company_id=request.company_id,
            period_start=request.period_start,
            period_end=request.period_end,
            timezone=request.timezone,
            history=_history(row),
            ref=request.ref,
        )
    return ImpactFigures(
        company_id=request.company_id,
        period_start=request.period_start,
        period_end=request.period_end,
        timezone=request.timezone,
        participants=row["participants"],
        volunteers=row["volunteers"],
        volunteer_hours=float(row["hours"]),
        sessions=row["sessions"],
        events=row["events"],
        activities=activities,
        outcomes=outcomes,
        quality=QualityFigures(
            negative_hours=row["negative_hours"],
            lowest_hours=float(row["lowest_hours"]),
            out_of_range_scores=row["out_of_range"],
            future_events=row["future_events"],
            latest_event=row["latest_event"],
            missing_refs=row["missing_refs"],
            unattributed_scores=row["unattributed_scores"],
            overlong_volunteer_days=row["overlong_volunteer_days"] or 0,
            most_hours_a_day=float(row["most_hours_a_day"] or 0),
        ),
        history=_history(row),
        ref=request.ref,
    )


def _history(row: RowMapping) -> HistoryFigures:
    return HistoryFigures(
        days=int(row["history_days"] or 0), events=int(row["history_events"] or 0)
    )


def to_row(figures: ImpactFigures) -> dict[str, Any]:
    """One day's figures as a row of `company_impact`, without what depends on the clock."""
    quality = _as_dict(figures.quality)
    # Whether an event lies in the future changes by itself; `latest_event` tells it at any time.
    del quality["future_events"]
    latest = figures.quality.latest_event
    quality["latest_event"] = latest.isoformat() if latest else None
    return {
        "company_id": figures.company_id,
        "day": figures.period_start,
        "participants": figures.participants,
        "volunteers": figures.volunteers,
        "volunteer_hours": figures.volunteer_hours,
        "sessions": figures.sessions,
        "events": figures.events,
        "activities": [_as_dict(each) for each in figures.activities],
        "outcomes": [_as_dict(each) for each in figures.outcomes],
        "quality": quality,
    }


def _as_dict(value: ActivityFigures | OutcomeFigures | QualityFigures) -> dict[str, Any]:
    # dataclasses.asdict copies every number deeply: ten times the time, felt over a million days.
    return {name: getattr(value, name) for name in _NAMES[type(value)]}


def from_row(row: RowMapping, now: datetime) -> ImpactFigures:
    """A row of `company_days` as figures; `future_events` is 1 where the day's last event is ahead of
    `now`, since the table doesn't count them."""
    stored = dict(row["quality"])
    latest = datetime.fromisoformat(stored.pop("latest_event"))
    return ImpactFigures(
        company_id=row["company_id"],
        period_start=row["day"],
        period_end=row["day"],
        timezone=row["timezone"],
        participants=row["participants"],
        volunteers=row["volunteers"],
        volunteer_hours=float(row["volunteer_hours"]),
        sessions=row["sessions"],
        events=row["events"],
        activities=tuple(ActivityFigures(**each) for each in row["activities"]),
        outcomes=tuple(OutcomeFigures(**each) for each in row["outcomes"]),
        quality=QualityFigures(
            **stored,
            latest_event=latest,
            future_events=int(latest > now + FUTURE_TOLERANCE),
        ),
        history=_history(row),
        ref=f"{row['slug']} {row['day']}",
    )
