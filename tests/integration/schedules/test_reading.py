"""Schedules made, listed and found on a real database."""

from datetime import UTC, date, datetime, time
from uuid import UUID

import pytest
from sqlalchemy import Engine

from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.schedules.store import ScheduleStore
from impact_in_pipelines.errors.accounts import ConnectionMissing
from impact_in_pipelines.errors.schedules import (
    ScheduleIdAmbiguous,
    ScheduleIdMalformed,
    ScheduleUnknown,
)
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.scheduling import (
    CatchUp,
    DeliveryWindow,
    HolidayCalendar,
    HolidayPolicy,
    ScheduleRule,
)

from .log import BENEVITY, DAILY, NOW, OSLO, run


def test_a_new_schedule_fires_first_after_now_and_reports_from_its_previous_fire(
    store: ScheduleStore, acme: Company
) -> None:
    """Its first period begins where the cron's fire before now would have ended (design D6)."""
    made = store.create(acme, BENEVITY, DAILY, now=NOW)
    assert (made.company, made.platform, made.active) == ("acme", BENEVITY, True)
    assert made.next_run == datetime(2026, 3, 4, 23, tzinfo=UTC)
    assert made.covered_until == date(2026, 3, 3)
    assert made.in_words == "Every day at 00:00"
    assert store.listed() == [made]


def test_a_rule_comes_back_as_it_was_stored(store: ScheduleStore, acme: Company) -> None:
    """Every part of a rule has its column."""
    rule = ScheduleRule(
        "30 8 * * 1-5",
        OSLO,
        HolidayCalendar("NO", None, (date(2026, 12, 24),), HolidayPolicy.NEXT),
        DeliveryWindow(time(8), time(18), frozenset({1, 2, 3, 4, 5})),
        CatchUp.ALL,
        14,
        7,
    )
    assert store.create(acme, BENEVITY, rule, now=NOW).rule == rule


def test_a_company_without_a_connection_cannot_be_scheduled(
    store: ScheduleStore, acme: Company
) -> None:
    """Neither a stored nor a default connection."""
    with pytest.raises(ConnectionMissing):
        store.create(acme, Platform.WORKDAY, DAILY, now=NOW)
    assert store.listed() == []


def test_a_stored_connection_is_enough(
    runtime: Runtime, store: ScheduleStore, acme: Company
) -> None:
    """A row in platform_connections stands in for the environment, and a disabled one bars it."""
    credentials = {"client_id": "a", "client_secret": "b", "tenant_id": "c"}
    runtime.connections.save(
        acme.id, Platform.WORKDAY, base_url="http://127.0.0.1:1", credentials=credentials
    )
    assert store.create(acme, Platform.WORKDAY, DAILY, now=NOW).active
    runtime.connections.save(acme.id, Platform.WORKDAY, enabled=False)
    with pytest.raises(ConnectionMissing):
        store.create(acme, Platform.WORKDAY, DAILY, now=NOW)


def test_the_list_can_be_narrowed_to_a_company_and_a_platform(
    runtime: Runtime, store: ScheduleStore, acme: Company
) -> None:
    """Filters join, and several schedules may serve one company and platform."""
    other = runtime.companies.add("other", name="Other")
    for company, platform in ((acme, BENEVITY), (acme, BENEVITY), (acme, Platform.GOODERA)):
        store.create(company, platform, DAILY, now=NOW)
    store.create(other, BENEVITY, DAILY, now=NOW)
    assert len(store.listed()) == 4
    assert len(store.listed(acme)) == 3
    assert [one.company for one in store.listed(acme, BENEVITY)] == ["acme", "acme"]
    assert [one.company for one in store.listed(platform=BENEVITY)] == ["acme", "acme", "other"]


def test_an_id_may_be_given_by_a_prefix_that_fits_only_one(
    engine: Engine, store: ScheduleStore, acme: Company
) -> None:
    """Four characters at least; one that fits several, none, or isn't hexadecimal is refused."""
    made = [store.create(acme, BENEVITY, DAILY, now=NOW) for _ in range(2)]
    for one, id_ in zip(made, ("abcd1111", "abcd2222"), strict=True):
        new_id = UUID(f"{id_}-0000-4000-8000-000000000000")
        run(
            engine,
            "UPDATE scheduled_deliveries SET id = :new WHERE id = :old",
            new=new_id,
            old=one.id,
        )
    assert str(store.find("ABCD2").id).startswith("abcd2222")
    assert store.find(UUID("abcd1111-0000-4000-8000-000000000000")).company == "acme"
    with pytest.raises(ScheduleIdAmbiguous):
        store.find("abcd")
    with pytest.raises(ScheduleIdMalformed):
        store.find("abc")
    with pytest.raises(ScheduleIdMalformed):
        store.find("daily")
    with pytest.raises(ScheduleUnknown):
        store.find("9999")
