"""A clock that was wrong heals: what it left behind is put right and told (D15)."""

from datetime import timedelta
from typing import Any

from factories import MIDNIGHT, YESTERDAY, World

from impact_in_pipelines.db.deliveries.queueing.planning import plan_due
from impact_in_pipelines.db.deliveries.repairs.clock_faults import ACTOR, put_back_what_lies_ahead
from impact_in_pipelines.db.sla.outcomes import SlaOutcomes
from impact_in_pipelines.db.sla.statuses import SlaStatuses
from impact_in_pipelines.delivery.ticking import decide_tick
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services.operating import platforms
from impact_in_pipelines.sla.model import Window

BENEVITY = Platform.BENEVITY
FAR = timedelta(days=20)


def schedule(world: World) -> Any:
    """The only schedule."""
    (row,) = world.rows("SELECT * FROM scheduled_deliveries")
    return row


def test_a_cursor_that_lies_ahead_is_put_back_and_told(world: World) -> None:
    """A planner whose clock was twenty days ahead planned them all, and then nothing for twenty days."""
    (company,) = world.due(BENEVITY)
    assert world.drain(BENEVITY).delivered == 1
    right = schedule(world)
    world.clock.advance(FAR)
    plan_due(world.database.engine, BENEVITY, world.clock())
    assert schedule(world)["fired_until"] > MIDNIGHT + FAR - timedelta(days=2)
    world.clock.advance(-FAR)

    state = world.runtime.due_state(BENEVITY)
    assert decide_tick(state, now=world.clock(), drains_waiting=0, drains_running=0).request
    world.drain(BENEVITY)

    healed = schedule(world)
    assert healed["next_run"] == right["next_run"] == MIDNIGHT + timedelta(days=1)
    assert healed["covered_until"] == YESTERDAY
    assert "clock was ahead" in healed["last_error"]
    assert world.statuses() == {"success": 1}
    (told,) = world.rows("SELECT * FROM audit_log WHERE actor = :actor", actor=ACTOR)
    assert told["action"] == "schedule.cursor_put_back"
    assert told["company_id"] == company
    world.events([company], days=[MIDNIGHT.date()])
    world.clock.advance(timedelta(days=1))
    assert world.drain(BENEVITY).delivered == 1
    assert world.statuses() == {"success": 2}


def test_a_lease_or_wait_beyond_anything_possible_is_due_now(world: World) -> None:
    """Whoever wrote it had a clock that was a year ahead."""
    companies = world.companies(2)
    world.events(companies)
    held, waiting = world.deliveries(BENEVITY, *companies)
    far = world.clock() + timedelta(days=365)
    world.execute("UPDATE impact_deliveries SET next_attempt_at = :far", far=far)
    world.execute(
        "UPDATE impact_deliveries SET status = 'in_progress', claimed_by = 'gone', lease_until = :far "
        "WHERE id = :id",
        far=far,
        id=held,
    )

    state = world.runtime.due_state(BENEVITY)
    assert decide_tick(state, now=world.clock(), drains_waiting=0, drains_running=0).request
    assert world.drain(BENEVITY).delivered == 2
    assert {world.delivery(id_)["status"] for id_ in (held, waiting)} == {"success"}


def test_a_closure_beyond_anything_possible_is_over(world: World) -> None:
    """A platform asked for an hour and a half while the clock was twenty days ahead: the account was held for
    twenty days. Nor must a person who resumed it then wait so long to do it again."""
    (company,) = world.companies()
    world.events([company])
    world.sandbox.client.add_fault("benevity", "rate_limited", count=1, retry_after_seconds=5_000)
    (id_,) = world.deliveries(BENEVITY, company)
    world.clock.advance(FAR)
    platforms.hold(world.runtime, BENEVITY, company_id=None, reason="planned work", actor="ann")
    platforms.resume(world.runtime, BENEVITY, company_id=None, actor="ann")
    assert world.drain(BENEVITY).held == 1
    world.clock.advance(-FAR)
    platforms.hold(world.runtime, BENEVITY, company_id=None, reason="planned work", actor="ann")
    platforms.resume(world.runtime, BENEVITY, company_id=None, actor="ann")

    state = world.runtime.due_state(BENEVITY)
    assert decide_tick(state, now=world.clock(), drains_waiting=0, drains_running=0).request
    assert world.drain(BENEVITY).delivered == 1
    assert world.delivery(id_)["status"] == "success"


def test_what_arrived_while_the_clock_was_set_back_is_known_as_arrived(world: World) -> None:
    """It says that it arrived a month ago, before it was due: the same content went out once more."""
    (company,) = world.companies()
    world.events([company])
    (first,) = world.deliveries(BENEVITY, company)
    world.clock.advance(-timedelta(days=31))
    assert world.drain(BENEVITY).delivered == 1
    world.clock.advance(timedelta(days=31, hours=6))
    (second,) = world.deliveries(BENEVITY, company)
    assert world.drain(BENEVITY).skipped == 1
    assert world.delivery(second)["duplicate_of"] == first
    assert world.doubled(BENEVITY) == []


def test_what_may_have_arrived_while_the_clock_was_set_back_is_repeated_under_its_key(
    world: World,
) -> None:
    """Its attempts say that they were made a month ago, before it was due: the same content went out under
    a key of its own."""
    (company,) = world.companies()
    world.events([company])
    world.sandbox.client.add_fault("benevity", "connection_reset_after")
    (first,) = world.deliveries(BENEVITY, company)
    world.clock.advance(-timedelta(days=31))
    assert world.drain(BENEVITY).retrying == 1
    world.execute("UPDATE impact_deliveries SET status = 'failed', next_attempt_at = NULL")
    world.sandbox.client.clear_faults()
    world.clock.advance(timedelta(days=31, hours=6))
    (second,) = world.deliveries(BENEVITY, company)
    assert world.drain(BENEVITY).delivered == 1
    assert world.delivery(second)["idempotency_key"] == first
    assert world.doubled(BENEVITY) == []


def test_planning_again_after_a_lost_evening_gives_the_same_keys(world: World) -> None:
    """Ids are derived: the platform recognises what it has (D14)."""
    world.due(BENEVITY, 2)
    world.execute("CREATE TABLE saved AS SELECT * FROM scheduled_deliveries")
    world.drain(BENEVITY)
    before = set(world.scalars("SELECT idempotency_key FROM impact_deliveries"))
    world.execute("DELETE FROM delivery_attempts")
    world.execute("DELETE FROM impact_deliveries")
    world.execute(
        "UPDATE scheduled_deliveries s SET next_run = o.next_run, fired_until = o.fired_until, "
        "covered_until = o.covered_until FROM saved o WHERE o.id = s.id"
    )

    world.drain(BENEVITY)

    assert set(world.scalars("SELECT idempotency_key FROM impact_deliveries")) == before
    assert world.doubled(BENEVITY) == []


def test_fires_that_are_dropped_are_dropped_from_the_packed_outcomes(world: World) -> None:
    """A copy that kept them would count a missed fire that has never come."""
    (company,) = world.companies()
    (schedule,) = world.schedules(Platform.GOODERA, [company])
    ahead = world.clock() + timedelta(hours=5)
    world.execute(
        "INSERT INTO impact_deliveries (company_id, platform, schedule_id, trigger, status, period_start, "
        "period_end, scheduled_for, idempotency_key) "
        "SELECT company_id, platform, id, 'schedule', 'missed', CAST(:at AS date), CAST(:at AS date), :at, "
        "gen_random_uuid() FROM scheduled_deliveries WHERE id = :id",
        at=ahead,
        id=schedule,
    )
    engine, settings = world.database.engine, world.settings
    SlaOutcomes(engine, settings).refresh(world.clock())
    window = Window(world.clock(), world.clock() + timedelta(days=1))
    counted = SlaStatuses(engine, settings).assess(window, world.clock()).status().overall.metrics
    assert counted.missed == 1
    world.execute(
        "UPDATE scheduled_deliveries SET fired_until = :ahead, next_run = :ahead WHERE id = :id",
        ahead=ahead,
        id=schedule,
    )

    with engine.begin() as connection:
        assert put_back_what_lies_ahead(connection, Platform.GOODERA, world.clock()) == 1

    counted = SlaStatuses(engine, settings).assess(window, world.clock()).status().overall.metrics
    assert counted.missed == 0
