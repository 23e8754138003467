"""Replays on the real database and against the real sandbox (design D4, D11)."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from threading import Barrier
from uuid import UUID, uuid4

import pytest
from factories import FIRST_RETRY, SECOND_RETRY, THIRD_RETRY, YESTERDAY, World
from sqlalchemy import text

from impact_in_pipelines.db.deliveries.replays import QueuedAgain, ReplayStore
from impact_in_pipelines.errors.deliveries import ReplayArrived
from impact_in_pipelines.platforms import Platform

BENEVITY, GOODERA, WORKDAY = Platform.BENEVITY, Platform.GOODERA, Platform.WORKDAY
DAYS = [YESTERDAY - timedelta(days=n) for n in range(3)]
A_DAY = timedelta(hours=25)


def store(world: World) -> ReplayStore:
    return ReplayStore(
        world.database.engine, dedup_window=timedelta(hours=world.settings.dedup_window_hours)
    )


def replay(world: World, *ids: UUID, force: bool = False) -> QueuedAgain:
    return store(world).queue(ids, now=world.clock(), force=force)


def failed(
    world: World, platform: Platform = BENEVITY, *, days: Sequence[date] = (YESTERDAY,), kind: str
) -> list[UUID]:
    """Deliveries that failed for good, after as many attempts as `kind` of fault allows."""
    (company,) = world.companies()
    world.events([company], days=list(days))
    ids = world.deliveries(platform, company, days=list(days))
    world.sandbox.client.add_fault(platform.value, kind)
    for wait in (FIRST_RETRY, SECOND_RETRY, THIRD_RETRY, timedelta()):
        world.drain(platform)
        world.clock.advance(wait)
    world.sandbox.client.clear_faults()
    assert {world.delivery(id_)["status"] for id_ in ids} == {"failed"}
    return ids


def test_a_failed_delivery_goes_out_again_as_the_same_delivery(world: World) -> None:
    """Unchanged data: the same row, key and body; attempts go on counting, the failure stays on record, and
    Dagster is told of the new end."""
    (id_,) = failed(world, kind="bad_request")
    world.execute("UPDATE impact_deliveries SET recorded_at = now()")
    before = world.delivery(id_)

    done = replay(world, id_)
    queued = world.delivery(id_)
    world.drain(BENEVITY)
    after = world.delivery(id_)

    assert (done.queued, done.refused) == ((id_,), {})
    assert (queued["status"], queued["failed_attempts"]) == ("pending", 0)
    assert (queued["recorded_at"], queued["next_attempt_at"]) == (None, world.clock())
    assert after["status"] == "success"
    assert after["failed_at"] == before["failed_at"]
    assert (after["attempt_count"], after["revision"]) == (2, 1)
    assert world.outcomes(id_) == ["permanent", "delivered"]
    assert after["payload"] == before["payload"]
    assert list(world.accepted(BENEVITY)) == [str(id_)]


def test_changed_data_goes_out_as_a_new_revision_under_a_new_key(world: World) -> None:
    """One key never carries two bodies."""
    (id_,) = failed(world, kind="bad_request")
    before = world.delivery(id_)
    world.execute("UPDATE impact_events SET hours = hours + 1")

    replay(world, id_)
    world.drain(BENEVITY)
    after = world.delivery(id_)

    assert (after["status"], after["revision"]) == ("success", 2)
    assert after["idempotency_key"] != before["idempotency_key"]
    assert after["payload_hash"] != before["payload_hash"]
    assert list(world.accepted(BENEVITY)) == [str(after["idempotency_key"])]


def test_a_changed_replay_is_no_duplicate_to_a_workday_that_goes_by_activities(
    world: World,
) -> None:
    """Its DUPLICATE_ACTIVITY counts as arrived: under the old ids a correction would be taken for delivered,
    and never be there. What had arrived unheard is recognised all the same."""
    world.sandbox.client.configure(workday_duplicates="activity")
    (id_,) = failed(world, WORKDAY, kind="connection_reset_after")
    world.execute("UPDATE impact_events SET hours = hours + 1 WHERE event_id LIKE '%-1'")

    replay(world, id_)
    world.drain(WORKDAY)
    corrected = world.delivery(id_)
    replay(world, id_, force=True)
    world.drain(WORKDAY)

    assert (corrected["status"], corrected["revision"]) == ("success", 2)
    assert corrected["provider_response"]["success"] is True
    assert len(world.accepted(WORKDAY)) == 2
    (again,) = world.rows("SELECT * FROM impact_deliveries WHERE trigger = 'replay'")
    assert again["provider_response"]["errorCode"] == "DUPLICATE_ACTIVITY"
    assert world.sandbox.client.stats()["workday"]["accepted"] == 2


def test_a_delivery_that_had_arrived_unheard_is_not_accepted_twice(world: World) -> None:
    """Every answer was lost; the replay's key lets the platform recognise it."""
    (id_,) = failed(world, kind="connection_reset_after")

    replay(world, id_)
    world.drain(BENEVITY)

    assert world.delivery(id_)["status"] == "success"
    assert len(world.accepted(BENEVITY)) == 1
    assert world.sandbox.client.stats()["benevity"]["accepted"] == 1


def test_a_batch_that_may_have_arrived_is_repeated_whole_for_one_of_its_members(
    world: World,
) -> None:
    """The platform knows the batch's key only: a member sent singly would arrive a second time, and a batch
    of fewer records would give its key a second body. Today's data has to wait until that is settled."""
    ids = failed(world, GOODERA, days=DAYS, kind="connection_reset_after")
    batch_id = world.delivery(ids[0])["batch_id"]
    world.execute("UPDATE impact_events SET hours = hours + 1")

    done = replay(world, ids[1])
    world.drain(GOODERA)

    assert set(done.queued) == set(ids)
    assert set(done.along) == {ids[0], ids[2]}
    assert world.statuses() == {"success": 3}
    assert list(world.accepted(GOODERA)) == [str(batch_id)]
    assert world.sandbox.client.stats()["goodera"]["accepted"] == 3
    assert world.doubled(GOODERA) == []


def test_two_members_of_a_batch_ask_for_it_once(world: World) -> None:
    """Asking for more members, or for one twice, changes nothing."""
    ids = failed(world, GOODERA, days=DAYS, kind="connection_reset_after")

    done = replay(world, ids[0], ids[1], ids[0])

    assert sorted(done.queued) == sorted(ids)
    assert done.along == (ids[2],)


def test_a_member_of_a_batch_that_was_plainly_refused_goes_alone(world: World) -> None:
    """Nothing of it arrived, so each record may go under its own key; the others stay as they are."""
    ids = failed(world, GOODERA, days=DAYS, kind="unauthorized")

    replay(world, ids[1])
    world.drain(GOODERA)

    assert world.statuses() == {"success": 1, "failed": 2}
    assert list(world.accepted(GOODERA)) == [str(ids[1])]


def test_a_replay_has_a_fresh_budget_of_retries(world: World) -> None:
    """A replay that meets the same outage waits and tries again, instead of failing at once."""
    (id_,) = failed(world, kind="server_error")
    world.sandbox.client.add_fault("benevity", "server_error", count=1)

    replay(world, id_)
    world.drain(BENEVITY)
    waiting = world.delivery(id_)
    world.clock.advance(FIRST_RETRY)
    world.drain(BENEVITY)

    assert (waiting["status"], waiting["failed_attempts"], waiting["attempt_count"]) == (
        "retrying",
        1,
        5,
    )
    assert world.delivery(id_)["status"] == "success"


def test_what_arrived_today_is_sent_again_only_by_force_and_as_a_delivery_of_its_own(
    world: World,
) -> None:
    """The 24-hour window guards against doubles; whoever insists gets a new row that names the old one."""
    (company,) = world.due(BENEVITY)
    world.drain(BENEVITY)
    old = world.of_company(company)["id"]

    held = replay(world, old)
    forced = replay(world, old, force=True)
    world.drain(BENEVITY)

    assert held.queued == ()
    assert isinstance(held.refused[old], ReplayArrived)
    new = world.delivery(forced.renewed[old])
    assert (new["status"], new["trigger"], new["replay_of"]) == ("success", "replay", old)
    assert new["schedule_id"] is None
    assert set(world.accepted(BENEVITY)) == {str(old), str(new["id"])}


def test_after_the_window_a_success_is_sent_again_without_force(world: World) -> None:
    """A day later nobody sends twice by accident."""
    (company,) = world.due(BENEVITY)
    world.drain(BENEVITY)
    old = world.of_company(company)["id"]
    world.execute("UPDATE scheduled_deliveries SET active = false")
    world.clock.advance(A_DAY)

    done = replay(world, old)
    world.drain(BENEVITY)

    assert world.delivery(done.renewed[old])["status"] == "success"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("pending", "replay.on_its_way"),
        ("retrying", "replay.on_its_way"),
        ("in_progress", "replay.being_sent"),
        ("missed", "replay.missed"),
        ("cancelled", "replay.cancelled"),
        ("skipped", "replay.skipped"),
    ],
)
def test_other_statuses_are_refused_and_left_as_they_are(
    world: World, status: str, code: str
) -> None:
    """The reason says what to do instead; the row isn't touched, and others are queued all the same."""
    (company,) = world.companies()
    other, good = world.deliveries(BENEVITY, company, days=DAYS[:2])
    world.execute("UPDATE impact_deliveries SET status = :s WHERE id = :id", s=status, id=other)
    world.execute(
        "UPDATE impact_deliveries SET status = 'failed', failed_at = :now WHERE id = :id",
        now=world.clock(),
        id=good,
    )
    before = dict(world.delivery(other))

    done = replay(world, other, good)

    assert done.refused[other].code == code
    assert done.queued == (good,)
    assert dict(world.delivery(other)) == before


def test_replays_at_once_queue_each_delivery_once(world: World) -> None:
    """Eight people press the button together: one row of the failure, one new row of the success."""
    (bad,) = failed(world, kind="bad_request")
    (company,) = world.due(BENEVITY, prefix="d")
    world.drain(BENEVITY)
    arrived = world.of_company(company)["id"]
    start = Barrier(8)

    def press(_: int) -> QueuedAgain:
        start.wait()
        return replay(world, arrived, bad, force=True)

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(press, range(8)))

    assert sum(bad in done.queued for done in results) == 1
    assert sum(len(done.renewed) for done in results) == 1
    assert sum(bool(done.refused) for done in results) == 7
    world.drain(BENEVITY)
    assert world.sandbox.client.stats()["benevity"]["accepted"] == 3


def test_a_replay_waits_for_one_that_is_under_way_and_then_finds_nothing_left(
    world: World,
) -> None:
    """Reading before the other has committed would not show its row, and both would send."""
    (company,) = world.due(BENEVITY)
    world.drain(BENEVITY)
    old = world.of_company(company)["id"]

    with ThreadPoolExecutor(1) as pool:
        with world.database.engine.begin() as first:
            first.execute(
                text("SELECT 1 FROM impact_deliveries WHERE id = :id FOR UPDATE"), {"id": old}
            )
            second = pool.submit(replay, world, old, force=True)
            while not (second.done() or waits_for_a_lock(world)):
                time.sleep(0.01)
            first.execute(
                text(
                    "INSERT INTO impact_deliveries (company_id, platform, trigger, status, "
                    "period_start, period_end, scheduled_for, idempotency_key, replay_of) "
                    "SELECT company_id, platform, 'replay', 'pending', period_start, period_end, "
                    "now(), gen_random_uuid(), id FROM impact_deliveries WHERE id = :id"
                ),
                {"id": old},
            )
        done = second.result(timeout=30)

    assert done.renewed == {}
    assert [one.code for one in done.refused.values()] == ["replay.renewed_already"]


def waits_for_a_lock(world: World) -> bool:
    return bool(
        world.scalars(
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() "
            "AND wait_event_type = 'Lock'"
        )
    )


def test_a_partition_that_failed_in_the_ui_is_taken_by_the_next_drain(world: World) -> None:
    """Rows of a run are left to that run for a while; a replay means now."""
    (company,) = world.companies()
    world.events([company])
    (id_,) = world.deliveries(BENEVITY, company, trigger="manual", run_id="run-1")
    world.execute(
        "UPDATE impact_deliveries SET status = 'failed', failed_at = :now", now=world.clock()
    )

    replay(world, id_)
    world.drain(BENEVITY)

    assert world.delivery(id_)["status"] == "success"


def test_all_failed_is_by_time_company_and_platform(world: World) -> None:
    """Oldest first; what failed before `since` is left alone."""
    mine, theirs = world.companies(2)
    ids = world.deliveries(BENEVITY, mine, days=DAYS)
    other = world.deliveries(GOODERA, theirs)
    world.execute(
        "UPDATE impact_deliveries SET status = 'failed', failed_at = :now, "
        "scheduled_for = period_end",
        now=world.clock(),
    )
    world.execute(
        "UPDATE impact_deliveries SET failed_at = failed_at - interval '40 days' WHERE id = :id",
        id=ids[0],
    )
    since = world.clock() - timedelta(days=28)

    assert store(world).failed(since=since, company_id=mine).ids == (ids[2], ids[1])
    assert store(world).failed(since=since, platform=GOODERA).ids == tuple(other)
    assert len(store(world).failed(since=since).ids) == 3


def test_all_failed_tells_apart_what_has_arrived_since_with_another_delivery(world: World) -> None:
    """After 24 hours no window would keep such days from reaching the customer a second time."""
    (id_,) = failed(world, kind="bad_request")
    company = world.delivery(id_)["company_id"]
    world.clock.advance(timedelta(hours=1))
    world.deliveries(BENEVITY, company)
    world.drain(BENEVITY)
    since = world.clock() - timedelta(days=28)

    found = store(world).failed(since=since)

    assert (found.ids, found.arrived_since) == ((), (id_,))


def test_an_id_that_is_not_there_is_refused(world: World) -> None:
    """A replay of nothing says so."""
    unknown = uuid4()

    assert replay(world, unknown).refused[unknown].code == "delivery.unknown"
    assert replay(world) == QueuedAgain()
