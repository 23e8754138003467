"""Goodera's batches: frozen, repeated whole, resolved singly (design, section 6)."""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

import pytest
from factories import FIRST_RETRY, SECOND_RETRY, THIRD_RETRY, YESTERDAY, World

from impact_in_pipelines.db.deliveries.queueing.queue import PgDeliveryLog
from impact_in_pipelines.delivery.draining.preparing import prepare
from impact_in_pipelines.delivery.model import Selection
from impact_in_pipelines.delivery.ports import PayloadSource
from impact_in_pipelines.platforms import Platform

GOODERA = Platform.GOODERA


def days(count: int) -> list[date]:
    return [YESTERDAY - timedelta(days=n) for n in range(count)]


@pytest.fixture
def company(world: World) -> UUID:
    """A company with events on each of the last 250 days."""
    (made,) = world.companies()
    world.events([made], days=days(250))
    return made


def times(world: World) -> Counter[tuple[int, int]]:
    """How many records were received and accepted how often."""
    lines = world.sandbox.client.accepted("goodera")["accepted"]
    return Counter((line["timesReceived"], line["timesAccepted"]) for line in lines)


def batches(world: World, ids: Sequence[UUID]) -> Counter[UUID | None]:
    """The batches of these deliveries and how many are in each."""
    return Counter(world.delivery(id_)["batch_id"] for id_ in ids)


def outcomes(world: World, ids: Sequence[UUID]) -> set[tuple[str, ...]]:
    return {tuple(world.outcomes(id_)) for id_ in ids}


def test_what_is_due_together_goes_out_a_hundred_at_a_time(world: World, company: UUID) -> None:
    """250 days of one company: three requests, and a result for each delivery."""
    ids = world.deliveries(GOODERA, company, days=days(250))
    summary = world.drain(GOODERA)
    assert summary.delivered == 250
    stats = world.sandbox.client.stats()["goodera"]
    assert (stats["received"], stats["acceptedRequests"], stats["accepted"]) == (3, 3, 250)
    found = batches(world, ids)
    assert sorted(found.values()) == [50, 100, 100]
    assert world.accepted(GOODERA).keys() == {str(batch) for batch in found}
    rows = world.rows("SELECT * FROM impact_deliveries")
    assert {(row["status"], row["attempt_count"], row["http_status"]) for row in rows} == {
        ("success", 1, 200)
    }
    # The batch's id at the platform is what each of its deliveries can be asked for by.
    assert len({(row["batch_id"], row["transaction_id"]) for row in rows}) == 3
    assert all(row["idempotency_key"] == row["id"] for row in rows)
    sent = {line["periodStart"] for line in world.sandbox.client.accepted("goodera")["accepted"]}
    assert sent == {day.isoformat() for day in days(250)}


def test_one_alone_is_no_batch_and_companies_never_share_one(world: World) -> None:
    """A batch is of one connection; a single delivery goes under its own key."""
    companies = world.due(GOODERA, 3)
    assert world.drain(GOODERA).delivered == 3
    rows = [world.of_company(c) for c in companies]
    assert [row["batch_id"] for row in rows] == [None] * 3
    assert world.accepted(GOODERA).keys() == {str(row["id"]) for row in rows}


@pytest.mark.parametrize("platform", [Platform.BENEVITY, Platform.WORKDAY])
def test_other_platforms_know_no_batches(world: World, platform: Platform) -> None:
    """Their endpoint takes one record a request."""
    (company,) = world.companies()
    world.events([company], days=days(3))
    ids = world.deliveries(platform, company, days=days(3))
    assert world.drain(platform).delivered == 3
    assert batches(world, ids) == {None: 3}


@pytest.mark.parametrize("fault", ["connection_reset_after", "malformed_json", "server_error"])
def test_a_batch_is_repeated_whole_under_its_key(world: World, company: UUID, fault: str) -> None:
    """After an answer that didn't come: the same records in the same bytes, while others that have fallen
    due since go by themselves."""
    world.sandbox.client.add_fault("goodera", fault, count=1)
    ids = world.deliveries(GOODERA, company, days=days(7))
    assert world.drain(GOODERA).retrying == 7
    ((batch_id, size),) = batches(world, ids).items()
    assert size == 7
    assert len({world.delivery(id_)["next_attempt_at"] for id_ in ids}) == 1
    others = world.deliveries(GOODERA, company, days=days(10)[7:])
    world.clock.advance(FIRST_RETRY)
    assert world.drain(GOODERA).delivered == 10
    assert batches(world, ids) == {batch_id: 7}
    assert batch_id not in batches(world, others)
    assert times(world) == {(2, 1): 7, (1, 1): 3}
    assert world.doubled(GOODERA) == []
    assert outcomes(world, ids) == {("retryable", "delivered")}
    if fault != "connection_reset_after":
        bodies = [b for b in world.sandbox.client.bodies("goodera") if b["key"] == str(batch_id)]
        assert len(json.loads(bodies[0]["body"])["records"]) == 7


def freeze_and_die(world: World) -> None:
    """All that a worker does before its first request; then it is gone."""
    runtime = world.runtime
    log = PgDeliveryLog(runtime.database.engine, runtime.connections, batch_limit=100)
    claimed = log.claim(
        GOODERA,
        now=world.clock(),
        limit=500,
        worker="dead",
        lease=timedelta(seconds=60),
        selection=Selection(),
    )
    payloads: PayloadSource = world.new_drain(GOODERA)._payloads
    connections = log.connections(GOODERA, [row.company_id for row in claimed])
    prepared, _ = prepare(claimed, connections, payloads, world.clock())
    log.freeze(prepared, now=world.clock(), window=timedelta(hours=24), worker="dead")


def test_a_batch_whose_worker_died_is_repeated_whole_under_its_key(
    world: World, company: UUID
) -> None:
    """Nobody knows whether it went out, so it goes out as it was frozen, when its lease has ended: not
    merged with what is due by then, and its lost attempts are marked."""
    ids = world.deliveries(GOODERA, company, days=days(5))
    freeze_and_die(world)
    ((batch_id, size),) = batches(world, ids).items()
    assert size == 5
    others = world.deliveries(GOODERA, company, days=days(7)[5:])
    assert world.drain(GOODERA).claimed == 2
    world.clock.advance(timedelta(seconds=60))
    assert world.drain(GOODERA).delivered == 5
    assert batches(world, ids) == {batch_id: 5}
    assert str(batch_id) in world.accepted(GOODERA)
    assert outcomes(world, ids) == {("lost", "delivered")}
    assert outcomes(world, others) == {("delivered",)}
    assert times(world) == {(1, 1): 7}


def test_a_batch_claimed_for_its_first_member_is_claimed_whole(world: World, company: UUID) -> None:
    """Even where the limit of the claim or the selection would cut it."""
    world.deliveries(GOODERA, company, days=days(5))
    freeze_and_die(world)
    world.clock.advance(timedelta(seconds=60))
    runtime = world.runtime
    log = PgDeliveryLog(runtime.database.engine, runtime.connections)
    claimed = log.claim(
        GOODERA,
        now=world.clock(),
        limit=1,
        worker="second",
        lease=timedelta(seconds=60),
        selection=Selection(),
    )
    assert len(claimed) == 5
    assert {row.attempt_number for row in claimed} == {2}


def test_a_batch_refused_for_one_record_fails_that_one_only(world: World, company: UUID) -> None:
    """In the same drain: the batch is resolved by sending its records singly, under their own keys."""
    bad_day = days(6)[3]
    world.execute(
        "UPDATE impact_events SET outcome_category = :long WHERE event_id LIKE :day || '-%'",
        long="x" * 300,  # longer than the platform takes
        day=bad_day.isoformat(),
    )
    ids = world.deliveries(GOODERA, company, days=days(6))
    bad = ids[3]
    summary = world.drain(GOODERA)
    assert (summary.delivered, summary.failed, summary.retrying) == (5, 1, 0)
    good = [id_ for id_ in ids if id_ != bad]
    assert {world.delivery(id_)["status"] for id_ in good} == {"success"}
    assert outcomes(world, good) == {("split", "delivered")}
    row = world.delivery(bad)
    assert (row["status"], row["error_kind"], row["http_status"]) == ("failed", "rejected", 400)
    assert world.outcomes(bad) == ["split", "permanent"]
    assert row["failed_attempts"] == 1
    assert batches(world, ids) == {None: 6}
    assert world.accepted(GOODERA).keys() == {str(id_) for id_ in good}
    assert world.sandbox.client.stats()["goodera"]["received"] == 7


def test_singles_of_a_resolved_batch_retry_on_their_own(world: World, company: UUID) -> None:
    """Once resolved it is never a batch again, and the split counts as no failure."""
    world.sandbox.client.add_fault("goodera", "bad_request", count=1)
    ids = world.deliveries(GOODERA, company, days=days(4))
    world.sandbox.client.add_fault("goodera", "server_error", count=4)
    assert world.drain(GOODERA).retrying == 4
    assert {world.delivery(id_)["failed_attempts"] for id_ in ids} == {1}
    world.clock.advance(FIRST_RETRY)
    assert world.drain(GOODERA).delivered == 4
    assert batches(world, ids) == {None: 4}
    assert outcomes(world, ids) == {("split", "retryable", "delivered")}


def test_a_batch_refused_for_the_account_fails_whole(world: World, company: UUID) -> None:
    """A wrong key is no record's fault: sending them singly would be refused a hundred times."""
    world.sandbox.client.add_fault("goodera", "unauthorized")
    world.deliveries(GOODERA, company, days=days(100))
    assert world.drain(GOODERA).failed == 100
    assert world.sandbox.client.stats()["goodera"]["received"] == 1
    kinds = world.rows("SELECT DISTINCT status, error_kind FROM impact_deliveries")
    assert [(row["status"], row["error_kind"]) for row in kinds] == [("failed", "authentication")]


def test_a_batch_that_failed_for_good_stays_a_batch(world: World, company: UUID) -> None:
    """It may have arrived: whoever repeats it needs its key and all of its members."""
    world.sandbox.client.add_fault("goodera", "connection_reset_after")
    ids = world.deliveries(GOODERA, company, days=days(3))
    for wait in (FIRST_RETRY, SECOND_RETRY, THIRD_RETRY, THIRD_RETRY):
        world.drain(GOODERA)
        world.clock.advance(wait)
    assert world.statuses() == {"failed": 3}
    ((batch_id, size),) = batches(world, ids).items()
    assert (batch_id is None, size) == (False, 3)
    assert times(world) == {(4, 1): 3}


def test_twins_never_meet_in_one_batch(world: World, company: UUID) -> None:
    """The same figures twice in one request would arrive twice."""
    ids = [
        *world.deliveries(GOODERA, company, days=days(3)),
        *world.deliveries(GOODERA, company, days=days(3)),
    ]
    assert world.drain(GOODERA).delivered == 3
    world.clock.advance(timedelta(seconds=20))
    assert world.drain(GOODERA).skipped == 3
    assert Counter(world.delivery(id_)["status"] for id_ in ids) == {"success": 3, "skipped": 3}
    assert world.doubled(GOODERA) == []


def test_a_batch_that_was_put_off_unsent_is_judged_afresh(world: World, company: UUID) -> None:
    """The connection's limit held it back: what has arrived by the time it goes out is not sent with it."""
    world.runtime.connections.save(company, GOODERA, rate_limit_per_minute=1)
    ids = world.deliveries(GOODERA, company, days=days(120))
    assert world.drain(GOODERA).delivered == 100
    left = [id_ for id_ in ids if world.delivery(id_)["status"] == "pending"]
    assert len(left) == 20
    assert batches(world, left) == {None: 20}
    assert outcomes(world, left) == {()}
    overtaken = world.delivery(left[0])
    (other,) = world.deliveries(GOODERA, company, days=[overtaken["period_start"]])
    world.limits_rest()
    assert world.drain(GOODERA).delivered == 1
    world.clock.advance(timedelta(seconds=61))
    world.limits_rest()
    assert world.drain(GOODERA).delivered == 19
    assert world.delivery(left[0])["duplicate_of"] == other
    assert world.doubled(GOODERA) == []
