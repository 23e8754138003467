"""What is read and refreshed: periods, touched days, history."""

import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Engine, insert, text

from impact_in_pipelines.db.impact.store import ImpactStore, RefreshSummary
from impact_in_pipelines.db.schema import impact_events
from impact_in_pipelines.impact.figures import (
    HistoryFigures,
    PeriodRequest,
    utc_bounds,
)

from .impact_events import NOW, ZONES, Event, fill, store_events, touch


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
