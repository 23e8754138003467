"""A trial from its beginning to its account, and the line and table row that tell of it."""

import random
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from dagster import DagsterInstance
from factories import World, copied_database, environment, world_on
from sqlalchemy import URL

from chaos.account import FINAL, Account, account
from chaos.dumps import Dumps
from chaos.fleet import Fleet, Home
from chaos.proxy import proxy_before
from chaos.trial import Planned, Trial
from impact_in_pipelines.delivery.identity import fire_id
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sandbox.server import running_sandbox

HOMES = 3
COMPANIES = 25
FIRES = 6
DAYS = 20
LEASE_S = 5
CALM_S = 240.0
SETTINGS = {
    "IMPACT_IN_LEASE_SECONDS": str(LEASE_S),
    "SCHEDULER_MAX_RETRIES": "10",
    "SCHEDULER_RETRY_DELAY_MS": "1500",
    "SCHEDULER_BACKOFF_MULTIPLIER": "1",
    "HTTP_READ_TIMEOUT_MS": "1500",
    "HTTP_RETRY_AFTER_MAX_MS": "100",
    "BREAKER_FIRST_PROBE_SECONDS": "1",
    "BREAKER_LONGEST_PROBE_SECONDS": "2",
    "BREAKER_LONGEST_REFUSED_PROBE_SECONDS": "2",
    "DATABASE_TCP_USER_TIMEOUT_MS": "5000",
}
HEAD = (
    "| seed | s | kinds | blows | planned | delivered | skipped | failed | again after a restore "
    "| lost | twice | stuck |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n"
)


@dataclass(frozen=True)
class Site:
    """What a trial is built on: a server, the name of a migrated database, a folder; Dagster's instance, and
    the environment of commands that use it, where `recover` is among the kinds."""

    server: URL
    template: str
    folder: Path
    dagster: DagsterInstance | None = None
    dagster_environment: tuple[tuple[str, str], ...] = ()


@contextmanager
def made(site: Site, *, seed: str, kinds: frozenset[str], fires: int = FIRES) -> Iterator[Trial]:
    """Everything set up: companies, figures, schedules that are due, and three homes; nothing runs yet."""
    rng = random.Random(f"{seed} homes")
    with ExitStack() as stack:
        sandbox = stack.enter_context(running_sandbox())
        # A limit of a minute would outlast the trial.
        sandbox.client.configure(rate_limits_enabled=False)
        url = stack.enter_context(copied_database(site.server, site.template))
        shared = environment(sandbox, **SETTINGS)
        world = stack.enter_context(world_on(url, sandbox, gated=False, **shared))
        proxy = stack.enter_context(proxy_before(url, HOMES))
        dumps = Dumps(site.server, world, site.folder / "dump")
        today = datetime.now(UTC).date()
        days = [today - timedelta(days=n) for n in range(1, DAYS + 1)]
        companies = world.companies(COMPANIES)
        world.events(companies, days=days)
        homes = []
        for number in range(HOMES):
            folder = site.folder / f"home-{number}"
            folder.mkdir(parents=True)
            ahead_s = rng.uniform(-4, 4) * 3600 if "clocks" in kinds and number else 0.0
            homes.append(Home(folder, proxy.url(number), round(ahead_s)))
        fleet = Fleet(
            homes, {**shared, **dict(site.dagster_environment)}, seed, site.folder / "workers.log"
        )
        stack.callback(fleet.kill_all)
        yield Trial(
            world=world,
            fleet=fleet,
            proxy=proxy,
            dumps=dumps,
            dagster=site.dagster,
            kinds=kinds,
            seed=seed,
            lease_s=LEASE_S,
            companies=companies,
            slugs=[f"c-{n}" for n in range(1, COMPANIES + 1)],
            days=days,
            fires=_fires(world, fires),
        )


def _fires(world: World, count: int) -> dict[UUID, Planned]:
    """Schedules whose fire of last midnight is due: the drains plan them by themselves."""
    midnight = datetime.combine(datetime.now(UTC).date(), datetime.min.time(), UTC)
    yesterday = midnight.date() - timedelta(days=1)
    companies = world.companies(count, prefix="s")
    world.events(companies, days=[yesterday])
    found = {}
    for platform in Platform:
        covered = yesterday - timedelta(days=1)
        made = world.schedules(platform, companies, fire=midnight, covered_until=covered)
        for schedule, company in zip(made, companies, strict=True):
            id_ = fire_id(schedule, midnight)
            found[id_] = Planned(id_, platform, company, yesterday, midnight)
    return found


def run(trial: Trial, seconds: float, *, every_kind: bool = False) -> Account:
    """Strike for so long, wait in calm until everything is final, `CALM_S` at most, and account for it."""
    trial.begin()
    trial.go_on_for(seconds, every_kind=every_kind)
    trial.calm()
    deadline = time.monotonic() + CALM_S
    while time.monotonic() < deadline:
        assert not trial.fleet.ended(), trial.fleet.last_words()
        if trial.world.statuses().keys() <= FINAL and not _attempts_are_open(trial):
            break
        time.sleep(0.5)
    return account(trial)


def _attempts_are_open(trial: Trial) -> bool:
    return trial.world.scalars(
        "SELECT count(*) FROM delivery_attempts WHERE outcome = 'started'"
    ) != [0]


def line(trial: Trial, result: Account) -> str:
    """One line: seed, kinds and counts."""
    clocks = ", ".join(f"{home.ahead_s / 3600:+.1f} h" for home in trial.fleet.homes)
    return (
        f"seed {trial.seed}: {_blows(trial)}; clocks {clocks}; planned {result.planned}, the log says "
        f"{dict(sorted(result.statuses.items()))}; again after a restore {len(result.again)}; "
        f"lost {len(result.lost)}, twice {len(result.twice)}, stuck {len(result.stuck)}, "
        f"wrong {len(result.wrong)}"
    )


def note(trial: Trial, result: Account, seconds: float, path: Path) -> None:
    """Add a row to the table at `path`."""
    path.parent.mkdir(exist_ok=True)
    if not path.exists():
        path.write_text(HEAD)
    statuses = result.statuses
    cells = (
        *(trial.seed, f"{seconds:g}", len(trial.kinds), _blows(trial), result.planned),
        *(statuses["success"], statuses["skipped"], statuses["failed"], len(result.again)),
        *(len(result.lost), len(result.twice), len(result.stuck)),
    )
    with path.open("a") as out:
        out.write("| " + " | ".join(str(cell) for cell in cells) + " |\n")


def _blows(trial: Trial) -> str:
    done = trial.struck + trial.proxy.happened
    return ", ".join(f"{kind} {n}" for kind, n in sorted(done.items()))


def judge(result: Account, trial: Trial) -> None:
    """Fail with everything that must not be, and what the workers said last."""
    if result.faults:
        pytest.fail("\n".join([*result.faults[:20], trial.fleet.last_words()]))
