"""De-duplication over 24 hours, across retries, workers and keys (D4)."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from factories import FIRST_RETRY, MIDNIGHT, SECOND_RETRY, THIRD_RETRY, YESTERDAY, World
from sqlalchemy import RowMapping

from impact_in_pipelines.connectors.registry import connector_for
from impact_in_pipelines.db.deliveries.queueing.queue import PgDeliveryLog
from impact_in_pipelines.delivery.draining.preparing import as_requests, prepare
from impact_in_pipelines.delivery.model import Claimed, Selection
from impact_in_pipelines.delivery.states import ErrorKind
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services.deliveries.cancelling import cancel

BENEVITY, GOODERA = Platform.BENEVITY, Platform.GOODERA
LEASE = timedelta(minutes=3)
A_MOMENT = timedelta(seconds=20)


@pytest.fixture
def company(world: World) -> UUID:
    """A company with events yesterday."""
    (made,) = world.companies()
    world.events([made])
    return made


def fail_for_good(world: World, platform: Platform = BENEVITY) -> None:
    """Four drains, as far apart as the retry plan says."""
    for wait in (FIRST_RETRY, SECOND_RETRY, THIRD_RETRY, A_MOMENT):
        world.drain(platform)
        world.clock.advance(wait)


def deliver(world: World, company: UUID, platform: Platform = BENEVITY) -> RowMapping:
    """One more delivery of the same figures, drained."""
    (id_,) = world.deliveries(platform, company)
    world.drain(platform)
    return world.delivery(id_)


def claim(world: World, log: PgDeliveryLog, worker: str) -> Sequence[Claimed]:
    """What `worker` gets of what is due."""
    return log.claim(
        BENEVITY,
        now=world.clock(),
        limit=10,
        worker=worker,
        lease=LEASE,
        selection=Selection(),
    )


def test_the_same_content_within_a_day_is_skipped(world: World, company: UUID) -> None:
    """It points at the delivery that did the job, and costs no request and no attempt."""
    first = deliver(world, company)
    world.clock.advance(timedelta(hours=23, minutes=59))
    second = deliver(world, company)
    assert (first["status"], second["status"]) == ("success", "skipped")
    assert second["duplicate_of"] == first["id"]
    assert second["payload_hash"] == first["payload_hash"]
    assert second["attempt_count"] == 0
    assert world.attempts(second["id"]) == []
    assert world.sandbox.client.stats()["benevity"]["received"] == 1


def test_the_same_content_after_a_day_is_sent_again(world: World, company: UUID) -> None:
    """The window is 24 hours, from the moment the first one arrived."""
    first = deliver(world, company)
    world.clock.advance(timedelta(hours=24))
    second = deliver(world, company)
    assert [first["status"], second["status"]] == ["success"] * 2
    assert len(world.accepted(BENEVITY)) == 2


def test_other_figures_are_no_duplicate(world: World, company: UUID) -> None:
    """One event more, and it is sent."""
    deliver(world, company)
    world.events([company], days=[MIDNIGHT.date()])
    world.execute(
        "UPDATE impact_events SET occurred_at = occurred_at - interval '1 day' "
        "WHERE occurred_at >= :midnight",
        midnight=MIDNIGHT,
    )
    assert deliver(world, company)["status"] == "success"


def test_the_window_is_of_one_company_and_platform(world: World) -> None:
    """Two companies may well have the same figures, and each platform gets its own copy."""
    one, other = world.companies(2)
    world.events([one])
    world.events([other])
    for company in (one, other):
        for platform in Platform:
            assert deliver(world, company, platform)["status"] == "success"


def test_a_retry_whose_content_has_arrived_meanwhile_is_skipped(
    world: World, company: UUID
) -> None:
    """Refused with 429, then overtaken by a forced copy: the retry finds it in the window."""
    world.sandbox.client.add_fault("benevity", "rate_limited", count=1, retry_after_seconds=300)
    first = deliver(world, company)
    assert first["status"] == "retrying"
    (other,) = world.deliveries(BENEVITY, company)
    world.execute(
        """UPDATE impact_deliveries o SET status = 'success', delivered_at = :now, next_attempt_at = NULL,
               payload = f.payload, payload_hash = f.payload_hash, attempt_count = 1
           FROM impact_deliveries f WHERE f.id = :first AND o.id = :other""",
        now=world.clock(),
        first=first["id"],
        other=other,
    )
    world.clock.advance(FIRST_RETRY)
    assert world.drain(BENEVITY).skipped == 1
    last = world.delivery(first["id"])
    assert (last["status"], last["duplicate_of"]) == ("skipped", other)
    assert world.outcomes(first["id"]) == ["retryable"]


def test_of_two_in_one_drain_one_is_sent_and_the_other_skipped(world: World, company: UUID) -> None:
    """The other waits a moment, is judged again, and points at the first."""
    ids = [*world.deliveries(BENEVITY, company), *world.deliveries(BENEVITY, company)]
    summary = world.drain(BENEVITY)
    assert (summary.delivered, summary.released_twins) == (1, 1)
    assert world.statuses() == {"success": 1, "pending": 1}
    world.clock.advance(A_MOMENT)
    assert world.drain(BENEVITY).skipped == 1
    rows = sorted((world.delivery(id_) for id_ in ids), key=lambda row: str(row["status"]))
    assert [row["status"] for row in rows] == ["skipped", "success"]
    assert rows[0]["duplicate_of"] == rows[1]["id"]
    assert world.sandbox.client.stats()["benevity"]["received"] == 1


def test_a_twin_of_one_that_is_being_retried_waits_for_it(world: World, company: UUID) -> None:
    """It may have arrived: until that is known the other isn't sent, and then it is skipped."""
    world.sandbox.client.add_fault("benevity", "connection_reset_after", count=1)
    first = deliver(world, company)
    second = deliver(world, company)
    assert (first["status"], second["status"]) == ("retrying", "pending")
    assert second["next_attempt_at"] > first["next_attempt_at"]
    world.clock.advance(FIRST_RETRY)
    world.drain(BENEVITY)
    world.clock.advance(A_MOMENT)
    world.drain(BENEVITY)
    assert world.delivery(first["id"])["status"] == "success"
    assert world.delivery(second["id"])["status"] == "skipped"
    assert [line["timesAccepted"] for line in world.accepted(BENEVITY).values()] == [1]
    assert world.doubled(BENEVITY) == []


def test_a_twin_of_one_whose_worker_died_waits_for_it(world: World, company: UUID) -> None:
    """Between the lost attempt and the next one the row may look untouched; its key has been used."""
    (first,) = world.deliveries(BENEVITY, company)
    # A worker sends it and is killed before it can record that; a later one claims it, has to stop, and
    # releases it before it has sent anything.
    died, stopped = (PgDeliveryLog(world.database.engine, world.runtime.connections) for _ in "ab")
    (row,) = claim(world, died, "died")
    connections = died.connections(BENEVITY, [company])
    ready, _ = prepare([row], connections, world.runtime.payloads, world.clock())
    frozen = died.freeze(ready, now=world.clock(), window=timedelta(hours=24), worker="died")
    connector_for(BENEVITY, world.runtime.transport, world.runtime.oauth_tokens).send(
        as_requests(frozen.ready)[0].shipment
    )
    world.clock.advance(LEASE)
    assert [one.id for one in claim(world, stopped, "stopped")] == [first]
    now = world.clock()
    stopped.release_claims(
        [first], now=now, next_attempt_at=now + timedelta(minutes=2), worker="stopped"
    )
    assert world.outcomes(first) == ["lost"]
    second = deliver(world, company)
    assert (second["status"], second["attempt_count"]) == ("pending", 0)
    for _ in range(2):
        world.clock.advance(FIRST_RETRY)
        world.drain(BENEVITY)
    assert world.delivery(first)["status"] == "success"
    assert world.delivery(second["id"])["status"] == "skipped"
    assert world.doubled(BENEVITY) == []


@pytest.mark.parametrize(
    "last_fault", ["connection_reset_after", "unauthorized"], ids=["still unclear", "then refused"]
)
def test_what_failed_after_it_may_have_arrived_is_repeated_under_its_key(
    world: World, company: UUID, last_fault: str
) -> None:
    """Also where only an earlier attempt was unclear: the next delivery of the same figures, whatever
    started it, uses key and body again, and the platform recognises them."""
    world.sandbox.client.add_fault("benevity", "connection_reset_after", count=1)
    world.sandbox.client.add_fault("benevity", last_fault)
    (first,) = world.deliveries(BENEVITY, company)
    fail_for_good(world)
    failed = world.delivery(first)
    assert failed["status"] == "failed"
    world.sandbox.client.clear_faults()
    second = deliver(world, company)
    assert second["status"] == "success"
    assert second["idempotency_key"] == failed["idempotency_key"] == first
    assert second["payload"] == failed["payload"]
    (line,) = world.accepted(BENEVITY).values()
    assert line["timesAccepted"] == 1
    assert world.doubled(BENEVITY) == []


def test_what_was_cancelled_after_it_may_have_arrived_is_repeated_under_its_key(
    world: World, company: UUID
) -> None:
    """A person who cancels a retry can't take back what is on the wire."""
    world.sandbox.client.add_fault("benevity", "timeout_after", count=1, delay_ms=1)
    first = deliver(world, company)
    assert first["status"] == "retrying"
    cancel(world.runtime, [first["id"]], actor="kari")
    assert world.delivery(first["id"])["status"] == "cancelled"
    assert deliver(world, company)["idempotency_key"] == first["id"]
    assert world.doubled(BENEVITY) == []


def test_what_was_plainly_refused_is_sent_under_a_key_of_its_own(
    world: World, company: UUID
) -> None:
    """A platform may answer a key it has refused with the same refusal for ever."""
    world.sandbox.client.add_fault("benevity", "bad_request", count=1)
    first = deliver(world, company)
    second = deliver(world, company)
    assert (first["status"], second["status"]) == ("failed", "success")
    assert second["idempotency_key"] == second["id"] != first["idempotency_key"]


def test_a_replay_and_the_one_that_took_over_its_key_both_end(world: World, company: UUID) -> None:
    """Each is on its way and has the other's content: neither may wait for the other for ever."""
    world.sandbox.client.add_fault("benevity", "connection_reset_after")
    (first,) = world.deliveries(BENEVITY, company)
    fail_for_good(world)
    second = deliver(world, company)
    assert second["status"] == "retrying"
    assert world.runtime.replays.queue([first], now=world.clock(), actor="kari").queued == (first,)
    world.drain(BENEVITY)
    world.sandbox.client.clear_faults()
    for _ in range(5):
        # A drain for each moment at which one of them is due, so that neither finds the other beside it.
        (next_due,) = world.scalars("SELECT min(next_attempt_at) FROM impact_deliveries")
        if next_due is None:
            break
        world.clock.now = max(world.clock.now, next_due)
        world.drain(BENEVITY)
    ends = sorted(world.delivery(id_)["status"] for id_ in (first, second["id"]))
    assert ends == ["skipped", "success"]
    assert world.doubled(BENEVITY) == []


def test_force_sends_what_had_arrived_under_a_new_key(world: World, company: UUID) -> None:
    """A person who says so is believed (D11)."""
    deliver(world, company)
    (second,) = world.deliveries(BENEVITY, company)
    world.execute("UPDATE impact_deliveries SET force = true WHERE id = :id", id=second)
    world.drain(BENEVITY)
    assert world.delivery(second)["status"] == "success"
    assert len(world.accepted(BENEVITY)) == 2


def test_a_failed_batch_that_may_have_arrived_blocks_its_records(
    world: World, company: UUID
) -> None:
    """The platform knows only the batch's key: a record of it, sent singly, would arrive twice. Its twin
    fails with the way out, and the figures are not lost: the batch can be replayed whole."""
    days = [MIDNIGHT.date() - timedelta(days=n) for n in (1, 2)]
    world.events([company], days=days[1:])
    world.sandbox.client.add_fault("goodera", "connection_reset_after")
    batch = world.deliveries(GOODERA, company, days=days)
    fail_for_good(world, GOODERA)
    world.sandbox.client.clear_faults()
    assert len({world.delivery(id_)["batch_id"] for id_ in batch} - {None}) == 1
    twin = deliver(world, company, GOODERA)
    assert (twin["status"], twin["error_kind"]) == ("failed", ErrorKind.UNRESOLVED)
    assert f"delivery {batch[0]}" in twin["last_error"]
    assert world.attempts(twin["id"]) == []
    assert world.doubled(GOODERA) == []


def test_predecessors_are_not_overtaken(world: World, company: UUID) -> None:
    """While a schedule's earlier delivery is open, the later one waits, whatever becomes of the first."""
    (schedule,) = world.schedules(BENEVITY, [company])
    world.sandbox.client.add_fault("benevity", "server_error", count=1)
    world.drain(BENEVITY)
    first = world.of_company(company)
    assert first["status"] == "retrying"
    world.execute(
        """INSERT INTO impact_deliveries (company_id, platform, schedule_id, trigger, status, period_start,
               period_end, scheduled_for, idempotency_key, next_attempt_at)
           VALUES (:company, 'benevity', :schedule, 'schedule', 'pending', '2026-03-10', '2026-03-10',
               :fire, gen_random_uuid(), :fire)""",
        company=company,
        schedule=schedule,
        fire=world.clock(),
    )
    assert world.drain(BENEVITY).claimed == 0
    world.clock.advance(FIRST_RETRY)
    assert world.drain(BENEVITY).delivered == 2
    order = world.rows("SELECT status FROM impact_deliveries ORDER BY scheduled_for")
    assert [row["status"] for row in order] == ["success", "success"]


@pytest.mark.parametrize("platform", list(Platform))
def test_a_storm_of_faults_loses_nothing_and_doubles_nothing(
    world: World, platform: Platform
) -> None:
    """Two drains at once, a third of all requests failing in every way that leaves doubt, two deliveries of
    the same figures for each company and day, until all are final: what the log calls delivered has arrived
    exactly once, what it calls skipped has arrived, and nothing arrived of which it knows nothing."""
    companies = world.companies(20)
    days = [YESTERDAY - timedelta(days=n) for n in range(3)]
    world.events(companies, days=days)
    for _ in range(2):
        world.deliveries(platform, *companies, days=days)
    storm: list[dict[str, Any]] = [
        {"kind": "connection_reset_after"},
        {"kind": "malformed_json", "after_processing": True},
        {"kind": "server_error", "after_processing": True, "status": 500},
        {"kind": "connection_reset"},
    ]
    for seed, fault in enumerate(storm):
        world.sandbox.client.add_fault(platform.value, rate=0.1, seed=seed, **fault)
    with ThreadPoolExecutor(2) as pool:
        runtimes = [world.another_runtime(seed=n) for n in (1, 2)]
        for _ in range(30):
            list(pool.map(lambda r: r.drain(platform).run(), runtimes))
            if world.statuses().keys() <= {"success", "failed", "skipped"}:
                break
            world.clock.advance(SECOND_RETRY)
        for runtime in runtimes:
            runtime.close()
    statuses = world.statuses()
    assert sum(statuses.values()) == 2 * len(companies) * len(days)
    assert statuses.keys() <= {"success", "failed", "skipped"}
    assert world.doubled(platform) == []
    arrived = {
        (line["organizationId"], line["periodStart"])
        for line in world.sandbox.client.accepted(platform.value)["accepted"]
    }
    rows = world.rows(
        "SELECT c.slug, d.period_start, d.status, d.batch_id FROM impact_deliveries d "
        "JOIN companies c ON c.id = d.company_id"
    )
    told = {(r["slug"], r["period_start"].isoformat()) for r in rows if r["status"] == "success"}
    assert len(told) == statuses["success"]
    assert told <= arrived
    skipped = {(r["slug"], r["period_start"].isoformat()) for r in rows if r["status"] == "skipped"}
    assert skipped <= told
    doubtful = {(r["slug"], r["period_start"].isoformat()) for r in rows if r["status"] == "failed"}
    assert arrived <= told | doubtful
    assert world.sandbox.client.stats()[platform.value]["replayed"] > 0
