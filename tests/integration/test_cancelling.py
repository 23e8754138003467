"""Calling off what waits: never what is being sent, a batch whole, a replay back to its failure."""

import uuid
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from factories import FIRST_RETRY, SECOND_RETRY, THIRD_RETRY, YESTERDAY, World

from impact_in_pipelines.db.deliveries.filtering import DeliveryFilter
from impact_in_pipelines.delivery.states import DeliveryStatus
from impact_in_pipelines.errors.deliveries import DeliveryTooMany
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services.deliveries import cancelling, replaying, run_selections
from impact_in_pipelines.services.deliveries.cancelling import cancel, waiting_like

from .api_harness import VIEWER, Served
from .cli_harness import Cli

BENEVITY, GOODERA = Platform.BENEVITY, Platform.GOODERA
DAYS = [YESTERDAY - timedelta(days=n) for n in range(3)]


def waiting(
    world: World, platform: Platform = BENEVITY, days: Sequence[date] = (YESTERDAY,)
) -> list[UUID]:
    """Deliveries of one company that are due now."""
    (company,) = world.companies()
    world.events([company], days=list(days))
    return world.deliveries(platform, company, days=list(days))


def after_a_failed_attempt(
    world: World, platform: Platform, kind: str, days: Sequence[date] = (YESTERDAY,)
) -> list[UUID]:
    """Deliveries that wait for their first retry."""
    ids = waiting(world, platform, days)
    world.sandbox.client.add_fault(platform.value, kind)
    world.drain(platform)
    world.sandbox.client.clear_faults()
    return ids


@pytest.mark.parametrize("status", ["pending", "retrying"])
def test_what_waits_is_cancelled_noted_and_never_sent(world: World, status: str) -> None:
    """Also a retry that waits; the note says who did it and why, and so does the audit log."""
    (id_,) = waiting(world)
    world.execute("UPDATE impact_deliveries SET status = :status", status=status)

    done = cancel(world.runtime, [id_], actor="ingrid", reason="the programme is closed")
    world.drain(BENEVITY)
    row = world.delivery(id_)

    assert (done.cancelled, done.refused) == ((id_,), {})
    assert (row["status"], row["next_attempt_at"], row["attempt_count"]) == ("cancelled", None, 0)
    assert row["note"] == "cancelled by ingrid: the programme is closed"
    (entry,) = world.rows("SELECT * FROM audit_log WHERE action = 'delivery.cancel'")
    assert (entry["actor"], entry["company_id"]) == ("ingrid", row["company_id"])
    assert (entry["before"], entry["after"]["delivery_ids"]) == ({status: 1}, [str(id_)])


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("in_progress", "cancel.being_sent"),
        ("success", "cancel.too_late"),
        ("failed", "cancel.too_late"),
        ("skipped", "cancel.too_late"),
        ("missed", "cancel.too_late"),
        ("cancelled", "cancel.too_late"),
    ],
)
def test_nothing_else_is_cancelled_and_the_others_are(world: World, status: str, code: str) -> None:
    """Of what is being sent nobody would know whether it arrived; what has ended has ended."""
    other, good = waiting(world, days=DAYS[:2])
    world.execute("UPDATE impact_deliveries SET status = :s WHERE id = :id", s=status, id=other)
    before = dict(world.delivery(other))

    done = cancel(world.runtime, [other, good, uuid.UUID(int=7)], actor="ingrid")

    assert done.cancelled == (good,)
    assert {id_: why.code for id_, why in done.refused.items()} == {
        other: code,
        uuid.UUID(int=7): "delivery.unknown",
    }
    assert dict(world.delivery(other)) == before


def test_a_frozen_batch_that_waits_is_called_off_whole(world: World) -> None:
    """With fewer records its key would carry a second body (D4)."""
    ids = after_a_failed_attempt(world, GOODERA, "connection_reset_after", DAYS)
    assert world.statuses() == {"retrying": 3}

    done = cancel(world.runtime, [ids[1]], actor="ingrid")

    assert set(done.cancelled) == set(ids)
    assert set(done.along) == {ids[0], ids[2]}


def test_a_queued_replay_that_is_called_off_leaves_the_failure_as_it_was(world: World) -> None:
    """Cancelled, the failure would be gone from the record, for the price of a click."""
    (id_,) = after_a_failed_attempt(world, BENEVITY, "bad_request")
    before = world.delivery(id_)
    replaying.replay(world.runtime, [id_], actor="kari")

    done = cancel(world.runtime, [id_], actor="ingrid")
    row = world.delivery(id_)

    assert (done.cancelled, done.failed_again) == ((), (id_,))
    for name in ("status", "failed_at", "last_error", "error_kind", "note", "idempotency_key"):
        assert row[name] == before[name], name


def test_a_queued_replay_keeps_the_failure_it_is_to_repair(world: World) -> None:
    """Until something has been sent nothing has changed: the row says since when and why it has failed."""
    (id_,) = after_a_failed_attempt(world, BENEVITY, "bad_request")
    before = world.delivery(id_)

    replaying.replay(world.runtime, [id_], actor="kari")
    row = world.delivery(id_)

    assert row["status"] == "pending"
    for name in ("failed_at", "last_error", "error_kind", "delivered_at"):
        assert row[name] == before[name], name


def test_a_replay_of_the_last_failure_does_not_end_a_row_of_failures(world: World) -> None:
    """It mends the delivery, not the record; the next scheduled one that arrives ends the row."""
    (company,) = world.companies()
    world.events([company], days=[YESTERDAY + timedelta(days=n) for n in range(4)])
    (schedule,) = world.schedules(BENEVITY, [company])
    world.sandbox.client.add_fault("benevity", "bad_request", count=3)
    for _ in range(3):
        world.drain(BENEVITY)
        world.clock.advance(timedelta(days=1))
    failures = world.rows("SELECT id FROM impact_deliveries ORDER BY scheduled_for")

    def in_a_row() -> int:
        (count,) = world.scalars(
            "SELECT consecutive_failures FROM scheduled_deliveries WHERE id = :id", id=schedule
        )
        return int(count)

    world.execute("UPDATE scheduled_deliveries SET active = false")
    replaying.replay(world.runtime, [failures[-1]["id"]], actor="kari")
    world.drain(BENEVITY)
    assert world.delivery(failures[-1]["id"])["status"] == "success"
    assert in_a_row() == 3

    world.execute("UPDATE scheduled_deliveries SET active = true")
    world.drain(BENEVITY)
    assert in_a_row() == 0


def test_a_deleted_schedules_waiting_retry_goes_with_it(world: World) -> None:
    """Nobody wants what comes of a schedule that is gone."""
    (company,) = world.companies()
    world.events([company])
    (schedule,) = world.schedules(BENEVITY, [company])
    world.sandbox.client.add_fault("benevity", "server_error", count=1)
    world.drain(BENEVITY)
    assert world.statuses() == {"retrying": 1}

    assert world.runtime.schedules.delete(schedule, now=world.clock()) == 1
    for wait in (FIRST_RETRY, SECOND_RETRY, THIRD_RETRY):
        world.clock.advance(wait)
        world.drain(BENEVITY)

    (row,) = world.rows("SELECT * FROM impact_deliveries")
    assert (row["status"], row["attempt_count"]) == ("cancelled", 1)
    assert row["note"].endswith("schedule deleted")


def test_a_filter_fits_what_waits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """By platform, status and company; more than may be called off at once is refused whole."""
    first, second = waiting(world, days=DAYS[:2])
    world.execute("UPDATE impact_deliveries SET status = 'retrying' WHERE id = :id", id=second)
    company = world.delivery(first)["company_id"]

    def fits(company_ids: Sequence[UUID] | None = None, **wanted: Any) -> set[UUID]:
        return set(waiting_like(world.runtime, DeliveryFilter(**wanted), company_ids))

    assert fits() == {first, second}
    assert fits([company], platform=BENEVITY) == {first, second}
    assert fits(platform=GOODERA) == fits([uuid.UUID(int=7)]) == set()
    assert fits(statuses=[DeliveryStatus.RETRYING]) == {second}
    monkeypatch.setattr(cancelling, "MOST", 1)
    with pytest.raises(DeliveryTooMany):
        fits()


def test_the_command_cancels_by_ids_or_by_what_fits(
    monkeypatch: pytest.MonkeyPatch, world: World
) -> None:
    """Ids or options, not both and not neither; exit code 1 where one is refused."""
    cli = Cli(monkeypatch, world.database)
    first, second = waiting(world, days=DAYS[:2])

    one = cli.good("deliveries", "cancel", str(first)[:8], "--actor", "ingrid", "--json").json
    again = cli.refused("deliveries", "cancel", str(first))
    rest = cli.good("deliveries", "cancel", "--platform", "benevity", "--status", "pending")
    nothing = cli.good("deliveries", "cancel", "--platform", "benevity")

    assert (one["cancelled"], one["refused"]) == ([str(first)], [])
    assert (again.code, "ended already (cancelled)" in again.err) == (1, True)
    assert f"Cancelled 1 delivery: {str(second)[:8]}" in rest.out
    assert "Nothing waits" in nothing.out
    assert cli.refused("deliveries", "cancel").code == 2
    assert cli.refused("deliveries", "cancel", str(first), "--platform", "goodera").code == 2
    assert cli("deliveries", "cancel", "--status", "in_progress").code == 2


def test_the_api_cancels_one_or_many_of_the_callers_own(api: Served) -> None:
    """404 for another company's and for none; 409 with the reason for what has ended; a viewer may not."""
    world = api.world
    mine = world.deliveries(Platform.WORKDAY, api.own.company, days=DAYS)
    (theirs,) = world.deliveries(Platform.WORKDAY, api.other.company)
    one = f"/deliveries/{mine[0]}/cancel"

    viewer = api.post(one, token=api.token(VIEWER))
    done = api.post(one, {"reason": "a mistake"})
    again = api.post(one)
    foreign = api.post(f"/deliveries/{theirs}/cancel")
    mixed = api.post("/deliveries/cancel", {"ids": [str(mine[1]), str(theirs)]})
    rest = api.post("/deliveries/cancel", {"filter": {"platform": "workday"}})

    assert viewer.status_code == 403
    assert (done.status_code, done.json()["cancelled"]) == (200, [str(mine[0])])
    assert again.status_code == 409
    assert again.json()["type"] == "urn:impact-in:problem:cancel-too-late"
    assert foreign.status_code == 404
    assert mixed.json()["cancelled"] == [str(mine[1])]
    assert mixed.json()["refused"][0]["id"] == str(theirs)
    assert rest.json()["cancelled"] == [str(mine[2])]
    assert world.delivery(theirs)["status"] == "pending"
    assert api.post("/deliveries/cancel", {}).status_code == 422


def test_a_terminated_runs_batch_that_may_have_arrived_is_cancelled_whole_or_not_at_all(
    world: World,
) -> None:
    """Its key goes with one body: half of it would go out again under a key that carries the whole."""
    ids = after_a_failed_attempt(world, GOODERA, "server_error", DAYS)
    world.execute("UPDATE impact_deliveries SET selected_by = 'run-a' WHERE id = :id", id=ids[0])

    assert run_selections.cancel(world.runtime, GOODERA, "run-a", actor="ingrid") == 0
    assert {world.delivery(id_)["status"] for id_ in ids} == {"retrying"}
    assert (
        world.delivery(ids[0])["selected_by"] is None
    )  # a drain sends it, with the others of its batch

    world.execute("UPDATE impact_deliveries SET selected_by = 'run-b'")
    assert run_selections.cancel(world.runtime, GOODERA, "run-b", actor="ingrid") == len(ids)
    assert {world.delivery(id_)["note"] for id_ in ids} == {"cancelled by ingrid"}
