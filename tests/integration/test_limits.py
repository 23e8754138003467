"""Requests a minute, over all drains together; shares and order of a claim (D10, D13)."""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from factories import YESTERDAY, World
from sqlalchemy import text

from impact_in_pipelines.db.deliveries.queueing.grants import PgRequestBudgets
from impact_in_pipelines.db.deliveries.queueing.queue import PgDeliveryLog
from impact_in_pipelines.delivery.limits.budgets import Ask, BudgetAccount, EndedRequests, Limit
from impact_in_pipelines.delivery.model import Claimed, Selection
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services.alerts import Alerts

BENEVITY = Platform.BENEVITY
ACCOUNT = BudgetAccount("benevity", "https://platform.example", "org-1")


def claimed(world: World, limit: int, *, batch_limit: int = 1) -> list[Claimed]:
    """One claim."""
    log = PgDeliveryLog(world.database.engine, world.runtime.connections, batch_limit=batch_limit)
    return list(
        log.claim(
            BENEVITY,
            now=world.clock(),
            limit=limit,
            worker="me",
            lease=timedelta(seconds=60),
            selection=Selection(),
        )
    )


def test_four_drains_together_keep_an_accounts_limit(world: World) -> None:
    """Each process used to count for itself: four of them sent four times as much, and were turned away by
    the platform, which counts the requests of any 60 seconds."""
    world.sandbox.client.configure(rate_limits_enabled=True)
    (company,) = world.companies()
    days = [YESTERDAY - timedelta(days=n) for n in range(160)]
    world.events([company], days=days)
    world.deliveries(BENEVITY, company, days=days)
    runtimes = [world.another_runtime(seed=n) for n in range(4)]
    with ThreadPoolExecutor(4) as pool:
        summaries = list(pool.map(lambda r: r.drain(BENEVITY).run(), runtimes))
    for runtime in runtimes:
        runtime.close()
    stats = world.sandbox.client.stats()["benevity"]
    delivered = sum(summary.delivered for summary in summaries)
    assert (stats["received"], stats["accepted"], stats["rejected"]) == (delivered, delivered, {})
    # More only where it took so long that the next minute had begun.
    assert delivered >= 100


def test_drains_that_add_the_same_accounts_do_not_wait_in_a_circle(world: World) -> None:
    """Each asks for the same forty in another order, all at once; together they get what there is."""
    accounts = [
        BudgetAccount("benevity", "https://platform.example", f"org-{n}") for n in range(40)
    ]
    limit = Limit(per_minute=7)

    def exchange(place: int) -> int:
        budgets = PgRequestBudgets(world.database.engine, lend_s=60.0)
        turned = accounts[place * 10 :] + accounts[: place * 10]
        asks = [Ask(account, limit, wanted=3, urgent=3) for account in turned]
        return sum(g.requests for g in budgets.exchange(asks, holder=f"drain-{place}"))

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(exchange, range(4))) == 40 * 7


def test_what_has_ended_rests_a_minute_by_the_databases_time(world: World) -> None:
    """Whoever's clock is off, and whichever drain asks."""
    budgets = PgRequestBudgets(world.database.engine, lend_s=300.0)
    limit = Limit(per_minute=2)
    ask = Ask(ACCOUNT, limit, wanted=2, urgent=2)
    assert [g.requests for g in budgets.exchange([ask], holder="one")] == [2]
    assert [g.requests for g in budgets.exchange([ask], holder="two")] == [0]
    report = Ask(ACCOUNT, limit, ended=(EndedRequests(1, 70.0), EndedRequests(1, 10.0)))
    budgets.exchange([report], holder="one")
    (grant,) = budgets.exchange([ask], holder="two")
    assert grant.requests == 1


def test_a_chunk_is_shared_between_companies(world: World) -> None:
    """One with a thousand deliveries that are older doesn't fill it."""
    big, *others = world.companies(5)
    world.deliveries(BENEVITY, big, days=[YESTERDAY - timedelta(days=n) for n in range(300)])
    world.execute("UPDATE impact_deliveries SET next_attempt_at = next_attempt_at - interval '1 h'")
    world.deliveries(BENEVITY, *others, days=[YESTERDAY])
    taken = [row.company_id for row in claimed(world, 100)]
    assert set(taken) == {big, *others}
    assert taken.count(big) <= 20


def test_schedule_before_replay_before_single_days_before_backfill(world: World) -> None:
    """However long the others have been due (D13)."""
    companies = world.companies(8)
    order = ["backfill", "manual", "replay", "schedule"]
    for place, trigger in enumerate(order * 2):
        world.deliveries(BENEVITY, companies[place], trigger=trigger)
        world.execute(
            "UPDATE impact_deliveries SET next_attempt_at = next_attempt_at - interval '1 minute'"
        )
    went = [row.trigger.value for _ in range(4) for row in claimed(world, 2)]
    assert went == [trigger for trigger in reversed(order) for _ in range(2)]


def test_a_drain_stays_for_what_is_due_soon_and_hears_a_stop(world: World) -> None:
    """A steady trickle pays no start-up; what a person has asked for ends once all is sent."""
    (company,) = world.companies()
    world.events([company], days=[YESTERDAY, YESTERDAY - timedelta(days=1)])
    soon = world.clock() + timedelta(seconds=world.settings.drain_linger_seconds - 1)
    world.deliveries(BENEVITY, company, days=[YESTERDAY, YESTERDAY - timedelta(days=1)])
    world.execute(
        "UPDATE impact_deliveries SET next_attempt_at = :soon WHERE period_end = :day",
        soon=soon,
        day=YESTERDAY,
    )
    assert world.runtime.drain(BENEVITY).run().delivered == 1
    shown = iter(range(100))

    def settled() -> None:
        """After the first look that finds nothing due, its time has come."""
        next(shown)
        world.clock.now = soon

    assert world.runtime.drain(BENEVITY, lingers=True, on_settled=settled).run().delivered == 1
    assert world.statuses() == {"success": 2}
    world.deliveries(BENEVITY, company, days=[YESTERDAY - timedelta(days=2)])
    world.execute(
        "UPDATE impact_deliveries SET next_attempt_at = :at WHERE status = 'pending'",
        at=world.clock() + timedelta(seconds=10),
    )
    stops = iter([False] * 8 + [True] * 1_000)
    drain = world.runtime.drain(BENEVITY, lingers=True, should_stop=lambda: next(stops))
    assert drain.run().claimed == 0


def test_the_claim_reads_by_priority_from_its_index(world: World) -> None:
    """A backlog of a million rows would otherwise be sorted for each chunk."""
    with world.database.engine.begin() as connection:
        connection.execute(text("SET LOCAL enable_sort = off"))
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = connection.scalars(
            text(
                "EXPLAIN SELECT id FROM impact_deliveries d WHERE platform = 'benevity' "
                "AND status IN ('pending', 'in_progress', 'retrying') AND next_attempt_at <= now() "
                "ORDER BY array_position(ARRAY['schedule', 'replay', 'manual', 'backfill'], d.trigger), "
                "d.next_attempt_at LIMIT 10"
            )
        ).all()
    # The partitions have their own of impact_deliveries_priority_idx, named for its columns.
    scans = [line for line in plan if " using impact_deliveries_" in line]
    assert scans
    assert all(re.search("_priority_idx|_platform_array_position_", line) for line in scans)


_HOLDS_ON = """
import sys, time
from impact_in_pipelines.db.deliveries.queueing.grants import PgRequestBudgets
from impact_in_pipelines.db.engine import make_engine
from impact_in_pipelines.delivery.limits.budgets import Ask, BudgetAccount, Limit
from sqlalchemy import make_url
budgets = PgRequestBudgets(make_engine(make_url(sys.argv[1])), lend_s=300)
account = BudgetAccount("benevity", "http://one", "acme")
(grant,) = budgets.exchange([Ask(account, Limit(10), wanted=10, urgent=10)], holder="drain-1")
print(grant.requests, flush=True)
time.sleep(60)
"""


def test_what_a_killed_drain_had_taken_comes_back_within_two_minutes(world: World) -> None:
    """While its process lives nobody takes it; once it is gone its slots rest a minute, and not six."""
    url = world.database.url.render_as_string(hide_password=False)
    account = BudgetAccount("benevity", "http://one", "acme")
    ask = Ask(account, Limit(10), wanted=1, urgent=1)
    budgets = world.runtime.budgets

    def free_in() -> float:
        (seconds,) = world.scalars(
            "SELECT max(CAST(block->>2 AS float8)) - extract(epoch FROM clock_timestamp()) "
            "FROM request_budgets, jsonb_array_elements(blocks) block"
        )
        return float(seconds)

    with subprocess.Popen(
        [sys.executable, "-c", _HOLDS_ON, url], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "10\n"
        assert budgets.exchange([ask], holder="me")[0].requests == 0
        assert free_in() > 300
        child.kill()
        child.wait()
        (grant,) = budgets.exchange([ask], holder="me")

    assert grant.requests == 0
    assert 60 < free_in() <= 71
    assert 60 < grant.opens_in_s <= 71


def test_accounts_that_nobody_sends_to_are_forgotten(world: World) -> None:
    """A table of every address there ever was would only grow; one that is sent to again begins anew."""
    used, unused = (BudgetAccount("benevity", f"http://{name}", "acme") for name in ("a", "b"))
    budgets = world.runtime.budgets
    asks = [Ask(one, Limit(10), wanted=10, urgent=10) for one in (used, unused)]
    budgets.exchange(asks, holder="me")
    world.execute(
        "UPDATE request_budgets SET updated_at = now() - interval '4 days' "
        "WHERE base_url = 'http://b'"
    )

    assert Alerts(world.runtime).purge().budgets == 1
    assert world.scalars("SELECT base_url FROM request_budgets") == ["http://a"]
    assert [one.requests for one in budgets.exchange(asks, holder="me")] == [0, 10]
