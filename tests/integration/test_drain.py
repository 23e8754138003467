"""One drain and several: what is claimed, by whom, for how long, and what is given back (D2, D3)."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from uuid import UUID

import pytest
from factories import FIRST_RETRY, MIDNIGHT, YESTERDAY, World
from hypothesis import HealthCheck, given, settings
from payloads import PAYLOADS
from sqlalchemy import Engine, text

from impact_in_pipelines.db.deliveries.queueing.queue import ORPHANED_AFTER
from impact_in_pipelines.db.deliveries.queueing.selections import SelectedDay
from impact_in_pipelines.db.engine import rows_as_json
from impact_in_pipelines.delivery.model import Selection
from impact_in_pipelines.delivery.payload import Payload, canonical_bytes, payload_hash
from impact_in_pipelines.delivery.states import ErrorKind, Trigger
from impact_in_pipelines.platforms import Platform

BENEVITY = Platform.BENEVITY


def test_two_drains_at_once_send_each_of_2000_exactly_once(gated_world: World) -> None:
    """SKIP LOCKED shares the work: none is left out, none is sent by both."""
    world = gated_world
    world.due(BENEVITY, 2_000)
    runtimes = [world.another_runtime(seed=n) for n in (1, 2)]
    with ThreadPoolExecutor(2) as pool:
        summaries = list(pool.map(lambda r: r.drain(BENEVITY).run(), runtimes))
    for runtime in runtimes:
        runtime.close()
    assert sum(s.planned for s in summaries) == 2_000
    assert sum(s.claimed for s in summaries) == sum(s.delivered for s in summaries) == 2_000
    assert all(s.claimed > 0 for s in summaries)
    assert world.statuses() == {"success": 2_000}
    stats = world.sandbox.client.stats()["benevity"]
    assert (stats["received"], stats["accepted"], stats["replayed"]) == (2_000, 2_000, 0)
    keys = world.scalars("SELECT idempotency_key::text FROM impact_deliveries")
    assert world.accepted(BENEVITY).keys() == set(keys)
    assert world.doubled(BENEVITY) == []
    assert world.scalars("SELECT count(*) FROM delivery_attempts") == [2_000]


def test_two_drains_at_once_send_identical_figures_once(world: World) -> None:
    """A hundred companies, each with two deliveries of the same content, at the same moment."""
    companies = world.companies(100)
    world.events(companies)
    for _ in range(2):
        world.deliveries(BENEVITY, *companies)
    runtimes = [world.another_runtime(seed=n) for n in (1, 2)]
    for _ in range(2):
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda r: r.drain(BENEVITY).run(), runtimes))
        world.clock.advance(timedelta(seconds=20))
    for runtime in runtimes:
        runtime.close()
    assert world.statuses() == {"success": 100, "skipped": 100}
    assert world.sandbox.client.stats()["benevity"]["accepted"] == 100
    assert world.doubled(BENEVITY) == []


def test_what_cannot_be_sent_fails_alone_with_its_reason(gated_world: World) -> None:
    """Bad data and a missing account stop one company each; the others go out."""
    world = gated_world
    good, no_account, bad_data = world.due(BENEVITY, 3)
    world.runtime.connections.save(no_account, BENEVITY, enabled=False)
    world.execute("UPDATE impact_events SET outcome_score = 11 WHERE company_id = :id", id=bad_data)
    summary = world.drain(BENEVITY)
    assert (summary.delivered, summary.refused, summary.failed) == (1, 2, 2)
    assert world.of_company(good)["status"] == "success"
    refused = {id_: world.of_company(id_) for id_ in (no_account, bad_data)}
    for row in refused.values():
        assert (row["status"], row["attempt_count"], row["next_attempt_at"]) == ("failed", 0, None)
        assert row["failed_at"] == world.clock()
        assert world.attempts(row["id"]) == []
    assert refused[no_account]["error_kind"] == ErrorKind.CONFIGURATION
    assert refused[no_account]["last_error"] == "c-2 has no usable connection to Benevity"
    assert refused[bad_data]["error_kind"] == ErrorKind.DATA_QUALITY
    assert "scores_in_range" in refused[bad_data]["last_error"]
    assert "11" in refused[bad_data]["last_error"]
    noted = world.rows(
        "SELECT last_status, consecutive_failures AS n FROM scheduled_deliveries "
        "WHERE company_id = ANY(:ids)",
        ids=[no_account, bad_data],
    )
    assert [(row["last_status"], row["n"]) for row in noted] == [("failed", 1)] * 2


def test_fires_missed_in_a_downtime_are_caught_up_by_one_delivery(world: World) -> None:
    """Three fires due at once: two are written down as missed, the last covers all three days (D6)."""
    days = [YESTERDAY - timedelta(days=n) for n in range(3)]
    (company,) = world.companies()
    world.events([company], days=days)
    (schedule,) = world.schedules(
        BENEVITY,
        [company],
        fire=MIDNIGHT - timedelta(days=2),
        covered_until=YESTERDAY - timedelta(days=3),
    )
    assert world.drain(BENEVITY).delivered == 1
    rows = world.rows("SELECT * FROM impact_deliveries ORDER BY scheduled_for")
    assert [row["status"] for row in rows] == ["missed", "missed", "success"]
    assert [row["scheduled_for"] for row in rows] == [
        MIDNIGHT - timedelta(days=n) for n in (2, 1, 0)
    ]
    assert (rows[2]["period_start"], rows[2]["period_end"]) == (days[2], days[0])
    (sent,) = world.accepted(BENEVITY).values()
    assert (sent["periodStart"], sent["periodEnd"]) == (days[2].isoformat(), days[0].isoformat())
    (noted,) = world.rows("SELECT * FROM scheduled_deliveries WHERE id = :id", id=schedule)
    assert noted["next_run"] == MIDNIGHT + timedelta(days=1)
    assert noted["covered_until"] == YESTERDAY
    assert (noted["last_status"], noted["consecutive_failures"]) == ("success", 0)
    assert world.drain(BENEVITY).planned == 0


def test_a_schedule_that_no_longer_holds_pauses_itself_and_stops_no_other(world: World) -> None:
    """It says why; the one next to it is delivered."""
    broken, good = world.due(BENEVITY, 2)
    world.execute(
        "UPDATE scheduled_deliveries SET schedule = 'every day' WHERE company_id = :id", id=broken
    )
    assert world.drain(BENEVITY).delivered == 1
    assert world.of_company(good)["status"] == "success"
    (row,) = world.rows("SELECT * FROM scheduled_deliveries WHERE company_id = :id", id=broken)
    assert (row["active"], row["next_run"]) == (False, None)
    assert "every day" in row["paused_reason"]


def selected(world: World, company: UUID, days: Sequence[date], run_id: str) -> None:
    world.runtime.selections.add_selected(
        BENEVITY,
        [SelectedDay(company, "UTC", day) for day in days],
        trigger=Trigger.MANUAL,
        run_id=run_id,
        now=world.clock(),
    )


def test_a_run_sends_the_partitions_that_were_selected_and_nothing_else(world: World) -> None:
    """Not what is due, not what another run selected; and a retried step makes no second row."""
    one, other = world.due(BENEVITY, 2)
    days = [YESTERDAY - timedelta(days=n) for n in (3, 4)]
    world.events([one], days=days)
    selected(world, one, days, "run-a")
    selected(world, one, days, "run-a")
    selected(world, other, days[:1], "run-b")
    summary = world.drain(BENEVITY, Selection(run_id="run-a"))
    assert (summary.claimed, summary.delivered, summary.planned) == (2, 2, 0)
    periods = {line["periodStart"] for line in world.accepted(BENEVITY).values()}
    assert periods == {day.isoformat() for day in days}
    assert world.statuses() == {"success": 2, "pending": 1}


def test_a_drain_takes_over_a_run_s_rows_only_when_the_run_is_late(world: World) -> None:
    """Its process has died; until then the rows are the run's own."""
    (company,) = world.companies()
    world.events([company])
    selected(world, company, [YESTERDAY], "run-a")
    assert world.drain(BENEVITY).claimed == 0
    world.clock.advance(ORPHANED_AFTER - timedelta(seconds=1))
    assert world.drain(BENEVITY).claimed == 0
    world.clock.advance(timedelta(seconds=1))
    assert world.drain(BENEVITY).delivered == 1
    assert world.of_company(company)["selected_by"] == "run-a"


def test_a_drain_of_some_companies_leaves_the_others(world: World) -> None:
    """Neither planned nor sent."""
    one, _ = world.due(BENEVITY, 2)
    summary = world.drain(BENEVITY, Selection(company_ids=(one,)))
    assert (summary.planned, summary.delivered) == (1, 1)
    assert world.statuses() == {"success": 1}
    assert world.drain(BENEVITY).delivered == 1


def test_a_drain_that_is_told_to_stop_gives_back_what_it_has_not_sent(world: World) -> None:
    """As it was: no attempt counted, none logged, due at once; what is on the wire is still recorded."""
    companies = world.due(BENEVITY, 40)
    world.sandbox.client.configure(latency_ms=1000)

    def ten_are_on_the_wire() -> bool:
        received: int = world.sandbox.client.stats()["benevity"]["received"]
        return received >= 10

    summary = world.drain(BENEVITY, should_stop=ten_are_on_the_wire)
    assert summary.claimed == 40
    assert summary.delivered == 10  # the capacity for so few
    assert world.statuses() == {"success": 10, "pending": 30}
    (given_back,) = world.rows(
        """SELECT count(*) AS n, max(attempt_count) AS attempts, max(next_attempt_at) AS due,
               count(claimed_by) AS claimed, count(batch_id) AS batches
           FROM impact_deliveries WHERE status = 'pending'"""
    )
    assert dict(given_back) == {
        "n": 30, "attempts": 0, "due": world.clock(), "claimed": 0, "batches": 0,
    }  # fmt: skip
    assert world.scalars("SELECT count(*) FROM delivery_attempts") == [10]
    world.sandbox.client.configure(latency_ms=0)
    assert world.drain(BENEVITY).delivered == 30
    assert {world.of_company(c)["attempt_count"] for c in companies[:3]} == {1}
    assert world.doubled(BENEVITY) == []


def test_a_drain_that_breaks_before_sending_gives_everything_back(world: World) -> None:
    """Whatever the payload source raises: the rows don't wait for the end of their lease."""
    world.due(BENEVITY, 3)
    drain = world.new_drain(BENEVITY)
    world.execute("ALTER TABLE impact_events RENAME TO away")
    with pytest.raises(Exception, match="impact_events"):
        drain.run()
    world.execute("ALTER TABLE away RENAME TO impact_events")
    assert world.statuses() == {"pending": 3}
    assert world.drain(BENEVITY).delivered == 3


def test_what_a_rate_limit_holds_back_goes_back_to_the_log(world: World) -> None:
    """Two a minute: the others are put off until the limit opens, unattempted, and nobody else waits. Not all
    until the same minute: each of them would be claimed and put off again."""
    (limited, free) = world.companies(2)
    days = [YESTERDAY - timedelta(days=n) for n in range(5)]
    world.events([limited, free], days=days)
    world.runtime.connections.save(limited, BENEVITY, rate_limit_per_minute=2)
    world.deliveries(BENEVITY, limited, days=days)
    world.deliveries(BENEVITY, free, days=days)
    summary = world.drain(BENEVITY)
    assert summary.delivered == 7
    put_off = world.rows("SELECT * FROM impact_deliveries WHERE status <> 'success'")
    assert len(put_off) == 3
    for row in put_off:
        assert (row["company_id"], row["status"], row["attempt_count"]) == (limited, "pending", 0)
    minutes = sorted(
        (row["next_attempt_at"] - world.clock()).total_seconds() // 60 for row in put_off
    )
    assert minutes == [0, 0, 1]
    assert "429" not in world.sandbox.client.stats()["benevity"]["rejectedByStatus"]


def test_a_success_ends_a_row_of_failures(world: World) -> None:
    """`consecutive_failures` counts deliveries, not attempts, and starts again."""
    (company,) = world.companies()
    world.events([company], days=[YESTERDAY + timedelta(days=n) for n in range(4)])
    (schedule,) = world.schedules(BENEVITY, [company])
    world.sandbox.client.add_fault("benevity", "bad_request", count=2)
    counted = []
    for _ in range(3):
        world.drain(BENEVITY)
        counted += world.scalars(
            "SELECT consecutive_failures FROM scheduled_deliveries WHERE id = :id", id=schedule
        )
        world.clock.advance(timedelta(days=1))
    assert counted == [1, 2, 0]


def test_the_tick_sees_what_a_drain_would_take(world: World) -> None:
    """Due state and drain agree: a fire, a retry, a run's own row, and nothing at all."""
    assert world.runtime.due_state(BENEVITY).next_due is None
    world.due(BENEVITY, 1)
    assert world.runtime.due_state(BENEVITY).next_fire == MIDNIGHT
    world.sandbox.client.add_fault("benevity", "server_error", count=1)
    world.drain(BENEVITY)
    state = world.runtime.due_state(BENEVITY)
    (row,) = world.rows("SELECT * FROM impact_deliveries")
    assert state.next_attempt == state.next_due == row["next_attempt_at"]
    assert state.next_fire == MIDNIGHT + timedelta(days=1)
    world.clock.advance(FIRST_RETRY)
    world.drain(BENEVITY)
    assert world.runtime.due_state(BENEVITY).next_attempt is None
    selected(world, row["company_id"], [YESTERDAY - timedelta(days=3)], "run-a")
    assert world.runtime.due_state(BENEVITY).next_attempt is None
    world.clock.advance(ORPHANED_AFTER)
    assert world.runtime.due_state(BENEVITY).next_attempt is not None


def test_the_log_holds_what_was_sent_byte_for_byte(world: World) -> None:
    """jsonb keeps neither the order of keys nor the way numbers are written; the canonical form does."""
    (company,) = world.companies()
    world.events([company])
    world.execute("UPDATE companies SET name = 'Ærlig & «Søn» 日本 🙂'")
    world.runtime.connections.save(company, BENEVITY, options={"programName": 'Ær"lig\\ 🙂'})
    (id_,) = world.deliveries(BENEVITY, company)
    world.sandbox.client.add_fault("benevity", "connection_reset_after", count=1)
    world.drain(BENEVITY)
    world.clock.advance(FIRST_RETRY)
    # The retry is made from what the database gives back: another byte would be refused with 422.
    assert world.drain(BENEVITY).delivered == 1
    row = world.delivery(id_)
    (body,) = world.sandbox.client.bodies("benevity")
    assert len(body["body"].encode()) == row["payload_bytes"]
    with world.database.engine.connect() as connection:
        (same,) = connection.scalars(
            text("SELECT payload = CAST(:body AS jsonb) FROM impact_deliveries"),
            {"body": body["body"]},
        )
    assert same


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(payload=PAYLOADS)
def test_any_payload_comes_back_from_the_log_with_the_same_bytes(
    engine: Engine, payload: Payload
) -> None:
    """What is sent at the second attempt is what was sent at the first: jsonb must lose nothing of it."""
    with engine.connect() as connection:
        (stored,) = connection.scalars(
            text("SELECT r.p FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(p jsonb)"),
            {"rows": rows_as_json([{"p": payload}])},
        )
    assert canonical_bytes(stored) == canonical_bytes(payload)
    assert payload_hash(stored) == payload_hash(payload)
