"""One delivery a second on each platform: what it costs, and how soon it leaves.

A real daemon and code server, first with `DRAIN_LINGER_SECONDS=0`, where each minute's tick starts a drain
for what has fallen due in it, then as it is by default, where a drain stays for what is due soon. CPU is that
of Dagster's processes and the runs, PostgreSQL and the sandbox left out. Cold: from the minute's tick to the
first attempt of the drain that it started. Warm: from due to sent, for what fell due while a drain was there.
"""

import argparse
import os
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from benchmarks._fleet import Fleet, fleet
from impact_in_pipelines.platforms import Platform

COMPANIES = 60
SETTLED_S = 10.0
"""What a drain sends so soon after its first attempt had waited for its start."""

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Print CPU-ms a delivery, and p95 of cold and warm starts, for each setting."""
    parser = argparse.ArgumentParser(prog="benchmarks trickle", description=__doc__)
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--linger", type=int, nargs="+", default=[0, 20], help="seconds, in turn")
    options = parser.parse_args()
    for linger in options.linger:
        measure(linger, options.minutes)


def measure(linger: int, minutes: int) -> None:
    """One fleet with this setting."""
    with fleet(COMPANIES, DRAIN_LINGER_SECONDS=str(linger)) as running:
        begin = (time.time() // 60 + 1) * 60 + 1
        prepare(running, begin, minutes * 60)
        time.sleep(max(0.0, begin - time.time() - 1))
        before = cpu_s(running)
        time.sleep(minutes * 60 + 65)  # what falls due last waits for the next tick
        used = {name: spent - before[name] for name, spent in cpu_s(running).items()}
        rows = running.execute(
            "SELECT d.dagster_run_id AS run, d.platform, extract(epoch FROM d.scheduled_for)::float8 AS due, "
            "extract(epoch FROM a.started_at)::float8 AS sent FROM impact_deliveries d "
            "JOIN delivery_attempts a ON a.delivery_id = d.id AND a.outcome = 'delivered' "
            "ORDER BY a.started_at"
        )
    runs: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for row in rows:
        runs[row["run"]].append((row["due"], row["sent"]))
    cold = [sent[0][1] % 60 for sent in runs.values()]
    warm = [
        sent - due for one in runs.values() for due, sent in one if due >= one[0][1] + SETTLED_S
    ]
    count = len(rows)
    print(
        f"DRAIN_LINGER_SECONDS={linger}: {count} of {minutes * 60 * len(Platform)} sent by {len(runs)} "
        f"drains in {minutes} min (and one to let the last leave)"
    )
    print(
        "  CPU-ms a delivery: "
        + ", ".join(f"{name} {1000 * spent / max(1, count):.0f}" for name, spent in used.items())
    )
    print(f"  cold, tick to first attempt: {spread(cold)} (limit of p95: 4 s)")
    print(f"  warm, due to sent: {spread(warm)} (limit of p95: 1 s)")
    print(
        f"  all, due to sent: {spread(s - d for one in runs.values() for d, s in one)}", flush=True
    )


def spread(seconds: Iterable[float]) -> str:
    """p50, p95 and the most of these."""
    known = sorted(seconds)
    if not known:
        return "none"
    at = [known[len(known) // 2], known[int(len(known) * 0.95)], known[-1]]
    return "p50 {:.2f} s, p95 {:.2f} s, most {:.2f} s".format(*at) + f" of {len(known)}"


def prepare(running: Fleet, begin: float, seconds: int) -> None:
    """One row a second and platform, each of another company or day than those of the day before it."""
    running.execute(
        "INSERT INTO impact_events (company_id, event_id, occurred_at, activity, participant_ref, hours) "
        "SELECT c.id, 'd' || n, CAST(now() AS date) - n + time '12:00', 'session', 'p' || n, 1.5 "
        "FROM companies c, generate_series(1, 30) n"
    )
    running.execute(
        "INSERT INTO impact_deliveries (id, company_id, platform, trigger, status, period_start, period_end, "
        "scheduled_for, idempotency_key, next_attempt_at) "
        "SELECT k, c.id, p, 'schedule', 'pending', d, d, due, k, due "
        "FROM (SELECT gen_random_uuid() AS k, n, p, CAST(now() AS date) - 1 - n / :companies AS d, "
        "to_timestamp(:begin + n) AS due "
        "FROM generate_series(0, :last) n, unnest(CAST(:platforms AS text[])) p) made "
        "JOIN companies c ON c.slug = 'company-' || (1 + n % :companies)",
        last=seconds - 1,
        platforms=[platform.value for platform in Platform],
        companies=COMPANIES,
        begin=begin,
    )


def cpu_s(running: Fleet) -> dict[str, float]:
    """CPU seconds of the daemon, and of the code server with its runs, ended ones included."""
    code_server, daemon, *_ = running.dagster.pids
    found = {"daemon": daemon, "code server and runs": code_server}
    return {name: session_cpu_s(pid) for name, pid in found.items()}


def session_cpu_s(leader: int) -> float:
    """Of all processes of a session, and of their children that have ended."""
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(") ")[2].split()
        except OSError:
            continue  # it has just ended
        if int(fields[3]) == leader:
            total += sum(map(int, fields[11:15]))
    return total / _TICKS_A_SECOND


if __name__ == "__main__":
    main()
