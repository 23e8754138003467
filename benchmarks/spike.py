"""The spike: 10,000 companies due on all three platforms at once.

Sent by one `impact-in deliver`, or with `--daemon` by one drain a platform that Dagster's daemon starts: all
fall due at a full minute, and the seconds count from then. The sandbox answers after 50 ms and shares the
machine's cores with us, so its CPU is measured beside ours and PostgreSQL's. Beside it, in the same run: the
same bodies sent by a bare loop of `requests` threads.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, text

from benchmarks._results import figure, of_size, ratio
from benchmarks._usage import Usage, cpu_of, watched
from benchmarks.deliver import bare_loop, counted, stage
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sandbox.server import Sandbox

COMPANIES = int(os.environ.get("SPIKE_COMPANIES", "10000"))
_LOOK_S = 0.5
_MOST_S = 600.0
_FIRST_START_S = 75.0
"""A daemon that starts for the first time fills the assets, reports of 10,000 companies among them."""


@dataclass(frozen=True)
class Run:
    """How many were delivered within how many seconds, and what that took."""

    delivered: int
    seconds: float
    usage: Usage


def main() -> None:
    """Print seconds, the ratio to the bare loop, CPU-ms a delivery by process, and memory."""
    parser = argparse.ArgumentParser(prog="benchmarks spike", description=__doc__)
    parser.add_argument("--companies", type=int, default=COMPANIES)
    parser.add_argument("--daemon", action="store_true", help="drains that ticks start")
    parser.add_argument(
        "--logged",
        type=int,
        default=0,
        help="other companies with 1,002 deliveries each in the log",
    )
    options = parser.parse_args()
    if options.daemon:
        by_daemon(options.companies)
    else:
        by_command(options.companies, options.logged)


def by_command(companies: int, logged: int) -> None:
    """One `impact-in deliver`."""
    with stage(companies, logged) as (sandbox, environment, engine):
        _settle_in(engine)
        started = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "impact_in_pipelines.cli.main", "deliver", "--json"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        with watched([process.pid], _servers(sandbox, environment)) as usage:
            output, complaint = process.communicate()
        seconds = time.monotonic() - started
        if process.returncode:
            sys.exit(f"deliver failed: {complaint or output}")
        delivered = sum(p["success"] for p in json.loads(output)["platforms"])
        show(Run(delivered, seconds, usage), sandbox, companies, "start-up included")


def by_daemon(companies: int) -> None:
    """Code server, daemon and web server at work; a drain for each platform at a full minute's tick."""
    from benchmarks._fleet import fleet

    of_size("drains by ticks")
    # Two cores have nothing for a second drain of a platform.
    with fleet(companies, DRAINS_PER_PLATFORM="1") as running:
        time.sleep(_FIRST_START_S)
        _settle_in(running.engine)
        fire = _due_at_a_full_minute(running.engine)
        with watched(running.dagster.pids, _servers(running.sandbox, running.environment)) as usage:
            while not (end := _all_shown(running.engine, companies)):
                if datetime.now(UTC) - fire > timedelta(seconds=_MOST_S):
                    sys.exit(f"not delivered within {_MOST_S:.0f} s: {_statuses(running.engine)}")
                time.sleep(_LOOK_S)
        seconds = (end - fire).total_seconds()
        delivered = _statuses(running.engine).get("success", 0)
        show(Run(delivered, seconds, usage), running.sandbox, companies, "from due to arrived")


def show(run: Run, sandbox: Sandbox, companies: int, what: str) -> None:
    """Print it, and the bare loop beside it."""
    accepted, doubled = counted(sandbox)
    rate = run.delivered / run.seconds
    print(f"delivered {run.delivered}, accepted {accepted}, accepted twice {doubled}")
    print(f"{run.seconds:.1f} s in all, {what}: {rate:.0f} a second")
    each = {name: 1000 * used / max(1, run.delivered) for name, used in run.usage.cpu_s.items()}
    together = each["ours"] + each["PostgreSQL"]
    parts = ", ".join(f"{name} {cpu_ms:.2f}" for name, cpu_ms in each.items())
    print(f"CPU-ms a delivery: {parts}; ours and PostgreSQL's {together:.2f}")
    print(f"cores that other processes took meanwhile: {run.usage.others_s / run.seconds:.1f}")
    sizes = sorted(run.usage.memory_mb.values(), reverse=True)[:5]
    print(f"most memory of one process: {run.usage.most_mb} MB; the largest: {sizes}")
    before = cpu_of([sandbox.pid])
    bare = bare_loop(sandbox, companies)
    sandbox_ms = 1000 * (cpu_of([sandbox.pid]) - before) / companies
    print(
        f"bare loop of requests threads: {bare:.0f} a second (sandbox {sandbox_ms:.2f} CPU-ms each); "
        f"ratio {rate / bare:.2f}"
    )
    ratio("throughput to the bare loop's", rate / bare)
    figure("in all", run.seconds, "s")
    for name, cpu_ms in each.items():
        figure(f"CPU a delivery, {name}", cpu_ms, "ms")
    figure("most memory of a process", run.usage.most_mb, "MB")


def postgres_processes(environment: Mapping[str, str]) -> Iterator[int]:
    """The embedded server's first process; those of its connections that have ended count with it."""
    pid_file = Path(environment["IMPACT_IN_HOME"]) / "postgres" / "postmaster.pid"
    yield int(pid_file.read_text().splitlines()[0])


def _servers(sandbox: Sandbox, environment: Mapping[str, str]) -> dict[str, list[int]]:
    return {"PostgreSQL": list(postgres_processes(environment)), "sandbox": [sandbox.pid]}


def _due_at_a_full_minute(engine: Engine) -> datetime:
    """Everybody falls due on every platform at a full minute, which is returned a second before."""
    now = datetime.now(UTC)
    fire = (now + timedelta(seconds=75)).replace(second=0, microsecond=0)
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO scheduled_deliveries (company_id, platform, schedule, next_run, "
                "fired_until, covered_until) SELECT c.id, p, :cron, :fire, :before, :covered "
                "FROM companies c, unnest(CAST(:platforms AS text[])) AS p"
            ),
            {
                "cron": f"{fire.minute} {fire.hour} * * *",
                "fire": fire,
                "before": now,
                "covered": fire.date() - timedelta(days=2),
                "platforms": [p.value for p in Platform],
            },
        )
    _settle_in(engine)
    time.sleep(max(0.0, (fire - datetime.now(UTC)).total_seconds() - 1))
    return fire


def _all_shown(engine: Engine, companies: int) -> datetime | None:
    """When the last has arrived; None: not all have, or Dagster doesn't show all of them yet."""
    with engine.connect() as connection:
        row = connection.execute(
            text(
                "SELECT count(*) AS shown, max(delivered_at) AS last FROM impact_deliveries "
                "WHERE recorded_at IS NOT NULL"
            )
        ).one()
    found: datetime | None = row.last if row.shown >= companies * len(Platform) else None
    return found


def _statuses(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT status, count(*) AS deliveries FROM impact_deliveries GROUP BY status")
        )
        return {row.status: row.deliveries for row in rows}


def _settle_in(engine: Engine) -> None:
    """What autovacuum would have done by the time a world of this size is due."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


if __name__ == "__main__":
    main()
