"""One trial: a world at the present time, deliveries planned all the while, and the kinds of faults that
strike them. The same seed strikes in the same order, though no machine answers twice in the same time."""

import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid5

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus
from factories import World
from sqlalchemy.exc import DBAPIError

from chaos.dumps import Dumps
from chaos.fleet import Fleet
from chaos.proxy import DatabaseProxy
from impact_in_pipelines.dagster_instance.runs.recovery import HOST_TAG
from impact_in_pipelines.db.deliveries.queueing.selections import SelectedDay
from impact_in_pipelines.delivery.identity import selected_id
from impact_in_pipelines.delivery.states import Trigger
from impact_in_pipelines.platforms import Platform

_TRIAL = UUID("0b0e7b3c-3f0e-4a52-8f0a-5b7c1f7e9f10")

STANDING = ("storm", "clocks")
"""Kinds that last for the whole trial: a third of all requests goes wrong; clocks are hours apart."""

BLOWS = (
    *("kill", "stall", "cut", "settle_cut", "answer_lost", "db_stall", "freeze_db", "crash_db"),
    *("outage", "told_to_wait", "in_progress", "hang", "tokens"),
    *("backfill", "replay", "recover", "restore"),
)
KINDS = (*STANDING, *BLOWS)

OFTEN = ("kill", "kill", "stall", "settle_cut", "answer_lost", "backfill")
"""Struck more often than the others."""

STORM: tuple[dict[str, Any], ...] = (
    {"kind": "connection_reset_after", "rate": 0.1},
    {"kind": "timeout_after", "rate": 0.02, "delay_ms": 2_500},
    {"kind": "malformed_json", "rate": 0.08, "after_processing": True},
    {"kind": "server_error", "rate": 0.08, "after_processing": True, "status": 500},
    {"kind": "connection_reset", "rate": 0.05},
    {"kind": "slow", "rate": 0.1, "delay_ms": 700},
)


@dataclass(frozen=True, slots=True)
class Planned:
    """A delivery that must come to its end. Whoever plans it again does so under the same id, as a fire."""

    id: UUID
    platform: Platform
    company_id: UUID
    day: date
    scheduled_for: datetime


@dataclass(eq=False)
class Trial:
    """What is done in one trial, and what must come of it."""

    world: World
    fleet: Fleet
    proxy: DatabaseProxy
    dumps: Dumps
    dagster: DagsterInstance | None
    kinds: frozenset[str]
    seed: str
    lease_s: int
    companies: list[UUID]
    slugs: list[str]
    days: list[date]
    fires: dict[UUID, Planned]
    struck: Counter[str] = field(default_factory=Counter)
    planned: list[Planned] = field(default_factory=list)
    selected: dict[str, list[Planned]] = field(default_factory=dict)
    forgotten: list[Planned] = field(default_factory=list)
    recoveries: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self._blows: dict[str, Callable[[], None]] = {
            "kill": self._kill,
            "stall": self._stall,
            "cut": self._cut,
            "settle_cut": self.proxy.cut_settle,
            "answer_lost": self.proxy.lose_answer,
            "db_stall": self._db_stall,
            "freeze_db": self._freeze_db,
            "crash_db": self._crash_db,
            "outage": self._outage,
            "told_to_wait": self._told_to_wait,
            "in_progress": self._in_progress,
            "hang": self._hang,
            "tokens": self.world.sandbox.client.expire_tokens,
            "backfill": self._backfill,
            "replay": self._replay,
            "recover": self._recover,
        }
        self._later: list[tuple[float, Callable[[], None]]] = []
        self._deck: list[str] = []
        self._seconds = 0.0
        self._dump_holds: tuple[int, int] | None = None
        self._asked: list[tuple[subprocess.Popen[str], dict[str, bool]]] = []

    def begin(self) -> None:
        """The standing kinds, and the fleet."""
        self.world.sandbox.client.configure(one_token_per_client="tokens" in self.kinds)
        if "storm" in self.kinds:
            self.struck["storm"] += 1
            for platform in Platform:
                for seed, fault in enumerate(STORM):
                    self.world.sandbox.client.add_fault(platform.value, seed=seed, **fault)
        self.struck["clocks"] += "clocks" in self.kinds
        self.fleet.start()

    def go_on_for(self, seconds: float, *, every_kind: bool = False) -> None:
        """Plan and strike, a blow every second or so; with `every_kind` until each has come up. The dump is
        made after a third, and put back after three quarters."""
        began, self._seconds = time.monotonic(), seconds
        dump_at, restore_at = (began + seconds * share for share in (0.3, 0.75))
        while (now := time.monotonic()) < began + seconds or (
            every_kind and not self.kinds <= self.struck.keys()
        ):
            self._do_what_is_due(now)
            self.plan(self.rng.randrange(5, 25))
            if "restore" in self.kinds and now >= restore_at and self._dump_holds is not None:
                self._restore()
                restore_at = float("inf")
            elif "restore" in self.kinds and now >= dump_at:
                self._dump()
                dump_at = float("inf")
            else:
                self.strike()
            time.sleep(self.rng.uniform(0.3, 1.2))
        if self._dump_holds is not None and restore_at < float("inf"):
            self._restore()

    def strike(self) -> None:
        """One blow: each kind comes up before any comes a second time."""
        if not self._deck:
            blows = [kind for kind in (*BLOWS, *OFTEN) if kind in self.kinds and kind != "restore"]
            self._deck = self.rng.sample(blows, len(blows))
        if self._deck:
            kind = self._deck.pop()
            self.struck[kind] += 1
            self._blows[kind]()

    def calm(self) -> None:
        """Everything that lasts ends; commands that were started are waited for."""
        self._do_what_is_due(float("inf"))
        self.proxy.calm()
        self.world.sandbox.client.clear_faults()
        while self._asked:
            self._judge_recovery(*self._asked.pop())

    def plan(self, count: int) -> None:
        """At least `count` deliveries of figures that may have been delivered before, or be on their way."""
        now = datetime.now(UTC)
        fresh: list[Planned] = []
        while len(fresh) < count:
            platform, company = self.rng.choice(list(Platform)), self.rng.choice(self.companies)
            # Several of one moment go out in a batch where the platform takes batches.
            for day in self.rng.sample(self.days, self.rng.choice([1, 1, 2, 3])):
                id_ = uuid5(_TRIAL, f"{self.seed} {len(self.planned) + len(fresh)}")
                fresh.append(Planned(id_, platform, company, day, now))
        self.planned += fresh
        self._write(fresh)

    def _write(self, rows: Sequence[Planned]) -> None:
        self.world.execute(
            """INSERT INTO impact_deliveries (id, company_id, platform, trigger, status, period_start,
                   period_end, scheduled_for, idempotency_key, next_attempt_at)
               SELECT r.id, r.company, r.platform, 'manual', 'pending', r.day, r.day, r.at, r.id, r.at
               FROM unnest(CAST(:ids AS uuid[]), CAST(:companies AS uuid[]), CAST(:platforms AS text[]),
                           CAST(:days AS date[]), CAST(:ats AS timestamptz[]))
                   AS r(id, company, platform, day, at)
               ON CONFLICT DO NOTHING""",
            ids=[row.id for row in rows],
            companies=[row.company_id for row in rows],
            platforms=[row.platform.value for row in rows],
            days=[row.day for row in rows],
            ats=[row.scheduled_for for row in rows],
        )

    def _do_what_is_due(self, now: float) -> None:
        due = [one for one in self._later if one[0] <= now]
        self._later = [one for one in self._later if one[0] > now]
        for _, action in due:
            action()

    def _after(self, seconds: float, action: Callable[[], None]) -> None:
        self._later.append((time.monotonic() + seconds, action))

    # Processes

    def _kill(self) -> None:
        self.fleet.kill(self.rng.randrange(len(self.fleet.workers)))

    def _stall(self) -> None:
        """Its leases end and others take its rows; then it goes on as if nothing had been."""
        worker = self.rng.choice(self.fleet.workers)
        worker.stop_for_a_while()
        self._after(self.lease_s + self.rng.uniform(0.5, 2.5), worker.go_on)

    def _backfill(self) -> None:
        """Somebody selects some companies' days; half of the runs are killed and their step is retried."""
        run_id = str(uuid5(_TRIAL, f"{self.seed} run {len(self.selected)}"))
        platform = self.rng.choice(list(Platform))
        companies = self.rng.sample(self.companies, 4)
        days = self.rng.sample(self.days, 3)
        now = datetime.now(UTC)
        self.world.runtime.selections.add_selected(
            platform,
            [SelectedDay(company, "UTC", day) for company in companies for day in days],
            trigger=Trigger.BACKFILL,
            run_id=run_id,
            now=now,
        )
        self.selected[run_id] = [
            Planned(selected_id(run_id, platform, company, day), platform, company, day, now)
            for company in companies
            for day in days
        ]
        home = self.rng.randrange(len(self.fleet.homes))
        worker = self.fleet.backfill(home, run_id, platform.value)
        if self.rng.random() < 0.5:
            self._after(self.rng.uniform(1.5, 4), lambda: self._retry_step(worker, home, platform))

    def _retry_step(self, worker: Any, home: int, platform: Platform) -> None:
        if worker in self.fleet.backfills and worker.alive:
            worker.kill()
            self.fleet.backfills.remove(worker)
            self.fleet.dead.append(worker)
            self.fleet.backfill(home, worker.run_id, platform.value)

    # The database

    def _cut(self) -> None:
        self.world.scalars(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    def _db_stall(self) -> None:
        """One machine doesn't reach the database for longer than its leases hold; the others do."""
        door = self.rng.randrange(len(self.fleet.homes))
        self.proxy.stall(door, self.lease_s + self.rng.uniform(0.5, 3))

    def _freeze_db(self) -> None:
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
                time.sleep(self.rng.uniform(0.5, self.lease_s + 2))

    def _crash_db(self) -> None:
        """One server process dies, and PostgreSQL ends all others and recovers from its log."""
        (victim,) = self.world.scalars("SELECT pg_backend_pid()")
        with suppress(DBAPIError):
            os.kill(victim, signal.SIGKILL)
            self.world.scalars("SELECT 1")
        self.until_database_answers()

    def until_database_answers(self) -> None:
        """Wait for it, a minute at most. The first answers may come before the server has noticed that one of
        its processes died."""
        deadline, answers = time.monotonic() + 60, 0
        while answers < 3:
            try:
                self.world.scalars("SELECT 1")
                answers += 1
            except DBAPIError:
                answers = 0
                assert time.monotonic() < deadline
            time.sleep(0.2)

    def _dump(self) -> None:
        self.struck["dump"] += 1
        self._dump_holds = (len(self.planned), len(self.selected))
        self.dumps.dump()

    def _restore(self) -> None:
        """Everything stops, last night's database comes back, and what is planned is planned again."""
        assert self._dump_holds is not None
        self.struck["restore"] += 1
        self._do_what_is_due(float("inf"))
        while self._asked:
            self._judge_recovery(*self._asked.pop())
        self.fleet.kill_all()
        self.dumps.restore()
        self.until_database_answers()
        self._write(self.planned)
        # A run's selection that the dump doesn't have is gone with it: whoever wants it selects it again.
        for run_id in list(self.selected)[self._dump_holds[1] :]:
            self.forgotten += self.selected.pop(run_id)
        self.fleet.start()
        for number, (run_id, rows) in enumerate(self.selected.items()):
            self.fleet.backfill(number % len(self.fleet.homes), run_id, rows[0].platform.value)

    # The platforms

    def _for_a_while(self, seconds: float, platform: Platform, kind: str, **more: Any) -> None:
        client = self.world.sandbox.client
        fault = client.add_fault(platform.value, kind, seed=self.rng.randrange(1_000), **more)
        self._after(seconds, lambda: client.remove_fault(fault))

    def _outage(self) -> None:
        """A whole platform is down, for up to half of a trial and 45 s."""
        how = self.rng.choice(["server_error", "connection_reset", "unavailable"])
        more = {"retry_after_seconds": None} if how == "unavailable" else {}
        seconds = min(self.rng.uniform(0.3, 0.5) * self._seconds, 45)
        self._for_a_while(seconds, self.rng.choice(list(Platform)), how, **more)

    def _told_to_wait(self) -> None:
        """429 and 503 with a Retry-After beyond the retry plan: connections are closed until then."""
        self._for_a_while(
            5,
            self.rng.choice(list(Platform)),
            self.rng.choice(["rate_limited", "unavailable"]),
            rate=0.5,
            retry_after_seconds=self.rng.randrange(4, 9),
            retry_after_format=self.rng.choice(["seconds", "date"]),
        )

    def _in_progress(self) -> None:
        """409: the first request under this key is being processed."""
        self._for_a_while(
            6,
            self.rng.choice(list(Platform)),
            "in_progress",
            rate=0.5,
            retry_after_seconds=self.rng.randrange(1, 4),
        )

    def _hang(self) -> None:
        """Some accounts never answer."""
        platform = self.rng.choice(list(Platform))
        for slug in self.rng.sample(self.slugs, 3):
            self._for_a_while(
                self.rng.uniform(6, 10), platform, "timeout_before", organization=slug
            )

    # People

    def _replay(self) -> None:
        """Somebody sends again whatever has failed."""
        failed = self.world.scalars("SELECT id FROM impact_deliveries WHERE status = 'failed'")
        self.world.runtime.replays.queue(failed, now=datetime.now(UTC))

    def _recover(self) -> None:
        """`impact-in recover`, while workers live: each is said to execute a run, and so is a dead one."""
        assert self.dagster is not None
        runs: dict[str, bool] = {}
        for worker in (*self.fleet.workers, *self.fleet.dead[-2:]):
            run = DagsterRun(
                job_name="drain_benevity",
                tags={HOST_TAG: worker.name, "alive": str(worker.process.pid)},
                status=DagsterRunStatus.STARTED,
            )
            self.dagster.add_run(run)
            runs[run.run_id] = worker.alive
        home = self.fleet.homes[0]
        self._asked.append((self.fleet.run("recover", "--json", home=home), runs))

    def _judge_recovery(self, process: subprocess.Popen[str], runs: dict[str, bool]) -> None:
        """What it ended must have been dead; what was dead when it began must have ended."""
        assert self.dagster is not None
        out, errors = process.communicate(timeout=120)
        if process.returncode:
            # The database was away: the command says so, and nothing has been ended wrongly.
            self.struck["recover refused"] += 1
            assert "database" in errors.lower(), errors
            return
        ended = set(json.loads(out)["failedRuns"])
        pids = {str(worker.process.pid) for worker in self.fleet.workers if worker.alive}
        for run_id, was_alive in runs.items():
            run = self.dagster.get_run_by_id(run_id)
            assert run is not None
            if run_id in ended and run.tags["alive"] in pids:
                self.recoveries.append(f"{run_id} was ended, and its process lives")
            if not was_alive and not run.is_finished:
                self.recoveries.append(f"{run_id} was left, and its process is gone")
