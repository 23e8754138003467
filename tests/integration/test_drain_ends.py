"""What a drain does about rows in others' hands, and about what it had put off itself (D3)."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from factories import World
from sqlalchemy import text

from impact_in_pipelines.db.deliveries.queueing.queue import PgDeliveryLog
from impact_in_pipelines.delivery.draining import waiting
from impact_in_pipelines.delivery.model import Selection
from impact_in_pipelines.delivery.ports import Waits
from impact_in_pipelines.platforms import Platform

BENEVITY = Platform.BENEVITY
_ALL = Selection()


def _log(world: World) -> PgDeliveryLog:
    return PgDeliveryLog(world.database.engine, world.runtime.connections)


def test_two_drains_send_what_a_third_claimed_and_rolled_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both find all of it locked, and nothing is due for either. The third dies before its COMMIT: without
    them it would wait for the next tick."""
    world.due(BENEVITY, 10)
    log, asked = PgDeliveryLog.due_now, threading.Semaphore(0)

    def noticed(self: PgDeliveryLog, *args: object) -> int:
        asked.release()
        return log(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(PgDeliveryLog, "due_now", noticed)
    monkeypatch.setattr(waiting, "OTHERS_S", 60.0)
    _log(world).plan_due(BENEVITY, world.clock(), _ALL)
    runtimes = [world.another_runtime(seed=n) for n in (1, 2)]
    with ThreadPoolExecutor(2) as pool:
        with world.database.engine.connect() as third:
            third.execute(text("SELECT id FROM impact_deliveries FOR UPDATE"))
            drains = [pool.submit(one.drain(BENEVITY).run) for one in runtimes]
            for _ in range(4):
                assert asked.acquire(timeout=30)
            assert not any(one.done() for one in drains)
            third.rollback()
        summaries = [one.result(timeout=60) for one in drains]
    for runtime in runtimes:
        runtime.close()
    assert sum(one.delivered for one in summaries) == 10
    assert [one.locked for one in summaries] == [0, 0]
    assert world.statuses() == {"success": 10}


def test_what_is_due_is_counted_whoever_has_locked_it_and_nothing_is_claimed(world: World) -> None:
    """What a worker holds under a lease isn't due; what its connection is closed for neither."""
    companies = world.companies(3)
    ids = world.deliveries(BENEVITY, *companies)
    log, now = _log(world), world.clock()
    assert log.due_now(BENEVITY, now, _ALL) == 3
    assert world.statuses() == {"pending": 3}
    with world.database.engine.connect() as other:
        other.execute(text("SELECT id FROM impact_deliveries FOR UPDATE"))
        assert log.due_now(BENEVITY, now, _ALL) == 3
    world.execute(
        "UPDATE impact_deliveries SET next_attempt_at = :later WHERE id = :id",
        id=ids[0],
        later=now + timedelta(seconds=1),
    )
    assert log.due_now(BENEVITY, now, _ALL) == 2
    log.claim(BENEVITY, now=now, limit=10, worker="w", lease=timedelta(minutes=3), selection=_ALL)
    assert log.due_now(BENEVITY, now, _ALL) == 0
    assert log.due_now(Platform.GOODERA, now, _ALL) == 0


def test_only_what_still_waits_as_it_was_given_back_is_called_forward(world: World) -> None:
    """However long that is. Not what another drain has claimed since, or given back itself, nor what it sent
    in vain and will send again before our time has come."""
    ids = world.deliveries(BENEVITY, *world.companies(6))
    given_back, for_longer, claimed, its_own, failed, other = ids
    log, now = _log(world), world.clock()
    lease, moment = timedelta(minutes=3), timedelta(seconds=1)

    def claim(worker: str, at: datetime) -> None:
        log.claim(BENEVITY, now=at, limit=10, worker=worker, lease=lease, selection=_ALL)

    claim("ours", now)
    waiting = {id_: Waits(now, now + timedelta(seconds=30)) for id_ in ids}
    waiting[for_longer] = Waits(now, now + timedelta(seconds=60))
    for id_, waits in waiting.items():
        log.release_claims([id_], now=now, next_attempt_at=waits.until, worker="ours")
    world.execute(
        "UPDATE impact_deliveries SET next_attempt_at = :now WHERE id IN (:a, :b)",
        now=now,
        a=claimed,
        b=its_own,
    )
    claim("theirs", now + moment)
    soon = now + timedelta(seconds=20)
    log.release_claims([its_own], now=now + moment, next_attempt_at=soon, worker="theirs")
    world.execute(
        "UPDATE impact_deliveries SET status = 'retrying', next_attempt_at = :soon, updated_at = :at "
        "WHERE id = :id",
        soon=soon,
        at=now + moment,
        id=failed,
    )
    ours = {id_: waits for id_, waits in waiting.items() if id_ != other}
    later = now + 2 * moment
    assert log.call_forward(ours, now=later) == 2
    rows = world.rows("SELECT id, next_attempt_at FROM impact_deliveries")
    at: dict[UUID, object] = {row["id"]: row["next_attempt_at"] for row in rows}
    assert at == {
        given_back: later,
        for_longer: later,
        claimed: now + moment + lease,
        its_own: soon,
        failed: soon,
        other: waiting[other].until,
    }
