"""Who holds a row, and for how long: leases, fences and the lock on contents (D3, D4)."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, get_ident
from uuid import UUID

from factories import YESTERDAY, World
from sqlalchemy.event import listen, remove

from impact_in_pipelines.db.deliveries.queueing.queue import PgDeliveryLog
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.delivery.draining.options import DrainOptions
from impact_in_pipelines.delivery.draining.preparing import prepare
from impact_in_pipelines.delivery.model import Claimed, Content, Selection, SendResult
from impact_in_pipelines.delivery.payload import payload_hash
from impact_in_pipelines.delivery.ports import Frozen, Settlement
from impact_in_pipelines.delivery.states import AttemptOutcome
from impact_in_pipelines.evidence.reading import Finding
from impact_in_pipelines.evidence.verifying import verify
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services.evidence.exporting import export

BENEVITY = Platform.BENEVITY
LEASE = timedelta(seconds=60)
WINDOW = timedelta(hours=24)
DEADLINE_S = 30.0


class Hand:
    """A worker that is moved step by step, as a coordinator would be that stalls between two steps."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        runtime = world.runtime
        self.log = PgDeliveryLog(runtime.database.engine, runtime.connections)

    def claim(self, selection: Selection | None = None) -> Sequence[Claimed]:
        return self.log.claim(
            BENEVITY,
            now=self.world.clock(),
            limit=500,
            worker=self.name,
            lease=LEASE,
            selection=selection or Selection(),
        )

    def freeze(self, claimed: Sequence[Claimed]) -> Frozen:
        connections = self.log.connections(BENEVITY, [row.company_id for row in claimed])
        ready, _ = prepare(claimed, connections, Fixed(), self.world.clock())
        return self.log.freeze(ready, now=self.world.clock(), window=WINDOW, worker=self.name)

    def settle(self, frozen: Frozen, outcome: AttemptOutcome = AttemptOutcome.DELIVERED) -> None:
        result = SendResult(outcome, latency_ms=5.0, http_status=200, transaction_id=self.name)
        now = self.world.clock()
        self.log.settle(
            [Settlement(p, result, now) for p in frozen.ready], now=now, worker=self.name
        )

    def renew(self, ids: Sequence[UUID]) -> frozenset[UUID]:
        return self.log.renew(ids, now=self.world.clock(), lease=LEASE, worker=self.name)

    def release(self, ids: Sequence[UUID]) -> None:
        now = self.world.clock()
        self.log.release_claims(ids, now=now, next_attempt_at=now, worker=self.name)


class Fixed:
    """The same content for every delivery."""

    def build(
        self, claimed: Sequence[tuple[Claimed, object]], now: datetime
    ) -> dict[UUID, Content]:
        """One value, built at `now`."""
        built = Content({"value": 1, "timestamp": now.isoformat()})
        return {row.id: built for row, _ in claimed}


def test_two_workers_never_judge_the_same_content_at_once(world: World) -> None:
    """Each would find the other's row not yet on its way, and both would be sent: the second waits."""
    (company,) = world.companies()
    world.deliveries(BENEVITY, company)
    hand = Hand(world, "second")
    claimed = hand.claim()
    content = f"{company}/benevity/{payload_hash({'value': 1})}"
    with ThreadPoolExecutor(1) as pool:
        with world.database.engine.begin() as first:
            first.execute(
                load("deliveries/queueing/freezing")["lock_contents"], {"contents": [content]}
            )
            frozen = pool.submit(hand.freeze, claimed)
            deadline = time.monotonic() + DEADLINE_S
            while not world.scalars(
                "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() "
                "AND wait_event = 'advisory'"
            ):
                assert not frozen.done(), "it judged while the other one did"
                assert time.monotonic() < deadline
                time.sleep(0.01)
        assert len(frozen.result().ready) == 1


def test_a_lease_that_was_taken_fences_the_first_worker(world: World) -> None:
    """It neither settles nor releases, nor renews, nor refuses, nor freezes: the row is the other's."""
    (company,) = world.companies()
    (id_,) = world.deliveries(BENEVITY, company)
    slow, quick = Hand(world, "slow"), Hand(world, "quick")
    slow_frozen = slow.freeze(slow.claim())
    assert quick.claim() == []
    world.clock.advance(LEASE)
    (row,) = quick.claim()
    assert (row.id, row.attempt_number) == (id_, 2)
    assert world.outcomes(id_) == ["lost"]
    before = world.delivery(id_)
    slow.settle(slow_frozen, AttemptOutcome.PERMANENT)
    slow.release([id_])
    assert slow.renew([id_]) == frozenset()
    assert slow.freeze([row]).ready == ()
    assert world.delivery(id_) == before
    quick.settle(quick.freeze([row]))
    after = world.delivery(id_)
    assert (after["status"], after["transaction_id"]) == ("success", "quick")
    slow.settle(slow_frozen, AttemptOutcome.PERMANENT)
    assert world.delivery(id_) == after
    assert after["idempotency_key"] == id_


def findings(world: World, company: UUID, path: Path) -> list[Finding]:
    """What is found in the company's evidence of yesterday."""
    found = world.runtime.companies.find(str(company))
    pieces = export(world.runtime, found, YESTERDAY, YESTERDAY, actor="test")
    path.write_bytes(b"".join(pieces))
    return verify(path).findings


def overtaken(world: World) -> tuple[UUID, Hand, Frozen, Hand, Frozen]:
    """A company with one delivery, the worker that has lost it and the one that has it now."""
    (company,) = world.companies()
    world.deliveries(BENEVITY, company)
    slow, quick = Hand(world, "slow"), Hand(world, "quick")
    slow_frozen = slow.freeze(slow.claim())
    world.clock.advance(LEASE)
    return company, slow, slow_frozen, quick, quick.freeze(quick.claim())


def test_a_late_result_changes_the_evidence_with_its_attempt(world: World, tmp_path: Path) -> None:
    """The attempt counts as lost until its worker says how it ended; the link of before says `lost` still.
    Said again it adds nothing."""
    company, slow, slow_frozen, quick, quick_frozen = overtaken(world)
    quick.settle(quick_frozen)
    assert world.scalars("SELECT count(*) FROM evidence_links") == [1]
    slow.settle(slow_frozen)
    slow.settle(slow_frozen)
    assert world.scalars("SELECT count(*) FROM evidence_links") == [2]
    assert findings(world, company, tmp_path / "evidence.zip") == []


def test_a_late_result_moves_no_attempt_that_was_counted(world: World) -> None:
    """When the attempt began was counted with the delivery's end, and is kept packed: a result that comes
    later says how the attempt ended, and leaves its beginning."""
    _, slow, slow_frozen, quick, quick_frozen = overtaken(world)
    quick.settle(quick_frozen)
    now = world.clock()
    world.runtime.sla_outcomes.refresh(now)
    before = world.runtime.sla.current(now)

    world.clock.advance(LEASE)
    slow.settle(slow_frozen)

    assert world.outcomes(slow_frozen.ready[0].claimed.id) == ["delivered", "delivered"]
    assert world.runtime.sla.current(now) == before
    world.execute("DELETE FROM sla_outcome_marks")
    assert world.runtime.sla.current(now) == before


def test_a_late_result_and_the_end_beside_it_see_each_other(world: World, tmp_path: Path) -> None:
    """Neither is committed when the other looks: the second waits for the first."""
    company, slow, slow_frozen, quick, quick_frozen = overtaken(world)
    late: list[int] = []
    about_to_commit, go_on = Event(), Event()

    def settle_late() -> None:
        late.append(get_ident())
        slow.settle(slow_frozen)

    def hold(_: object) -> None:
        if get_ident() in late:
            about_to_commit.set()
            go_on.wait(DEADLINE_S)

    engine = world.runtime.database.engine
    listen(engine, "commit", hold)
    try:
        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(settle_late)
            assert about_to_commit.wait(DEADLINE_S)
            second = pool.submit(quick.settle, quick_frozen)
            while not second.done() and not world.scalars(
                "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() "
                "AND wait_event_type = 'Lock'"
            ):
                time.sleep(0.01)
            go_on.set()
            first.result()
            second.result()
    finally:
        remove(engine, "commit", hold)
    assert findings(world, company, tmp_path / "evidence.zip") == []


def test_recording_a_result_again_changes_nothing(world: World) -> None:
    """Whoever isn't sure whether a settle was committed records it once more."""
    (company,) = world.companies()
    (id_,) = world.deliveries(BENEVITY, company)
    hand = Hand(world, "unsure")
    frozen = hand.freeze(hand.claim())
    hand.settle(frozen)
    row, attempts = world.delivery(id_), world.attempts(id_)
    hand.settle(frozen)
    assert (world.delivery(id_), world.attempts(id_)) == (row, attempts)
    assert world.outcomes(id_) == ["delivered"]


def test_a_worker_that_takes_its_own_row_twice_settles_the_second_attempt_only(
    world: World,
) -> None:
    """After a stall longer than its lease: the fence is the attempt, not only the name."""
    (company,) = world.companies()
    (id_,) = world.deliveries(BENEVITY, company)
    hand = Hand(world, "same")
    first = hand.freeze(hand.claim())
    world.clock.advance(LEASE)
    second = hand.freeze(hand.claim())
    hand.settle(first, AttemptOutcome.PERMANENT)
    assert world.delivery(id_)["status"] == "in_progress"
    hand.settle(second)
    assert world.delivery(id_)["status"] == "success"


def test_a_renewed_lease_holds(world: World) -> None:
    """From the renewal on, for another whole lease."""
    (company,) = world.companies()
    (id_,) = world.deliveries(BENEVITY, company)
    slow, quick = Hand(world, "slow"), Hand(world, "quick")
    slow.claim()
    world.clock.advance(LEASE - timedelta(seconds=1))
    assert slow.renew([id_]) == frozenset([id_])
    world.clock.advance(LEASE - timedelta(seconds=1))
    assert quick.claim() == []
    world.clock.advance(timedelta(seconds=1))
    assert len(quick.claim()) == 1


def test_a_drain_keeps_renewing_what_it_sends(world: World) -> None:
    """A platform that answers slower than the lease is long costs nobody a second request."""
    world.due(BENEVITY)
    world.sandbox.client.configure(latency_ms=2_000)
    lease = timedelta(seconds=0.6)
    drain = world.new_drain(BENEVITY)
    drain._options = DrainOptions(lease=lease)
    other = Hand(world, "other")
    deadline = time.monotonic() + DEADLINE_S
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(drain.run)
        while world.sandbox.client.stats()["benevity"]["received"] == 0:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        for _ in range(2):
            world.clock.advance(lease * 0.9)
            wanted = world.clock() + lease
            while world.scalars("SELECT lease_until FROM impact_deliveries") != [wanted]:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            assert other.claim() == []
        assert running.result().delivered == 1
    assert world.sandbox.client.stats()["benevity"]["received"] == 1
