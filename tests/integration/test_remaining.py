"""What is still open, and what it waits for (`RemainingStore`)."""

from datetime import timedelta

from factories import MIDNIGHT, YESTERDAY, World

from impact_in_pipelines.db.deliveries.queueing.remaining import Remaining, Waiting
from impact_in_pipelines.platforms import Platform

BENEVITY = Platform.BENEVITY
MINUTE = timedelta(minutes=1)


def test_each_open_delivery_is_told_by_what_it_waits_for(world: World) -> None:
    """Held under a lease, waiting for a retry, put off, left to its run, behind another, or simply due."""
    now = world.clock()
    held, retry, later, due, done = world.deliveries(BENEVITY, *world.companies(5, prefix="a"))
    (selected,) = world.deliveries(BENEVITY, *world.companies(1, prefix="b"), run_id="a-run")
    (late,) = world.deliveries(BENEVITY, *world.companies(1, prefix="c"), run_id="another-run")
    company = world.companies(1, prefix="d")
    schedule = world.schedules(BENEVITY, company, fire=MIDNIGHT + timedelta(days=2))[0]
    first, behind = world.deliveries(
        BENEVITY, *company, days=[YESTERDAY - timedelta(days=1), YESTERDAY]
    )
    change = "UPDATE impact_deliveries SET {} WHERE id = :id"
    lease = "status = 'in_progress', claimed_by = 'w', lease_until = :at, next_attempt_at = :at"
    world.execute(change.format(lease), id=held, at=now + MINUTE)
    world.execute(
        change.format("status = 'retrying', failed_attempts = 1, next_attempt_at = :at"),
        id=retry,
        at=now + 5 * MINUTE,
    )
    world.execute(change.format("next_attempt_at = :at"), id=later, at=now + 2 * MINUTE)
    world.execute(change.format("status = 'success', next_attempt_at = NULL"), id=done)
    world.execute(change.format("next_attempt_at = :at"), id=late, at=now - 3 * MINUTE)
    for id_, ago in ((first, 2), (behind, 1)):
        world.execute(
            change.format("schedule_id = :schedule, scheduled_for = :at"),
            id=id_,
            schedule=schedule,
            at=now - ago * MINUTE,
        )

    found = {one.why: one for one in world.runtime.remaining.of([BENEVITY], now)}

    def one(why: Waiting, minutes: int) -> Remaining:
        at = now + minutes * MINUTE
        return Remaining(BENEVITY, why, 1, at, at)

    assert selected is not None
    assert found == {
        Waiting.HELD: one(Waiting.HELD, 1),
        Waiting.RETRY: one(Waiting.RETRY, 5),
        Waiting.LATER: one(Waiting.LATER, 2),
        Waiting.SELECTED: one(Waiting.SELECTED, 2),
        Waiting.BEHIND: Remaining(BENEVITY, Waiting.BEHIND, 1, None, None),
        # `due`, the late one of a dead run, and the first of the schedule
        Waiting.DUE: Remaining(BENEVITY, Waiting.DUE, 3, None, None),
    }
    assert due is not None


def test_a_lease_that_has_ended_holds_nothing(world: World) -> None:
    """Its worker is dead or as good as dead; a drain takes the row, also from the run that selected it."""
    world.deliveries(BENEVITY, *world.companies(), trigger="manual", run_id="a-run")
    world.execute(
        "UPDATE impact_deliveries SET status = 'in_progress', claimed_by = 'w', lease_until = :at,"
        " next_attempt_at = :at",
        at=world.clock() - timedelta(seconds=1),
    )

    (found,) = world.runtime.remaining.of([BENEVITY], world.clock())

    assert found == Remaining(BENEVITY, Waiting.DUE, 1, None, None)
    state = world.runtime.due_state(BENEVITY)
    assert state.next_attempt is not None
    assert state.next_attempt <= world.clock()
    assert world.drain(BENEVITY).claimed == 1


def test_days_count_what_was_selected_by_day_and_nothing_else(world: World) -> None:
    """A schedule's own delivery of the same day was not asked for, nor was another company's."""
    mine, other = world.companies(2)
    days = [YESTERDAY, YESTERDAY - timedelta(days=1), YESTERDAY - timedelta(days=9)]
    world.deliveries(BENEVITY, mine, other, days=days, trigger="manual")
    world.deliveries(BENEVITY, mine, days=days)
    world.schedules(BENEVITY, [mine])

    found = world.runtime.remaining.of(
        [BENEVITY], world.clock(), company_id=mine, days=(days[1], days[0])
    )

    assert found == [Remaining(BENEVITY, Waiting.DUE, 2, None, None)]


def test_a_fire_that_is_not_in_the_log_yet_is_due_too(world: World) -> None:
    """A drain that was stopped at once has planned nothing; on the other platforms nothing is due."""
    world.due(BENEVITY, 3)

    found = world.runtime.remaining.of(list(Platform), world.clock())

    assert found == [Remaining(BENEVITY, Waiting.DUE, 3, None, None)]
