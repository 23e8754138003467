"""Breakers: one platform's bad day stays its own (D12)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from factories import FIRST_RETRY, SECOND_RETRY, THIRD_RETRY, World, let_all_pass

from impact_in_pipelines.assets.delivery_schedules import held_as_markdown
from impact_in_pipelines.connectors.payloads import MappedPayloads
from impact_in_pipelines.db.deliveries.filtering import DeliveryFilter
from impact_in_pipelines.db.deliveries.queueing.due import due_state
from impact_in_pipelines.db.deliveries.reading import DeliveryReader
from impact_in_pipelines.delivery.retry import SUSPECT_FROM
from impact_in_pipelines.delivery.ticking import decide_tick
from impact_in_pipelines.errors.platforms import (
    HoldReasonMissing,
    PlatformHeld,
    PlatformNotHeld,
    PlatformResumedLately,
)
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.services.accounts import connections
from impact_in_pipelines.services.operating import platforms

BENEVITY, GOODERA = Platform.BENEVITY, Platform.GOODERA
MINUTE = timedelta(minutes=1)


def out(world: World, kind: str = "server_error", **more: Any) -> int:
    """Let every request to Benevity fail."""
    return world.sandbox.client.add_fault(BENEVITY.value, kind, **more)


def breakers(world: World) -> list[Any]:
    return list(
        world.rows(
            "SELECT * FROM connection_closures WHERE kind = 'breaker' AND holds ORDER BY since"
        )
    )


def requests(world: World) -> int:
    """How many requests Benevity has had."""
    return int(world.sandbox.client.stats()[BENEVITY.value]["received"])


def let_pass(world: World, minutes: int) -> None:
    """A drain a minute, as the ticks would."""
    for _ in range(minutes):
        world.clock.advance(MINUTE)
        world.drain(BENEVITY)


def test_an_outage_holds_what_is_due_and_drains_afterwards(world: World) -> None:
    """Three hours: nothing fails for good, nothing goes out twice, few requests, and all of it at the end."""
    world.due(BENEVITY, 40)
    world.due(GOODERA, 5, prefix="g")
    fault = out(world)

    assert world.drain(BENEVITY).failed == 0
    (opened,) = breakers(world)
    assert (opened["state"], opened["company_id"]) == ("open", None)
    assert world.drain(GOODERA).delivered == 5
    let_pass(world, 180)

    rows = world.rows("SELECT * FROM impact_deliveries WHERE platform = 'benevity'")
    assert {row["status"] for row in rows} <= {"pending", "retrying"}
    assert sum(row["attempt_count"] for row in rows) < 5
    # The opening, then a canary every four minutes.
    assert requests(world) <= 15 + 180 / 4 + 5
    world.sandbox.client.remove_fault(fault)
    let_pass(world, 6)
    assert world.statuses() == {"success": 45}
    assert world.doubled(BENEVITY) == []
    assert breakers(world) == []


def test_the_oldest_is_the_canary_and_another_companys_after_it_failed(world: World) -> None:
    """One at a time; one hung account doesn't speak for a platform."""
    first, second, third = world.companies(3)
    world.events([first, second, third])
    (oldest,) = world.deliveries(BENEVITY, first)
    world.clock.advance(MINUTE)
    others = world.deliveries(BENEVITY, second, third)
    out(world)
    world.sandbox.client.clear_faults()
    world.execute(
        "INSERT INTO connection_closures (platform, kind, closed_until, since, reason, holds, state, cause, "
        "interval_seconds) VALUES ('benevity', 'breaker', :now, :now, 'out', true, 'open', 'platform', 60)",
        now=world.clock(),
    )
    out(world, count=1)

    world.drain(BENEVITY)

    assert world.outcomes(oldest) == ["held"]
    assert [world.outcomes(id_) for id_ in others] == [[], []]
    world.clock.advance(2 * MINUTE)
    world.drain(BENEVITY)
    assert world.outcomes(others[0] if world.outcomes(others[0]) else others[1]) == ["delivered"]
    assert world.statuses() == {"success": 3}


@pytest.mark.parametrize("whose", ["platform", "connection"])
def test_a_canary_over_which_workers_died_goes_out_alone(world: World, whose: str) -> None:
    """The oldest is the canary, and is left to whoever takes nothing else: nobody took it, and everything
    behind it waited for ever."""
    (company,) = world.companies(1)
    days = [world.clock().date() - timedelta(days=n) for n in range(1, 4)]
    world.events([company], days=days)
    oldest = world.deliveries(BENEVITY, company, days=days[:1])
    world.clock.advance(MINUTE)
    world.deliveries(BENEVITY, company, days=days[1:])
    world.execute(
        "UPDATE impact_deliveries SET lost_claims = :deaths WHERE id = :id",
        deaths=SUSPECT_FROM,
        id=oldest[0],
    )
    world.execute(
        "INSERT INTO connection_closures (platform, company_id, kind, closed_until, since, reason, "
        "holds, state, cause, interval_seconds) VALUES ('benevity', :company, 'breaker', :now, :now, "
        "'out', true, 'open', :cause, 60)",
        company=company if whose == "connection" else None,
        cause="failing" if whose == "connection" else "platform",
        now=world.clock(),
    )

    world.drain(BENEVITY)

    assert world.outcomes(oldest[0]) == ["delivered"]
    let_pass(world, 5)
    assert world.statuses() == {"success": 3}
    assert breakers(world) == []


def test_what_failed_for_good_just_before_is_taken_up_again(world: World) -> None:
    """The first deliveries of an outage had used up their tries before anybody knew that it was one."""
    early, *later = world.companies(6)
    world.events([early, *later])
    (gone,) = world.deliveries(BENEVITY, early)
    fault = out(world)
    for wait in (timedelta(), FIRST_RETRY, SECOND_RETRY, THIRD_RETRY):
        world.clock.advance(wait)
        world.drain(BENEVITY)
    failed = world.delivery(gone)
    assert failed["status"] == "failed"

    world.deliveries(BENEVITY, *later)
    world.drain(BENEVITY)
    assert world.delivery(gone)["status"] == "pending"
    world.sandbox.client.remove_fault(fault)
    let_pass(world, 6)

    assert world.statuses() == {"success": 6}
    assert world.delivery(gone)["idempotency_key"] == failed["idempotency_key"]
    (audited,) = world.rows("SELECT * FROM audit_log WHERE action = 'delivery.replay'")
    assert audited["actor"] == "breaker"


def test_a_refused_account_is_held_alone(world: World) -> None:
    """Refused credentials hold one connection; it is tried again, and goes on once they are right."""
    refused, fine = world.companies(2)
    days = [world.clock().date() - timedelta(days=n) for n in range(1, 9)]
    world.events([refused, fine], days=days)
    fault = out(world, "unauthorized", organization="c-1")
    for day in days[:4]:
        world.deliveries(BENEVITY, refused, days=[day])
        world.drain(BENEVITY)

    (held,) = breakers(world)
    assert (held["company_id"], held["cause"]) == (refused, "refused")
    assert world.statuses() == {"failed": 2, "pending": 2}
    world.deliveries(BENEVITY, fine)
    assert world.drain(BENEVITY).delivered == 1
    world.sandbox.client.remove_fault(fault)
    let_pass(world, 5)
    assert breakers(world) == []
    assert world.statuses() == {"failed": 2, "success": 3}


def test_an_account_that_hangs_while_others_work_is_held_alone(world: World) -> None:
    """What others get through is not the platform's fault."""
    hung, *fine = world.companies(4)
    days = [world.clock().date() - timedelta(days=n) for n in range(1, 9)]
    world.events([hung, *fine], days=days)
    out(world, organization="c-1")
    for day in days[:2]:
        world.deliveries(BENEVITY, hung, days=[day])
        world.drain(BENEVITY)
    world.deliveries(BENEVITY, *fine)
    world.drain(BENEVITY)
    world.deliveries(BENEVITY, hung, days=days[2:6])
    world.drain(BENEVITY)

    (held,) = breakers(world)
    assert (held["company_id"], held["cause"]) == (hung, "failing")


def test_accounts_that_hang_while_others_are_delivered_to_hold_no_platform(world: World) -> None:
    """Their time-outs end after everybody else was delivered to: the last six results are failures of six
    companies. They began before, so they say nothing of the platform."""
    world.runtime = Runtime(
        world.settings.model_copy(update={"http_read_timeout_ms": 1_500}),
        database=world.database,
        clock=lambda: datetime.now(
            UTC
        ),  # a clock that stands still would put all ends into one moment
    )
    world.runtime.payloads = MappedPayloads(world.runtime.impact, let_all_pass)
    world.clock.now = datetime.now(UTC)
    companies = world.companies(9)
    world.events(companies)
    world.deliveries(BENEVITY, *companies)
    world.sandbox.client.configure(latency_ms=500)
    for n in range(1, 7):
        out(world, "timeout_before", organization=f"c-{n}")

    world.drain(BENEVITY)

    assert world.statuses() == {"retrying": 6, "success": 3}
    assert breakers(world) == []


def test_every_door_says_what_is_held_and_until_when(world: World) -> None:
    """The row, the tick, the overview."""
    world.due(BENEVITY, 8)
    out(world)
    world.drain(BENEVITY)

    rows = DeliveryReader(world.database.engine).listed(None, DeliveryFilter(), limit=20)
    held = [row.held for row in rows]
    assert {one.by for one in held if one} == {"platform_breaker"}
    assert all(one and one.next_probe_at for one in held)
    (overview,) = [one for one in platforms.listed(world.runtime) if one.platform is BENEVITY]
    assert overview.held == 8
    now = world.clock()
    state = due_state(world.runtime.database.engine, BENEVITY, now)
    assert not decide_tick(state, now=now, drains_waiting=0, drains_running=0).request
    later = now + timedelta(minutes=6)
    state = due_state(world.runtime.database.engine, BENEVITY, later)
    assert decide_tick(state, now=later, drains_waiting=0, drains_running=0).request


def test_a_person_holds_and_resumes(world: World) -> None:
    """What a person holds says who and why; nothing probes it; resuming too often is refused."""
    (company,) = world.due(BENEVITY)
    world.due(GOODERA, prefix="g")
    with pytest.raises(HoldReasonMissing):
        platforms.hold(world.runtime, BENEVITY, company_id=None, reason=" ", actor="ida")
    platforms.hold(world.runtime, BENEVITY, company_id=None, reason="they move", actor="ida")
    with pytest.raises(PlatformHeld):
        platforms.hold(world.runtime, BENEVITY, company_id=None, reason="again", actor="bo")

    let_pass(world, 30)
    assert world.of_company(company)["status"] == "pending"
    assert world.drain(GOODERA).delivered == 1
    with pytest.raises(PlatformNotHeld):
        platforms.resume(world.runtime, GOODERA, company_id=None, actor="ida")
    assert platforms.resume(world.runtime, BENEVITY, company_id=None, actor="ida").held == 1
    assert world.drain(BENEVITY).delivered == 1
    platforms.hold(world.runtime, BENEVITY, company_id=None, reason="once more", actor="ida")
    with pytest.raises(PlatformResumedLately):
        platforms.resume(world.runtime, BENEVITY, company_id=None, actor="ida")
    world.clock.advance(2 * MINUTE)
    platforms.resume(world.runtime, BENEVITY, company_id=None, actor="ida")
    actions = [row["action"] for row in world.rows("SELECT * FROM audit_log ORDER BY at, id")]
    assert sorted(actions) == ["platform.hold"] * 2 + ["platform.resume"] * 2


def test_a_hold_on_one_connection_leaves_the_others_alone(world: World) -> None:
    """A company's own hold is its own."""
    mine, other = world.due(BENEVITY, 2)
    platforms.hold(world.runtime, BENEVITY, company_id=mine, reason="a new key", actor="ida")
    world.drain(BENEVITY)
    assert world.of_company(mine)["status"] == "pending"
    assert world.of_company(other)["status"] == "success"
    platforms.resume(world.runtime, BENEVITY, company_id=mine, actor="ida")
    world.drain(BENEVITY)
    assert world.of_company(mine)["status"] == "success"


def test_several_drains_send_one_canary_between_them(world: World) -> None:
    """The state is the database's: a second drain finds the canary taken."""
    world.due(BENEVITY, 8)
    out(world)
    world.drain(BENEVITY)
    world.clock.advance(MINUTE)
    before = requests(world)
    for _ in range(3):
        world.another_runtime().drain(BENEVITY).run()
    assert requests(world) == before + 1


def test_a_connection_that_is_set_anew_is_tried_at_once(world: World) -> None:
    """Whoever has mended the credentials need not wait for the next canary."""
    (company,) = world.companies()
    days = [world.clock().date() - timedelta(days=n) for n in range(1, 6)]
    world.events([company], days=days)
    fault = out(world, "unauthorized")
    for day in days:
        world.deliveries(BENEVITY, company, days=[day])
        world.drain(BENEVITY)
    (held,) = breakers(world)
    assert held["closed_until"] > world.clock()
    world.sandbox.client.remove_fault(fault)
    (found,) = [one for one in world.runtime.companies.listed() if one.id == company]

    connections.set_connection(
        world.runtime,
        found,
        BENEVITY,
        connections.ConnectionChange(enabled=True),
        actor="ida",
        by_operator=True,
    )

    (held,) = breakers(world)
    assert held["closed_until"] == world.clock()


def test_dagster_shows_what_is_held(world: World) -> None:
    """In the metadata of `delivery_schedules`."""
    world.due(BENEVITY, 8)
    out(world)
    world.drain(BENEVITY)
    (company, *_) = world.scalars("SELECT id FROM companies WHERE slug = 'c-1'")
    platforms.hold(
        world.runtime, Platform.GOODERA, company_id=company, reason="audit | x", actor="olga"
    )
    shown = held_as_markdown(world.runtime.closures.overview(world.clock()), {company: "c-1"})
    _, _, platform, connection = shown.splitlines()
    assert platform.startswith("| Benevity | 8 | breaker | 2026-03-10 00:00 | 2026-03-10 00:")
    assert connection.startswith(
        "| Goodera, c-1 |  | olga | 2026-03-10 00:00 | when resumed | audit"
    )
    assert connection.count(" | ") == 5
