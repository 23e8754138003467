"""The chain of evidence: each end of a delivery adds a link, where it is recorded (ADR 0012)."""

import json
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from factories import YESTERDAY, World
from sqlalchemy import Engine, text

from impact_in_pipelines.db.deliveries.call_backs import CallBackStore, Word
from impact_in_pipelines.db.deliveries.cancelling import CancelStore
from impact_in_pipelines.db.evidence.linking import add_links, link_what_has_none
from impact_in_pipelines.delivery.states import DeliveryStatus
from impact_in_pipelines.evidence.chain import genesis, link_hash
from impact_in_pipelines.platforms import Platform

BENEVITY = Platform.BENEVITY


def chain(world: World, company: UUID) -> list[dict[str, Any]]:
    """The company's records in their order, once every hash has been computed again."""
    rows = world.rows(
        "SELECT link, record, hash, delivery_id, status FROM evidence_links "
        "WHERE company_id = :company ORDER BY link",
        company=company,
    )
    last = genesis(company)
    for number, row in enumerate(rows, 1):
        last = link_hash(last, row["record"])
        record = json.loads(row["record"])
        assert (row["link"], record["link"], bytes(row["hash"]).hex()) == (number, number, last)
        assert record["delivery"] == str(row["delivery_id"])
        assert record["status"] == row["status"]
    (head,) = world.rows("SELECT * FROM evidence_heads WHERE company_id = :c", c=company)
    assert (head["links"], bytes(head["hash"]).hex()) == (len(rows), last)
    return [json.loads(row["record"]) for row in rows]


def ends(world: World, company: UUID) -> list[str]:
    return [record["status"] for record in chain(world, company)]


def test_a_company_begins_with_the_hash_of_its_id(world: World) -> None:
    """Its chain is nobody else's: the id is what the first link follows."""
    one, other = world.companies(2)
    assert chain(world, one) == chain(world, other) == []
    assert genesis(one) != genesis(other)


def test_what_arrived_is_linked_with_its_payload_receipt_times_and_attempts(world: World) -> None:
    """Everything that the log has of it is in the record, as it is or by its hash."""
    (company,) = world.due(BENEVITY)
    world.drain(BENEVITY)
    row = world.of_company(company)
    (record,) = chain(world, company)
    assert record["status"] == "success"
    assert record["payload_sha256"] == row["payload_hash"]
    assert record["transaction"] == row["transaction_id"]
    assert record["period"] == [str(YESTERDAY)] * 2
    assert record["attempts"] == 1
    assert len(record["receipt_sha256"]) == len(record["attempts_sha256"]) == 64
    for name, column in (("due", "scheduled_for"), ("delivered_at", "delivered_at")):
        assert record[name].startswith(row[column].isoformat()[:19])


def test_concurrent_drains_do_not_fork_a_chain(gated_world: World) -> None:
    """Three drains end deliveries of the same few companies at once, on three platforms."""
    world = gated_world
    companies = world.companies(5)
    world.events(companies, days=[YESTERDAY - timedelta(days=n) for n in range(20)])
    for platform in Platform:
        for n in range(20):
            world.deliveries(platform, *companies, days=[YESTERDAY - timedelta(days=n)])
    runtimes = [world.another_runtime(seed=n) for n in range(6)]
    with ThreadPoolExecutor(6) as pool:
        done = list(
            pool.map(
                lambda pair: pair[0].drain(pair[1]).run(),
                zip(runtimes, [*Platform] * 2, strict=True),
            )
        )
    for runtime in runtimes:
        runtime.close()
    assert sum(one.delivered for one in done) == 300
    assert [len(chain(world, company)) for company in companies] == [60] * 5


def test_ends_of_many_companies_at_once_wait_for_each_other_and_never_deadlock(
    world: World,
) -> None:
    """Each names the companies in another order; the chains are locked in one."""
    companies = world.companies(30)
    world.deliveries(BENEVITY, *companies)
    world.execute("UPDATE impact_deliveries SET status = 'success', delivered_at = now()")
    ids = world.scalars("SELECT id FROM impact_deliveries")

    def link(seed: int) -> None:
        with world.another_runtime(seed=seed).database.engine.begin() as connection:
            add_links(connection, random.Random(seed).sample(ids, 20))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(link, range(40)))
    assert sum(len(chain(world, company)) for company in companies) == 800


def test_what_is_rolled_back_is_in_no_chain(world: World) -> None:
    """Link and end are one transaction: neither is without the other."""
    (company,) = world.companies()
    world.deliveries(BENEVITY, company)
    world.execute("UPDATE impact_deliveries SET status = 'success', delivered_at = now()")
    with world.database.engine.connect() as connection:
        assert add_links(connection, world.scalars("SELECT id FROM impact_deliveries")) == 1
        connection.rollback()
    assert chain(world, company) == []


@pytest.mark.parametrize("status", sorted(set(DeliveryStatus) - {"in_progress"}))
def test_every_end_is_linked_and_nothing_else(world: World, status: str) -> None:
    """`success`, `failed`, `skipped`, `missed` and `cancelled` are ends; what is on its way is none."""
    (company,) = world.companies()
    world.deliveries(BENEVITY, company)
    world.execute("UPDATE impact_deliveries SET status = :status", status=status)
    with world.database.engine.begin() as connection:
        add_links(connection, world.scalars("SELECT id FROM impact_deliveries"))
    assert ends(world, company) == ([] if status in ("pending", "retrying") else [status])


def test_a_failure_a_duplicate_and_a_cancelled_one_are_linked(world: World) -> None:
    """Refused without being sent, the same content twice, and called off."""
    (company,) = world.due(BENEVITY)
    world.drain(BENEVITY)
    world.deliveries(BENEVITY, company)
    world.drain(BENEVITY)
    (waiting,) = world.deliveries(BENEVITY, company)
    CancelStore(world.database.engine).cancel([waiting], now=world.clock(), actor="test", why="no")
    world.execute(
        "INSERT INTO platform_connections (company_id, platform, enabled) VALUES (:c, 'benevity', false)",
        c=company,
    )
    world.deliveries(BENEVITY, company, days=[YESTERDAY - timedelta(days=1)])
    world.drain(BENEVITY)
    assert ends(world, company) == ["success", "skipped", "cancelled", "failed"]


def test_a_call_back_that_takes_back_and_one_that_restores_add_links(world: World) -> None:
    """What had arrived stays in the chain, and what became of it follows."""
    (company,) = world.due(BENEVITY)
    world.drain(BENEVITY)
    transaction = world.of_company(company)["transaction_id"]
    for number, word in enumerate((Word.FAILED, Word.ARRIVED)):
        world.clock.advance(timedelta(minutes=1))
        CallBackStore(world.database.engine, world.runtime.vault).take(
            BENEVITY, company, transaction_id=transaction, message_id=f"m{number}", word=word,
            error="rejected by the programme", at=world.clock(), now=world.clock(),
        )  # fmt: skip
    taken = chain(world, company)
    assert [one["status"] for one in taken] == ["success", "failed", "success"]
    assert "taken_back_at" in taken[1]
    assert "error_sha256" in taken[1]


def test_a_missed_fire_is_linked_when_it_is_planned(world: World) -> None:
    """A downtime counts against the target; so it belongs to the evidence."""
    companies = world.companies(2)
    world.events(companies)
    world.schedules(BENEVITY, companies)
    world.clock.advance(timedelta(days=3))
    world.drain(BENEVITY)
    assert all("missed" in ends(world, company) for company in companies)
    assert world.scalars(
        "SELECT count(*) FROM impact_deliveries d WHERE status = 'missed' AND NOT EXISTS "
        "(SELECT 1 FROM evidence_links l WHERE l.delivery_id = d.id AND l.status = 'missed')"
    ) == [0]


def test_ends_from_before_there_was_a_chain_are_linked_once(world: World) -> None:
    """The first pass goes through the whole log, the next ones through what has changed since."""
    companies = world.companies(3)
    for n in range(4):
        world.deliveries(BENEVITY, *companies, days=[YESTERDAY - timedelta(days=n)])
    world.execute("UPDATE impact_deliveries SET status = 'success', delivered_at = now()")
    engine: Engine = world.database.engine
    assert link_what_has_none(engine, now=world.clock()) == 12
    assert link_what_has_none(engine, now=world.clock()) == 0
    # A program of before, still at work beside this one, ends one and links nothing.
    world.deliveries(BENEVITY, companies[0], days=[YESTERDAY - timedelta(days=9)])
    world.execute(
        "UPDATE impact_deliveries SET status = 'failed', updated_at = now() WHERE status = 'pending'"
    )
    assert link_what_has_none(engine, now=world.clock()) == 1
    assert [len(chain(world, company)) for company in companies] == [5, 4, 4]


def test_an_end_that_changed_after_its_link_is_linked_again_though_its_status_is_the_same(
    world: World,
) -> None:
    """A program of before sends again what had arrived: it arrives again, at another time."""
    (company,) = world.due(BENEVITY)
    world.drain(BENEVITY)
    engine: Engine = world.database.engine
    assert link_what_has_none(engine, now=world.clock()) == 0
    world.execute(
        "UPDATE impact_deliveries SET delivered_at = delivered_at + interval '1 hour', "
        "updated_at = now() + interval '1 hour'"
    )
    assert link_what_has_none(engine, now=world.clock()) == 1
    assert link_what_has_none(engine, now=world.clock()) == 0
    first, second = chain(world, company)
    assert first["delivered_at"] < second["delivered_at"]


def test_a_company_that_is_deleted_takes_its_chain_along(world: World) -> None:
    """Nothing of it may stay; what was published of it is a hash."""
    (company,) = world.companies()
    with world.database.engine.begin() as connection:
        connection.execute(text("DELETE FROM platform_connections"))
        connection.execute(text("DELETE FROM companies WHERE id = :c"), {"c": company})
    assert world.scalars("SELECT count(*) FROM evidence_heads") == [0]
