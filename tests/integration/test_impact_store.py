"""Figures of any period and `company_impact`, against a plain Python aggregation of the same events."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from impact_in_pipelines.db.impact.store import ImpactStore
from impact_in_pipelines.impact.figures import (
    STANDARD_RANGES,
    ActivityFigures,
    ImpactFigures,
    OutcomeFigures,
    PeriodRequest,
    QualityFigures,
    local_day,
    utc_bounds,
)

from .impact_events import COMPANIES, NOW, ZONES, Event, fill, store_events, touch


def exact(value: Decimal, places: str) -> float:
    return float(value.quantize(Decimal(places), ROUND_HALF_UP))


def distinct(events: Sequence[Event], column: str) -> int:
    return len({event[column] for event in events} - {None})


def volunteer_hours(events: Sequence[Event]) -> float:
    return float(sum((e["hours"] for e in events if e["volunteer_ref"]), Decimal(0)))


def outcome_of(category: str, events: Sequence[Event]) -> OutcomeFigures:
    scores = [event["outcome_score"] for event in events]
    lowest, highest = STANDARD_RANGES.get(category, (float("-inf"), float("inf")))
    return OutcomeFigures(
        category=category,
        average=exact(sum(scores, Decimal(0)) / len(scores), "0.0001"),
        participants=distinct(events, "participant_ref"),
        minimum=float(min(scores)),
        maximum=float(max(scores)),
        scores=len(scores),
        out_of_range=sum(not lowest <= score <= highest for score in scores),
    )


def quality_of(events: Sequence[Event], zone: str, out_of_range: int) -> QualityFigures:
    days: dict[tuple[str, date], Decimal] = defaultdict(Decimal)
    for event in events:
        if event["volunteer_ref"]:
            days[event["volunteer_ref"], local_day(event["occurred_at"], zone)] += event["hours"]
    return QualityFigures(
        negative_hours=sum(e["hours"] < 0 for e in events),
        lowest_hours=float(min(e["hours"] for e in events)),
        out_of_range_scores=out_of_range,
        future_events=sum(e["occurred_at"] > NOW + timedelta(minutes=5) for e in events),
        latest_event=max(e["occurred_at"] for e in events),
        missing_refs=sum(not e["participant_ref"] and not e["volunteer_ref"] for e in events),
        unattributed_scores=sum(
            e["outcome_score"] is not None and not e["participant_ref"] for e in events
        ),
        overlong_volunteer_days=sum(hours > 24 for hours in days.values()),
        most_hours_a_day=float(max(days.values(), default=0)),
    )


def expected(events: Sequence[Event], request: PeriodRequest) -> ImpactFigures:
    """The metrics as design section 6 words them, event by event."""
    mine = [
        event
        for event in events
        if event["company_id"] == request.company_id
        and request.period_start
        <= local_day(event["occurred_at"], request.timezone)
        <= request.period_end
    ]
    empty = ImpactFigures(
        company_id=request.company_id,
        period_start=request.period_start,
        period_end=request.period_end,
        timezone=request.timezone,
        ref=request.ref,
    )
    if not mine:
        return empty
    by_activity = {
        a: [e for e in mine if e["activity"] == a] for a in {e["activity"] for e in mine}
    }
    by_category: dict[str, list[Event]] = defaultdict(list)
    for event in mine:
        if event["outcome_score"] is not None:
            by_category[event["outcome_category"]].append(event)
    outcomes = tuple(outcome_of(c, scored) for c, scored in sorted(by_category.items()))
    return ImpactFigures(
        company_id=request.company_id,
        period_start=request.period_start,
        period_end=request.period_end,
        timezone=request.timezone,
        participants=distinct(mine, "participant_ref"),
        volunteers=distinct(mine, "volunteer_ref"),
        volunteer_hours=volunteer_hours(mine),
        sessions=sum(event["activity"] == "session" for event in mine),
        events=len(mine),
        activities=tuple(
            ActivityFigures(
                activity=activity,
                hours=volunteer_hours(chosen),
                participants=distinct(chosen, "participant_ref"),
                volunteers=distinct(chosen, "volunteer_ref"),
                sessions=len(chosen),
            )
            for activity, chosen in sorted(by_activity.items())
        ),
        outcomes=outcomes,
        quality=quality_of(mine, request.timezone, sum(o.out_of_range for o in outcomes)),
        ref=request.ref,
    )


def _quarter_hours(day: date, days: int) -> st.SearchStrategy[datetime]:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return st.integers(0, 96 * days).map(lambda n: start + timedelta(minutes=15 * n))


# Quarter hours hit the local midnights of all four zones, the clock changes of March, and the future.
_MOMENTS = st.one_of(
    _quarter_hours(date(2026, 3, 7), 3),
    _quarter_hours(date(2026, 3, 28), 2),
    _quarter_hours(date(2026, 4, 15), 1),
    st.builds(
        lambda zone, day, end, off: utc_bounds(day, day, zone)[end] + timedelta(microseconds=off),
        st.sampled_from(ZONES),
        st.sampled_from([date(2026, 3, 8), date(2026, 3, 29), date(2026, 4, 15)]),
        st.booleans(),
        st.integers(-1, 1),
    ),
)


@st.composite
def _events(draw: st.DrawFn) -> list[Event]:
    refs = st.sampled_from([None, "p1", "p2", "p3"])
    drawn = draw(
        st.lists(
            st.fixed_dictionaries(
                {
                    "company_id": st.sampled_from(list(COMPANIES)),
                    "occurred_at": _MOMENTS,
                    "activity": st.sampled_from(["session", "mentoring", "Ökologie"]),
                    "participant_ref": refs,
                    "volunteer_ref": refs,
                    "hours": st.decimals("-1", "30", places=2),
                    "outcome_category": st.sampled_from([None, "language", "integration", "own"]),
                    "outcome_score": st.decimals("-1", "12", places=4),
                }
            ),
            max_size=40,
        )
    )
    for number, event in enumerate(drawn):
        event["event_id"] = f"e{number}"
        if event["outcome_category"] is None:
            event["outcome_score"] = None
    return drawn


def requests() -> list[PeriodRequest]:
    spans = [
        (date(2026, 3, 8), date(2026, 3, 8)),
        (date(2026, 3, 29), date(2026, 3, 29)),
        (date(2026, 3, 7), date(2026, 3, 31)),
        (date(2026, 4, 15), date(2026, 4, 15)),
    ]
    return [
        PeriodRequest(f"{key.int} {first} {last}", key, zone, first, last)
        for key, zone in COMPANIES.items()
        for first, last in spans
    ]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=_events())
def test_figures_are_those_of_a_plain_aggregation(engine: Engine, events: list[Event]) -> None:
    """For any events and zone, across clock changes: one statement says what the definitions say."""
    fill(engine)
    store_events(engine, events)
    found = ImpactStore(engine).figures(requests(), NOW)
    assert found == {request.ref: expected(events, request) for request in requests()}


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=_events(), cut=st.integers(0, 40))
def test_company_impact_holds_every_day_however_the_events_came(
    engine: Engine, events: list[Event], cut: int
) -> None:
    """Two incremental refreshes leave the figures of each local day, as does a full one after them."""
    fill(engine)
    store = ImpactStore(engine)
    for part in (events[:cut], events[cut:]):
        store_events(engine, part)
        touch(engine, part)
        store.refresh_company_impact(NOW)
    days = sorted(
        {
            (event["company_id"], local_day(event["occurred_at"], COMPANIES[event["company_id"]]))
            for event in events
        }
    )
    wanted = [
        expected(events, PeriodRequest(f"company-{key.int} {day}", key, COMPANIES[key], day, day))
        for key, day in days
    ]
    found = store.daily_figures(NOW)
    assert [_judged_alone(each) for each in found] == [_judged_alone(each) for each in wanted]
    full = store.refresh_company_impact(NOW + timedelta(hours=1), full=True)
    assert (full.days, full.written, full.removed) == (len(days), 0, 0)
    assert store.daily_figures(NOW) == found


def _judged_alone(figures: ImpactFigures) -> tuple[Any, ...]:
    """Figures without history, and without the number of future events, which the table doesn't keep."""
    quality = figures.quality
    return (
        figures.ref,
        figures.participants,
        figures.volunteers,
        figures.volunteer_hours,
        figures.sessions,
        figures.events,
        figures.activities,
        figures.outcomes,
        bool(quality.future_events),
        quality.latest_event,
        quality.most_hours_a_day,
        quality.negative_hours,
    )
