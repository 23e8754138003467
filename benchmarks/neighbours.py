"""Twelve accounts that hang beside thirty healthy ones: how late the healthy ones are, with and without.

`--how daemon` (the default): all are due on one platform every minute, drains are started by the daemon's
ticks, and lateness counts from the due time. The minutes without come first, then the accounts begin to hang.
`--how command`: all are due at once and sent by one `impact-in deliver`, alternately with and without;
lateness counts from the drain's first planned row, and the seconds before it (start-up of Python and
Dagster, which no neighbour can change) are printed apart. The hung ones take the request and never answer
(read time-out: 30 s).
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, text

from benchmarks._fleet import Fleet, due_every_minute, fleet, new_event_each
from benchmarks.deliver import stage
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sandbox.faults import FaultKind
from impact_in_pipelines.sandbox.server import Sandbox

AIM = 1.2


@dataclass(frozen=True)
class Arrival:
    """One healthy delivery in seconds: from due to its row, from there to its request, and to the answer."""

    planned: float
    waited: float
    answered: float

    @property
    def late(self) -> float:
        return self.planned + self.waited + self.answered


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
    print(f"ratio of p95: {p(95, beside) / p(95, alone):.2f} (aim: {AIM})")


def show(name: str, arrivals: Sequence[Arrival]) -> None:
    """One line: lateness and its parts."""
    late = sorted(one.late for one in arrivals)
    parts = " + ".join(
        f"{sorted(getattr(one, part) for one in arrivals)[int(len(arrivals) * 0.95)]:.2f}"
        for part in ("planned", "waited", "answered")
    )
    print(
        f"{name}: {len(late)} arrived, p50 {late[len(late) // 2]:.2f} s, p95 {p(95, arrivals):.2f} s, most "
        f"{late[-1]:.2f} s (p95 until planned + until sent + until answered: {parts})",
        flush=True,
    )


def p(percent: int, arrivals: Sequence[Arrival]) -> float:
    """This percentile of lateness in seconds."""
    return sorted(one.late for one in arrivals)[int(len(arrivals) * percent / 100)]


def by_daemon(options: argparse.Namespace) -> tuple[list[Arrival], list[Arrival]]:
    """Without, then with the accounts that hang; the first minute of each is not counted."""
    everybody = [f"company-{n}" for n in range(1, options.hung + options.healthy + 1)]
    healthy = everybody[options.hung :]
    with fleet(len(everybody)) as running:
        first = due_every_minute(running, [Platform.BENEVITY], everybody)
        begins, ends = first.timestamp() + 60, first.timestamp() + 60 * (1 + options.minutes)
        minutes(running, everybody, until=ends - 25)
        hang(running.sandbox, options.hung)
        # The first minute with them is one of those that count: nobody knows of them yet.
        minutes(running, everybody, until=ends + 60 * options.minutes - 25)
        time.sleep(25)
        return (
            arrivals(running.engine, healthy, begins, ends),
            arrivals(running.engine, healthy, ends, ends + 60 * options.minutes),
        )


def minutes(running: Fleet, slugs: Sequence[str], *, until: float) -> None:
    """Give everybody something new to send in each minute until this moment."""
    while time.time() < until:
        new_event_each(running, slugs)
        time.sleep(max(0.1, min(60 - (time.time() + 25) % 60, until - time.time())))


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
        found = arrivals(engine, healthy, 0, time.time())
        if len(found) < len(healthy):
            sys.exit(f"only {len(found)} arrived: {done.stderr or done.stdout}")
        with engine.connect() as connection:
            planned = connection.scalar(
                text("SELECT extract(epoch FROM min(created_at))::float8 FROM impact_deliveries")
            )
        # The rows of one run are planned together: they were due at midnight.
        return planned - started, [Arrival(0.0, one.waited, one.answered) for one in found]


def hang(sandbox: Sandbox, accounts: int) -> None:
    """From now on the first so many companies' accounts never answer."""
    for n in range(1, accounts + 1):
        sandbox.client.add_fault(
            Platform.BENEVITY.value, FaultKind.TIMEOUT_BEFORE, organization=f"company-{n}"
        )


def arrivals(engine: Engine, slugs: Sequence[str], since: float, until: float) -> list[Arrival]:
    """What arrived of these companies' deliveries that were due from `since` until before `until`. Exits if
    something that was due has not: lateness without it would say nothing."""
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT extract(epoch FROM d.created_at - d.scheduled_for)::float8 AS planned, "
                "extract(epoch FROM a.started_at - d.created_at)::float8 AS waited, "
                "extract(epoch FROM a.finished_at - a.started_at)::float8 AS answered, d.status "
                "FROM impact_deliveries d JOIN companies c ON c.id = d.company_id "
                "LEFT JOIN delivery_attempts a ON a.delivery_id = d.id AND a.outcome = 'delivered' "
                "WHERE c.slug = ANY(CAST(:slugs AS text[])) AND d.platform = 'benevity' "
                "AND d.scheduled_for >= to_timestamp(:since) AND d.scheduled_for < to_timestamp(:until)"
            ),
            {"slugs": list(slugs), "since": since, "until": until},
        ).all()
    missing = [row.status for row in rows if row.answered is None]
    if missing:
        print(f"{len(missing)} of {len(rows)} have not arrived: {sorted(set(missing))}")
    return [
        Arrival(row.planned, row.waited, row.answered) for row in rows if row.answered is not None
    ]


if __name__ == "__main__":
    main()
