"""A stored rule that no longer holds, a zone gone from tzdata say, fails alone (issue: one company's row)."""

import pytest
from sqlalchemy import Engine

from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.deliveries.queueing.planning import plan_due
from impact_in_pipelines.db.schedules.store import ScheduleStore
from impact_in_pipelines.errors.schedules import TimezoneUnknown
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.services import schedules

from .commands import Cli, create
from .log import BENEVITY, DAILY, DAY, NOW, deliveries, run

GONE = "UPDATE scheduled_deliveries SET timezone = 'Mars/Olympus' WHERE id = :id"


def test_a_tick_pauses_it_with_the_reason_and_plans_the_others(
    engine: Engine, store: ScheduleStore, acme: Company
) -> None:
    """The list still shows both."""
    bad, good = (store.create(acme, BENEVITY, DAILY, now=NOW) for _ in range(2))
    run(engine, GONE, id=bad.id)
    plan_due(engine, BENEVITY, NOW + DAY)
    assert len(deliveries(engine, good)) == 1
    left = store.find(bad.id)
    assert not left.active
    assert left.paused_reason is not None
    assert "Mars/Olympus" in left.paused_reason
    assert isinstance(left.problem, TimezoneUnknown)
    assert {one.id for one in store.listed()} == {bad.id, good.id}


def test_it_is_mended_by_changing_what_no_longer_holds(
    engine: Engine, runtime: Runtime, store: ScheduleStore, acme: Company
) -> None:
    """The rest of the rule stays; a change of something else is refused by the zone's name."""
    bad = store.create(acme, BENEVITY, DAILY, now=NOW)
    run(engine, GONE, id=bad.id)
    with pytest.raises(TimezoneUnknown):
        schedules.update(runtime, bad.id, {"cron": "weekly"}, actor="somebody")
    done = schedules.update(runtime, bad.id, {"timezone": "Europe/Paris"}, actor="somebody")
    assert done.schedule.problem is None
    assert done.schedule.rule.cron == "0 0 * * *"


def test_the_terminal_lists_names_and_mends_it(cli: Cli, engine: Engine) -> None:
    """No command but the one that needs the rule fails."""
    id_ = create(cli, "daily")
    run(engine, GONE, id=id_)
    assert id_[:8] in cli("list").out
    said = cli("show", id_)
    assert said.code == 0
    assert "Mars/Olympus" in said.out
    assert cli("update", id_, "--timezone", "Europe/Oslo").code == 0
