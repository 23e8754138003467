"""One, two and four drains, each in homes of its own (DAGSTER_HOME, IMPACT_IN_HOME), on one PostgreSQL.

`--bound waiting`: 40 accounts that take one request at a time from each drain and answer after 300 ms, so
that a drain sends 133 a second at most and its processor is idle most of the time. `--bound cpu`: 600
accounts that answer after 50 ms, where Python's lock holds one drain to a core and the machine has two. The
platform enforces its 100 requests a minute of an account in both; where drains wait, each account has more
due than that. All begin at once, their start-up left out; counted until 95 % of what the limits let through
in the first minute has arrived.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, text

from benchmarks._fleet import ROOT
from benchmarks._results import figure, of_size, ratio
from benchmarks._usage import Usage, watched
from benchmarks.deliver import counted, stage
from benchmarks.spike import postgres_processes
from impact_in_pipelines.db.engine import dagster_url
from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.sandbox.server import Sandbox
from impact_in_pipelines.settings import read_settings

COUNTED = 0.95
"""The last few of a chunk leave one by one, with however many drains."""


@dataclass(frozen=True)
class Load:
    """What is due, and what holds one drain back."""

    accounts: int
    days: int
    """Deliveries of each account."""
    latency_ms: int
    at_once: int | None
    """Requests that one drain makes of an account at once; None: the default."""


LOADS = {"waiting": Load(40, 120, 300, 1), "cpu": Load(600, 20, 50, None)}


@dataclass(frozen=True)
class Run:
    """What so many drains did. `most_in_60_s`: requests of one account, by their ends in our log."""

    drains: int
    delivered: int
    accepted: int
    doubled: int
    refused: int
    most_in_60_s: int
    shares: Sequence[int]
    a_second: float
    seconds: float
    usage: Usage


def main() -> None:
    """Print a line for each number of drains, and how far throughput rises."""
    parser = argparse.ArgumentParser(prog="benchmarks homes", description=__doc__)
    parser.add_argument("--bound", choices=sorted(LOADS), nargs="+", default=list(LOADS))
    parser.add_argument("--drains", type=int, nargs="+", default=[1, 2, 4])
    options = parser.parse_args()
    if len(options.bound) < len(LOADS):
        of_size(*options.bound)
    for bound in options.bound:
        runs = [measure(drains, LOADS[bound]) for drains in options.drains]
        for run in runs:
            show(run, bound)
            ratio(f"{run.drains} drains to one, {bound}", run.a_second / runs[0].a_second)
            figure(f"{run.drains} drains, {bound}", run.a_second, "/s")


def show(run: Run, bound: str) -> None:
    """One line."""
    each = {name: 1000 * used / max(1, run.delivered) for name, used in run.usage.cpu_s.items()}
    print(
        f"{bound}, {run.drains} drains: {run.a_second:.0f} a second; delivered {run.delivered}, accepted "
        f"{run.accepted}, accepted twice {run.doubled}, refused {run.refused}; most of an account in 60 s "
        f"{run.most_in_60_s} of {_per_minute()}; by drain {sorted(run.shares)}"
    )
    print(
        f"  CPU-ms a delivery: {', '.join(f'{name} {ms:.2f}' for name, ms in each.items())}; cores "
        f"{sum(run.usage.cpu_s.values()) / run.seconds:.2f}, of others "
        f"{run.usage.others_s / run.seconds:.2f}; {run.seconds:.1f} s in all",
        flush=True,
    )


def measure(drains: int, load: Load) -> Run:
    """One world, and so many drains on it."""
    with stage(load.accounts) as (sandbox, environment, engine):
        sandbox.client.configure(rate_limits_enabled=True, latency_ms=load.latency_ms)
        prepare(engine, load)
        shared = environment | {
            "DATABASE_URL": engine.url.render_as_string(hide_password=False),
            "DAGSTER_POSTGRES_URL": dagster_url(read_settings(environment)).render_as_string(
                hide_password=False
            ),
            "IMPACT_IN_SECRET_KEY": "bWFkZS1mb3ItYS1iZW5jaG1hcmstb25seS0tLS0tLS0=",
        }
        servers = {
            "PostgreSQL": list(postgres_processes(environment)),
            "sandbox": [sandbox.pid],
        }
        with waiting_drains(drains, shared) as processes:
            began, started = time.time(), time.monotonic()
            with watched([one.pid for one in processes], servers) as usage:
                for process in processes:
                    assert process.stdin is not None
                    process.stdin.write("go\n")
                    process.stdin.flush()
                failed = [one for one in processes if one.wait()]
            seconds = time.monotonic() - started
            if failed:
                sys.exit(f"{len(failed)} of {drains} drains failed")
        return counted_up(drains, load, began, seconds, usage, engine, sandbox)


@contextmanager
def waiting_drains(drains: int, shared: Mapping[str, str]) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that have said that they are ready, each with homes of its own."""
    processes: list[subprocess.Popen[str]] = []
    with tempfile.TemporaryDirectory(prefix="ii-homes-") as homes:
        try:
            for n in range(drains):
                home = Path(homes) / str(n)
                home.mkdir()
                shutil.copy(ROOT / "dagster.yaml", home)
                own = {"DAGSTER_HOME": str(home), "IMPACT_IN_HOME": str(home / "ours")}
                processes.append(
                    subprocess.Popen(
                        [sys.executable, "-m", "benchmarks._home"],
                        env={**shared, **own},
                        cwd=ROOT,
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                        text=True,
                        start_new_session=True,
                    )
                )
                if n == 0:
                    # Dagster makes its tables when it is first used, and doesn't bear company at it.
                    _until_ready(processes[0])
            for process in processes[1:]:
                _until_ready(process)
            yield processes
        finally:
            for process in processes:
                process.kill()
                process.wait()


def _until_ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    if process.stdout.readline() != "ready\n":
        sys.exit("a drain did not start")


def prepare(engine: Engine, load: Load) -> None:
    """So many days of each account are due on Benevity, and nothing else is."""
    values = {
        "last": datetime.now(UTC).date() - timedelta(days=1),
        "days": load.days,
        "at_once": load.at_once,
    }
    with engine.begin() as connection:
        for statement in (
            "DELETE FROM scheduled_deliveries",
            "DELETE FROM impact_events",
            "INSERT INTO platform_connections (company_id, platform, max_concurrency) "
            "SELECT id, 'benevity', CAST(:at_once AS integer) FROM companies",
            "INSERT INTO impact_events (company_id, event_id, occurred_at, activity, participant_ref, hours) "
            "SELECT c.id, 'd' || n, CAST(:last AS date) - n + time '12:00', 'session', 'p' || n, n "
            "FROM companies c, generate_series(1, :days) n",
            "INSERT INTO impact_deliveries (id, company_id, platform, trigger, status, period_start, "
            "period_end, scheduled_for, idempotency_key, next_attempt_at) "
            "SELECT k, company_id, 'benevity', 'schedule', 'pending', d, d, now(), k, now() "
            "FROM (SELECT gen_random_uuid() AS k, c.id AS company_id, CAST(:last AS date) - n AS d "
            "FROM companies c, generate_series(1, :days) n) made",
        ):
            connection.execute(text(statement), values)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def counted_up(
    drains: int,
    load: Load,
    began: float,
    seconds: float,
    usage: Usage,
    engine: Engine,
    sandbox: Sandbox,
) -> Run:
    """What the log and the platform say."""
    with engine.connect() as connection:
        ends = connection.scalars(
            text(
                "SELECT extract(epoch FROM finished_at)::float8 FROM delivery_attempts "
                "WHERE outcome = 'delivered' ORDER BY finished_at"
            )
        ).all()
        most = connection.scalar(
            text(
                "SELECT max(n) FROM (SELECT count(*) OVER (PARTITION BY d.company_id ORDER BY a.finished_at "
                "RANGE BETWEEN interval '60 s' PRECEDING AND CURRENT ROW) AS n FROM delivery_attempts a "
                "JOIN impact_deliveries d ON d.id = a.delivery_id WHERE a.finished_at IS NOT NULL) counts"
            )
        )
        shares = connection.scalars(
            text(
                "SELECT count(*) FROM impact_deliveries WHERE status = 'success' GROUP BY dagster_run_id"
            )
        ).all()
    accepted, doubled = counted(sandbox)
    allowed = load.accounts * min(load.days, _per_minute())
    enough = int(allowed * COUNTED)
    if len(ends) < allowed:
        print(f"{len(ends)} of {allowed} arrived; left:", *left(engine), sep="\n  ", flush=True)
    if len(ends) < enough:
        sys.exit(f"only {len(ends)} of {allowed} arrived")
    return Run(
        drains,
        len(ends),
        accepted,
        doubled,
        sum(sandbox.client.stats()["benevity"]["rejected"].values()),
        int(most or 0),
        shares,
        enough / (ends[enough - 1] - began),
        seconds,
        usage,
    )


def left(engine: Engine) -> list[str]:
    """What has not arrived, counted by what it waits for and how it was tried; and what holds connections."""
    with engine.connect() as connection:
        open_rows = connection.execute(
            text(
                "SELECT d.status, d.error_kind, d.http_status, a.outcome, d.attempt_count, count(*) AS n, "
                "count(DISTINCT d.company_id) AS accounts, count(DISTINCT d.claimed_by) AS workers, "
                "min(d.last_error) AS error, min(d.next_attempt_at - now()) AS first_in, "
                "max(d.next_attempt_at - now()) AS last_in, min(now() - d.updated_at) AS touched, "
                "max(now() - d.updated_at) AS untouched FROM impact_deliveries d LEFT JOIN LATERAL ("
                "SELECT outcome FROM delivery_attempts WHERE delivery_id = d.id ORDER BY number DESC LIMIT 1"
                ") a ON true WHERE d.status <> 'success' GROUP BY 1, 2, 3, 4, 5 ORDER BY n DESC"
            )
        ).mappings()
        closed = connection.execute(
            text(
                "SELECT kind, state, cause, count(*) AS n, min(reason) AS reason FROM connection_closures "
                "WHERE holds OR closed_until > now() GROUP BY 1, 2, 3"
            )
        ).mappings()
        return [
            ", ".join(f"{name} {value}" for name, value in row.items() if value is not None)
            for row in (*open_rows, *closed)
        ]


def _per_minute() -> int:
    return FACTS[Platform.BENEVITY].rate_limit_per_minute


if __name__ == "__main__":
    main()
