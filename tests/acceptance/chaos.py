"""The long proof of never twice, never lost (`make chaos`; not part of `make test`).

Drains in several processes whose clocks are hours apart, a third of all requests going wrong in every way
that leaves doubt, new deliveries and twins of old ones all the while; and a seeded hand that kills workers,
stops them for longer than their lease and lets them go on, cuts database connections, stalls and crashes
PostgreSQL, and replays what has failed. Then calm, and the account: what was planned, what the log says, what
the platforms accepted.

`CHAOS_SECONDS` is how long, `CHAOS_SEED` which hand: the same seed does the same things in the same order,
though a machine never answers twice in the same time.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from factories import World, copied_database, environment, world_on
from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError

from impact_in_pipelines.db.deliveries.replays import ReplayStore
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sandbox.server import running_sandbox

SECONDS = float(os.environ.get("CHAOS_SECONDS", "120"))
SEED = os.environ.get("CHAOS_SEED", "1")
WORKERS = 3
COMPANIES = 25
DAYS = 20
LEASE_S = 5
CALM_S = 240.0
LOOP = Path(__file__).parents[1] / "drain_loop.py"
SETTINGS = {
    "IMPACT_IN_LEASE_SECONDS": str(LEASE_S),
    "SCHEDULER_RETRY_DELAY_MS": "1500",
    "SCHEDULER_BACKOFF_MULTIPLIER": "1",
    "HTTP_READ_TIMEOUT_MS": "1500",
    "HTTP_RETRY_AFTER_MAX_MS": "100",
}
STORM: tuple[dict[str, Any], ...] = (
    {"kind": "connection_reset_after", "rate": 0.1},
    {"kind": "timeout_after", "rate": 0.02, "delay_ms": 2_500},
    {"kind": "malformed_json", "rate": 0.08, "after_processing": True},
    {"kind": "server_error", "rate": 0.08, "after_processing": True, "status": 500},
    {"kind": "connection_reset", "rate": 0.05},
    {"kind": "slow", "rate": 0.1, "delay_ms": 700},
)
FINAL = {"success", "failed", "skipped"}


class Workers:
    """Processes that drain, each replaced when it is killed; `log` has what they said."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self._environment = environment
        self._log = log
        self._started = 0
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """One more."""
        self._started += 1
        with self._log.open("ab") as out:
            self.running.append(
                subprocess.Popen(
                    [sys.executable, str(LOOP), f"{SEED}-{self._started}"],
                    env={**os.environ, **self._environment},
                    stdout=out,
                    stderr=subprocess.STDOUT,
                )
            )

    def kill(self, which: int) -> None:
        """End it as a power cut would, and start another."""
        process = self.running.pop(which)
        process.kill()
        process.wait()
        self.start()

    def ended(self) -> list[int]:
        """Exit codes of those that ended by themselves."""
        return [process.returncode for process in self.running if process.poll() is not None]

    def last_words(self) -> str:
        """The end of what they said."""
        return self._log.read_text()[-5_000:]

    def stop(self) -> None:
        """End all."""
        for process in self.running:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()


@dataclass
class Chaos:
    """A world at the present time with leases and retries of seconds, and what is done to it."""

    world: World
    workers: Workers
    rng: random.Random
    companies: list[UUID]
    days: list[date]
    done: Counter[str] = field(default_factory=Counter)
    planned: int = 0

    def plan(self, count: int) -> None:
        """`count` deliveries of figures that may have been delivered before, or be on their way."""
        for _ in range(count):
            platform = self.rng.choice(list(Platform))
            company, day = self.rng.choice(self.companies), self.rng.choice(self.days)
            self.world.clock.now = datetime.now(UTC)
            self.world.deliveries(platform, company, days=[day], trigger="manual")
        self.planned += count

    def strike(self) -> None:
        """One blow."""
        blow = self.rng.choices(
            [
                *(self._kill, self._stall, self._cut_connections),
                *(self._stall_database, self._crash_database, self._replay, self._rest),
            ],
            weights=[6, 3, 2, 2, 1, 2, 4],
        )[0]
        self.done[blow.__name__.strip("_")] += 1
        blow()

    def _kill(self) -> None:
        self.workers.kill(self.rng.randrange(WORKERS))

    def _stall(self) -> None:
        """Its leases end and others take its rows; then it goes on as if nothing had been."""
        process = self.rng.choice(self.workers.running)
        process.send_signal(signal.SIGSTOP)
        time.sleep(LEASE_S + self.rng.uniform(0.5, 2.5))
        process.send_signal(signal.SIGCONT)

    def _cut_connections(self) -> None:
        self.world.scalars(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    def _stall_database(self) -> None:
        """Nobody gets an answer for a while; then everything goes on where it was."""
        victims = self.world.scalars(
            "SELECT pid FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        for sign in (signal.SIGSTOP, signal.SIGCONT):
            for pid in victims:
                with suppress(ProcessLookupError):
                    os.kill(pid, sign)
            if sign is signal.SIGSTOP:
                time.sleep(self.rng.uniform(0.5, LEASE_S + 2))

    def _crash_database(self) -> None:
        """One server process dies, and PostgreSQL ends all others and recovers from its log."""
        (victim,) = self.world.scalars("SELECT pg_backend_pid()")
        with suppress(DBAPIError):
            os.kill(victim, signal.SIGKILL)
            self.world.scalars("SELECT 1")
        self.until_database_answers()

    def _replay(self) -> None:
        """Somebody sends again whatever has failed."""
        failed = self.world.scalars("SELECT id FROM impact_deliveries WHERE status = 'failed'")
        store = ReplayStore(self.world.database.engine, dedup_window=timedelta(hours=24))
        store.queue(failed, now=datetime.now(UTC))

    def _rest(self) -> None:
        time.sleep(self.rng.uniform(0.5, 2))

    def until_database_answers(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                self.world.scalars("SELECT 1")
                return
            except DBAPIError:
                assert time.monotonic() < deadline
                time.sleep(0.2)

    def until_all_is_final(self) -> None:
        """In calm: no faults, no blows."""
        self.world.sandbox.client.clear_faults()
        deadline = time.monotonic() + CALM_S
        while not self.world.statuses().keys() <= FINAL:
            assert not self.workers.ended(), self.workers.last_words()
            assert time.monotonic() < deadline, self.world.statuses()
            time.sleep(0.5)


@pytest.fixture
def chaos(postgres_url: URL, template: str, tmp_path: Path) -> Iterator[Chaos]:
    """Everything set up: companies, figures, the storm on, and workers that drain."""
    with running_sandbox() as sandbox, copied_database(postgres_url, template) as url:
        shared = environment(sandbox, **SETTINGS)
        with world_on(url, sandbox, gated=False, **shared) as world:
            today = datetime.now(UTC).date()
            days = [today - timedelta(days=n) for n in range(1, DAYS + 1)]
            companies = world.companies(COMPANIES)
            world.events(companies, days=days)
            for platform in Platform:
                for seed, fault in enumerate(STORM):
                    sandbox.client.add_fault(platform.value, seed=seed, **fault)
            database = url.render_as_string(hide_password=False)
            workers = Workers({**shared, "DATABASE_URL": database}, tmp_path / "workers.log")
            try:
                for _ in range(WORKERS):
                    workers.start()
                yield Chaos(world, workers, random.Random(SEED), companies, days)
            finally:
                workers.stop()


def test_nothing_is_lost_and_nothing_arrives_twice(
    chaos: Chaos, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the log calls delivered has arrived exactly once, what it calls skipped has arrived, what arrived
    is known to the log, and every delivery that was planned has come to its end."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        chaos.plan(chaos.rng.randrange(5, 30))
        chaos.strike()
    chaos.until_all_is_final()

    world = chaos.world
    statuses = world.statuses()
    with capsys.disabled():
        print(
            f"\nseed {SEED}: {dict(chaos.done)}; planned {chaos.planned}, the log says {statuses}"
        )
    assert sum(statuses.values()) == chaos.planned
    assert statuses["success"] > COMPANIES
    for platform in Platform:
        account(world, platform)
    assert world.scalars("SELECT count(*) FROM delivery_attempts WHERE outcome = 'started'") == [0]


def account(world: World, platform: Platform) -> None:
    """Compare the log with what the platform accepted."""
    told: dict[str, set[tuple[str, str]]] = {status: set() for status in FINAL}
    delivered: Counter[tuple[str, str]] = Counter()
    for row in world.rows(
        "SELECT c.slug, d.period_start, d.status FROM impact_deliveries d "
        "JOIN companies c ON c.id = d.company_id WHERE d.platform = :platform",
        platform=platform.value,
    ):
        what = (row["slug"], row["period_start"].isoformat())
        told[row["status"]].add(what)
        delivered[what] += row["status"] == "success"
    lines = world.sandbox.client.accepted(platform.value)["accepted"]
    arrived = Counter((line["organizationId"], line["periodStart"]) for line in lines)

    assert world.doubled(platform) == []
    assert {what: n for what, n in delivered.items() if n > 1} == {}
    assert [line for line in lines if line["timesAccepted"] != 1] == []
    assert {what: n for what, n in arrived.items() if n > 1} == {}
    assert told["success"] <= arrived.keys()
    assert told["skipped"] <= told["success"]
    assert arrived.keys() <= told["success"] | told["failed"]
