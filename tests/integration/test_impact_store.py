"""Figures of any period and `company_impact`, against a plain Python aggregation of the same events."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, insert, text

from impact_in_pipelines.db.impact.store import ImpactStore, RefreshSummary
from impact_in_pipelines.db.schema import companies, impact_events
from impact_in_pipelines.impact.figures import (
    STANDARD_RANGES,
    ActivityFigures,
    HistoryFigures,
    ImpactFigures,
    OutcomeFigures,
    PeriodRequest,
    QualityFigures,
    local_day,
    utc_bounds,
)

NOW = datetime(2026, 4, 15, 12, tzinfo=UTC)
# Clock changes: Europe at 01:00 UTC, Havana and Beirut at local midnight; Kathmandu is off by 45 minutes.
ZONES = ("Europe/Berlin", "America/Havana", "Asia/Beirut", "Asia/Kathmandu")
COMPANIES = {uuid.UUID(int=n + 1): zone for n, zone in enumerate(ZONES)}

Event = dict[str, Any]


def fill(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("TRUNCATE impact_events, company_impact, impact_touched_days, companies CASCADE")
        )
        connection.execute(
            insert(companies),
            [
                {"id": key, "slug": f"company-{key.int}", "name": zone, "timezone": zone}
                for key, zone in COMPANIES.items()
            ],
        )


def store_events(engine: Engine, events: Sequence[Event]) -> None:
    if events:
        with engine.begin() as connection:
            connection.execute(insert(impact_events), list(events))


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


def touch(engine: Engine, events: Sequence[Event]) -> None:
    """Mark the days of `events` as an import does."""
    with engine.begin() as connection:
        for event in events:
            connection.execute(
                text(
                    "INSERT INTO impact_touched_days (company_id, day) VALUES (:company, :day) "
                    "ON CONFLICT DO NOTHING"
                ),
                {
                    "company": event["company_id"],
                    "day": local_day(event["occurred_at"], COMPANIES[event["company_id"]]),
                },
            )


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


@pytest.fixture
def ready(engine: Engine) -> Engine:
    fill(engine)
    return engine


def event_on(moment: datetime, event_id: str = "e1", company: int = 1) -> Event:
    return {
        "company_id": uuid.UUID(int=company),
        "event_id": event_id,
        "occurred_at": moment,
        "activity": "session",
        "participant_ref": "p1",
        "volunteer_ref": "v1",
        "hours": Decimal("1.5"),
        "outcome_category": None,
        "outcome_score": None,
    }


def test_without_requests_nothing_is_read(ready: Engine) -> None:
    """No requests, no figures."""
    assert ImpactStore(ready).figures([], NOW) == {}


@pytest.mark.parametrize("number", range(len(ZONES)))
def test_midnight_belongs_to_the_day_that_begins(ready: Engine, number: int) -> None:
    """An event at 00:00 local time is one of that day, a microsecond earlier one of the day before."""
    zone, day = ZONES[number], date(2026, 3, 8)
    starts, _ = utc_bounds(day, day, zone)
    moments = {"before": starts - timedelta(microseconds=1), "at": starts}
    store_events(ready, [event_on(at, key, number + 1) for key, at in moments.items()])
    asked = [
        PeriodRequest(str(each), uuid.UUID(int=number + 1), zone, each, each)
        for each in (day - timedelta(days=1), day)
    ]
    found = ImpactStore(ready).figures(asked, NOW)
    assert [found[str(r.ref)].quality.latest_event for r in asked] == list(moments.values())


def test_several_refs_may_ask_for_one_period(ready: Engine) -> None:
    """Three platforms want the same company and days: each gets the figures under its own ref."""
    store_events(ready, [event_on(datetime(2026, 4, 1, 8, tzinfo=UTC))])
    day = date(2026, 4, 1)
    asked = [
        PeriodRequest(uuid.UUID(int=n), uuid.UUID(int=1), ZONES[0], day, day) for n in (7, 8, 9)
    ]
    found = ImpactStore(ready).figures(asked, NOW)
    assert [found[request.ref].ref for request in asked] == [request.ref for request in asked]
    assert {figures.volunteer_hours for figures in found.values()} == {1.5}


def test_a_refresh_takes_each_touched_day_once(ready: Engine) -> None:
    """What was computed is off the list: the next refresh has nothing to do."""
    events = [
        event_on(datetime(2026, 4, n, 8, tzinfo=UTC), f"e{n}", 1 + n % 2) for n in range(1, 8)
    ]
    store_events(ready, events)
    touch(ready, events)
    store = ImpactStore(ready)
    assert store.refresh_company_impact(NOW) == RefreshSummary(
        companies=2, days=7, written=7, first_day=date(2026, 4, 1), last_day=date(2026, 4, 7)
    )
    assert store.refresh_company_impact(NOW) == RefreshSummary()


def test_a_refresh_of_some_companies_leaves_the_others_on_the_list(ready: Engine) -> None:
    """`company_ids` narrows what is computed, not what is known to be stale."""
    events = [event_on(datetime(2026, 4, 1, 8, tzinfo=UTC), "e", company) for company in (1, 2)]
    store_events(ready, events)
    touch(ready, events)
    store = ImpactStore(ready)
    assert store.refresh_company_impact(NOW, company_ids=[uuid.UUID(int=2)]).companies == 1
    assert [each.company_id.int for each in store.daily_figures(NOW)] == [2]
    assert store.refresh_company_impact(NOW).companies == 1


def test_a_day_that_lost_its_events_leaves_the_table(ready: Engine) -> None:
    """No events, no row: a full refresh of the same events would not make one either."""
    event = event_on(datetime(2026, 4, 1, 8, tzinfo=UTC))
    store_events(ready, [event])
    touch(ready, [event])
    store = ImpactStore(ready)
    store.refresh_company_impact(NOW)
    with ready.begin() as connection:
        connection.execute(text("DELETE FROM impact_events"))
    touch(ready, [event])
    assert store.refresh_company_impact(NOW).removed == 1
    assert store.daily_figures(NOW) == []


def test_a_day_that_an_import_holds_is_left_for_the_next_refresh(ready: Engine) -> None:
    """Late commits are not lost: what an open transaction has touched is taken after it ends."""
    event = event_on(datetime(2026, 4, 1, 8, tzinfo=UTC))
    touch(ready, [event])
    store = ImpactStore(ready)
    with ready.begin() as importing:
        importing.execute(insert(impact_events), [event])
        importing.execute(text("UPDATE impact_touched_days SET touched_at = now()"))
        assert store.refresh_company_impact(NOW).days == 0
    assert store.refresh_company_impact(NOW).written == 1


def test_history_counts_the_comparable_weekdays(ready: Engine) -> None:
    """A Wednesday is compared with the four Wednesdays before it, a whole week with all 28 days."""
    wednesday = date(2026, 4, 15)
    events = [
        event_on(datetime(2026, 4, 15, 8, tzinfo=UTC) - timedelta(days=back), f"e{back}-{n}")
        for back in range(1, 40)
        for n in range(1 + (back % 7 == 0) * 9)
    ]
    store_events(ready, events)
    touch(ready, events)
    store = ImpactStore(ready)
    store.refresh_company_impact(NOW)
    company = uuid.UUID(int=1)
    found = store.figures(
        [
            PeriodRequest("day", company, ZONES[0], wednesday, wednesday),
            PeriodRequest("week", company, ZONES[0], wednesday, wednesday + timedelta(days=6)),
        ],
        NOW,
    )
    assert found["day"].history == HistoryFigures(days=4, events=40)
    assert found["week"].history == HistoryFigures(days=28, events=64)
    [last] = store.daily_figures(NOW, first_day=date(2026, 4, 14))
    assert last.history == HistoryFigures(days=4, events=4)


def test_a_young_company_has_little_history(ready: Engine) -> None:
    """Days before the company's first one don't count as empty ones."""
    event = event_on(datetime(2026, 4, 13, 8, tzinfo=UTC))
    store_events(ready, [event])
    touch(ready, [event])
    store = ImpactStore(ready)
    store.refresh_company_impact(NOW)
    day = date(2026, 4, 15)
    asked = PeriodRequest("r", uuid.UUID(int=1), ZONES[0], day, day + timedelta(days=6))
    assert store.figures([asked], NOW)["r"].history == HistoryFigures(days=2, events=1)


def test_daily_figures_can_be_narrowed_to_what_changed(ready: Engine) -> None:
    """`computed_since` leaves the days that the last refresh has written."""
    store = ImpactStore(ready)
    for number, company in enumerate((1, 2)):
        event = event_on(datetime(2026, 4, 1, 8, tzinfo=UTC), company=company)
        store_events(ready, [event])
        touch(ready, [event])
        store.refresh_company_impact(NOW + timedelta(hours=number))
    changed = store.daily_figures(NOW, computed_since=NOW + timedelta(minutes=30))
    assert [each.ref for each in changed] == ["company-2 2026-04-01"]
