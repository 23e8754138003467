"""Twelve accounts that hang beside thirty healthy ones: how late the healthy ones are, with and without.

`--how daemon` (the default): all are due on one platform every minute, drains are started by the daemon's
ticks, and lateness counts from the due time. The minutes without come first, then the accounts begin to hang.
`--how command`: all are due at once and sent by one `impact-in deliver`, alternately with and without;
lateness counts from the drain's first request, and the seconds before it (start-up of Python, Dagster and
what judges figures, which no neighbour can change) are printed apart. The hung ones take the request and
never answer (read time-out: 30 s).
"""

import argparse
import subprocess
import sys
import time

from sqlalchemy import text

from benchmarks._fleet import due_every_minute, fleet
from benchmarks._lateness import Arrival, arrivals, keep_something_new, ratio, show
from benchmarks.deliver import stage
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sandbox.faults import FaultKind
from impact_in_pipelines.sandbox.server import Sandbox

AIM = 1.2


def main() -> None:
    """Print p50 and p95 of the healthy ones' lateness with and without, where it went, and the ratio."""
    parser = argparse.ArgumentParser(prog="benchmarks neighbours", description=__doc__)
    parser.add_argument("--how", choices=("daemon", "command"), default="daemon")
    parser.add_argument("--minutes", type=int, default=5, help="daemon: minutes without, and with")
    parser.add_argument("--rounds", type=int, default=3, help="command: runs without, and with")
    parser.add_argument("--hung", type=int, default=12)
    parser.add_argument("--healthy", type=int, default=30)
    options = parser.parse_args()
    measure = by_daemon if options.how == "daemon" else by_command
    alone, beside = measure(options)
    show("alone", alone)
    show(f"beside {options.hung} that hang", beside)
    ratio(beside, alone, AIM)


def by_daemon(options: argparse.Namespace) -> tuple[list[Arrival], list[Arrival]]:
    """Without, then with the accounts that hang; the first minute of each is not counted."""
    everybody = [f"company-{n}" for n in range(1, options.hung + options.healthy + 1)]
    healthy = everybody[options.hung :]
    with fleet(len(everybody)) as running:
        first = due_every_minute(running, [Platform.BENEVITY], everybody)
        begins, ends = first.timestamp() + 60, first.timestamp() + 60 * (1 + options.minutes)
        keep_something_new(running, everybody, until=ends)
        hang(running.sandbox, options.hung)
        # The first minute with them is one of those that count: nobody knows of them yet.
        keep_something_new(running, everybody, until=ends + 60 * options.minutes)
        time.sleep(25)
        return (
            arrivals(running.engine, Platform.BENEVITY, healthy, begins, ends),
            arrivals(running.engine, Platform.BENEVITY, healthy, ends, ends + 60 * options.minutes),
        )


def by_command(options: argparse.Namespace) -> tuple[list[Arrival], list[Arrival]]:
    """Alternately, after one run that fills the caches."""
    found: dict[bool, list[Arrival]] = {False: [], True: []}
    one_command(options, hung=False)
    for _ in range(options.rounds):
        for hung in (False, True):
            start_up, measured = one_command(options, hung=hung)
            found[hung] += measured
            print(f"start-up {start_up:.2f} s, {'beside them' if hung else 'alone'}", flush=True)
    return found[False], found[True]


def one_command(options: argparse.Namespace, *, hung: bool) -> tuple[float, list[Arrival]]:
    """Seconds of start-up, and the arrivals from then on."""
    everybody = [f"company-{n}" for n in range(1, options.hung + options.healthy + 1)]
    with stage(len(everybody)) as (sandbox, environment, engine):
        if hung:
            hang(sandbox, options.hung)
        command = [sys.executable, "-m", "impact_in_pipelines.cli.main", "deliver", "--json"]
        started = time.time()
        done = subprocess.run(
            [*command, "--platform", "benevity"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        healthy = everybody[options.hung :]
        found = arrivals(engine, Platform.BENEVITY, healthy, 0, time.time())
        if len(found) < len(healthy):
            sys.exit(f"only {len(found)} arrived: {done.stderr or done.stdout}")
        with engine.connect() as connection:
            first = connection.execute(
                text(
                    "SELECT extract(epoch FROM min(a.started_at) - min(d.created_at))::float8, "
                    "extract(epoch FROM min(a.started_at))::float8 AS at "
                    "FROM delivery_attempts a JOIN impact_deliveries d ON d.id = a.delivery_id"
                )
            ).one()
        # The rows of one run are planned together.
        return first.at - started, [
            Arrival(0.0, one.waited - first[0], one.answered) for one in found
        ]


def hang(sandbox: Sandbox, accounts: int) -> None:
    """From now on the first so many companies' accounts never answer."""
    for n in range(1, accounts + 1):
        sandbox.client.add_fault(
            Platform.BENEVITY.value, FaultKind.TIMEOUT_BEFORE, organization=f"company-{n}"
        )


if __name__ == "__main__":
    main()
