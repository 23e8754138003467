"""The SLA over a log of 1,000 deliveries for each of 1,000 companies or more.

`python -m benchmarks.sla --companies 10000 --keep DIR` makes a log of ten million in DIR (20 GB) and measures
it again from there the next time.
"""

import argparse
import itertools
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from datetime import timedelta

from sqlalchemy import text

from benchmarks._log import KILOBYTE, NOW, SMALL, is_prepared, prepare
from benchmarks._results import figure
from benchmarks._usage import busy_s, cpu_of
from impact_in_pipelines.db.accounts.companies import CompanyStore
from impact_in_pipelines.db.embedded.cluster import cluster_folder
from impact_in_pipelines.db.engine import Database, open_database
from impact_in_pipelines.db.migrate import upgrade
from impact_in_pipelines.db.sla.outcomes import SlaOutcomes
from impact_in_pipelines.db.sla.reports import SlaReports
from impact_in_pipelines.db.sla.rollup import SlaRollup
from impact_in_pipelines.db.sla.statuses import SlaStatuses
from impact_in_pipelines.db.sla.watch import SlaWatch
from impact_in_pipelines.settings import Settings, read_settings
from impact_in_pipelines.sla.model import Breach
from impact_in_pipelines.sla.windows import ReportPeriod, last_complete


def main(arguments: Sequence[str] = ()) -> None:
    """Generate the log, then print what each question costs."""
    asked = chosen(arguments)
    with (
        nullcontext(asked.keep) if asked.keep else tempfile.TemporaryDirectory(prefix="ii-") as home
    ):
        settings = read_settings({"IMPACT_IN_HOME": home})
        database = open_database(settings)
        upgrade(database.engine)
        if not is_prepared(database.engine):
            started = time.perf_counter()
            payload = SMALL if asked.small else KILOBYTE
            database = prepare(database, companies=asked.companies, payload=payload)
            print(f"generating the log: {time.perf_counter() - started:.0f} s", flush=True)
        if not asked.only_generate:
            measure(database, settings)
        database.close()


def chosen(arguments: Sequence[str]) -> argparse.Namespace:
    """The options, which other benchmarks on the same log have too."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sla", description=__doc__)
    parser.add_argument("--companies", type=int, default=1_000)
    parser.add_argument(
        "--keep", metavar="DIR", help="keep the log here, and use the one that is here"
    )
    parser.add_argument(
        "--small", action="store_true", help="payloads of 60 bytes instead of a kilobyte"
    )
    parser.add_argument("--only-generate", action="store_true")
    return parser.parse_args(arguments)


def measure(database: Database, settings: Settings) -> None:
    """Ask everything that has a limit (those for 10,000 companies)."""
    server = server_pid(settings)
    store = SlaStatuses(database.engine, settings)
    companies = CompanyStore(database.engine).listed()
    some = itertools.cycle(companies)
    often(
        "status of one company, current week (limit 15 ms)",
        200,
        lambda: store.get_sla_status(next(some), now=NOW),
        server,
    )
    week = last_complete(ReportPeriod.WEEKLY, NOW)
    often(
        "status of one company, a past week (limit 15 ms)",
        100,
        lambda: store.assess(week, NOW, company_id=next(some).id),
        server,
    )
    outcomes = SlaOutcomes(database.engine, settings)
    seconds("outcomes packed, as far as they aren't", lambda: outcomes.refresh(NOW), server)
    changed = settle_again(database)
    for turn in ("the first", "a second"):
        what = f"status of all, rolling 7 days, {changed:,} changed since packed, {turn} time"
        seconds(f"{what} (limit 8 s)", lambda: store.current(NOW), server)
    watched(SlaWatch(database.engine, settings), server)
    seconds("what has changed packed", lambda: outcomes.refresh(NOW), server)
    seconds("error budgets of all, 28 days", lambda: store.error_budgets(NOW), server)
    rollup, since = SlaRollup(database.engine, settings), NOW.date() - timedelta(days=60)
    seconds("sla_daily, days that are stale of 60", lambda: rollup.refresh(since, NOW), server)
    often("which days are stale", 5, lambda: rollup.stale_days(since, NOW), server)
    seconds("sla_daily, one day", lambda: rollup.roll_up([week.start.date()], NOW), server)
    reports = SlaReports(database.engine, settings)
    seconds(
        "weekly report for all and each (limit 60 s)",
        lambda: reports.make_all(ReportPeriod.WEEKLY, week, now=NOW),
        server,
    )
    often(
        "weekly report of one company",
        20,
        lambda: reports.make(next(some), ReportPeriod.WEEKLY, week, now=NOW),
        server,
    )


def server_pid(settings: Settings) -> int:
    """The process of the embedded PostgreSQL."""
    pid_file = cluster_folder(settings) / "postmaster.pid"
    return int(pid_file.read_text("utf-8").split("\n", 1)[0])


def settle_again(database: Database) -> int:
    """Write each delivery of one platform's last fire once more, as a drain that settles it does; returns how
    many."""
    statement = (
        "UPDATE impact_deliveries SET updated_at = updated_at WHERE platform = 'benevity' "
        "AND scheduled_for >= CAST(:now AS timestamptz) - interval '1 hour' AND scheduled_for < :now"
    )
    with database.engine.begin() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        return connection.execute(text(statement), {"now": NOW}).rowcount


def watched(watch: SlaWatch, server: int) -> None:
    """What the sensor `sla_breaches` asks each minute: everybody, and then who may have changed."""
    found: list[Breach] = []
    seconds(
        "breaches of everybody, the first look (limit 5 s)",
        lambda: found.extend(watch.breaches(NOW)),
        server,
    )
    told = {(one.company_id, one.platform, one.type) for one in found}
    # Ten minutes later what fell due at noon is settled, and lies outside of the margin.
    later = NOW + timedelta(minutes=10)
    seconds(
        "breaches of everybody, all told already (limit 5 s)",
        lambda: watch.breaches(later, told),
        server,
    )
    minutes = iter(range(1, 9))
    often(
        "breaches a minute later (limit 50 ms)",
        8,
        lambda: watch.breaches(later + timedelta(minutes=next(minutes)), told),
        server,
    )


def seconds(what: str, run: Callable[[], object], server: int) -> None:
    """Print how long `run` takes, and the CPU of it: what tells on a machine that has other work to do."""
    started, others = time.perf_counter(), busy_s()
    ours, theirs = time.process_time(), cpu_of([server])
    run()
    took = time.perf_counter() - started
    ours, theirs = time.process_time() - ours, cpu_of([server]) - theirs
    others = (busy_s() - others - ours - theirs) / took
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{what}: {took:.2f} s (CPU {ours:.2f} s ours + {theirs:.2f} s PostgreSQL; {others:.1f} cores "
        f"for others; peak memory {peak:.0f} MB)",
        flush=True,
    )
    figure(what, took, "s")
    figure(f"{what}, CPU", ours + theirs, "s")


def often(what: str, times: int, run: Callable[[], object], server: int) -> None:
    """Print the median duration of `run` and the CPU of each."""
    taken = []
    ours, theirs = time.process_time(), cpu_of([server])
    for _ in range(times):
        started = time.perf_counter()
        run()
        taken.append((time.perf_counter() - started) * 1000)
    ours, theirs = time.process_time() - ours, cpu_of([server]) - theirs
    median = statistics.median(taken)
    print(
        f"{what}: {median:.1f} ms, the median of {times} (CPU {1000 * ours / times:.1f} ms ours + "
        f"{1000 * theirs / times:.1f} ms PostgreSQL; least {min(taken):.1f} ms)",
        flush=True,
    )
    figure(what, median, "ms")
    figure(f"{what}, CPU", 1000 * (ours + theirs) / times, "ms")


if __name__ == "__main__":
    main(sys.argv[1:])
