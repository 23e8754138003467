"""The SLA over a log of 1,000 deliveries for each of 1,000 companies or more.

`python -m benchmarks.sla --companies 10000 --keep DIR` makes a log of ten million in DIR (20 GB) and measures
it again from there the next time.
"""

import argparse
import itertools
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from datetime import timedelta

from sqlalchemy import text

from benchmarks._log import KILOBYTE, NOW, SMALL, is_prepared, prepare
from benchmarks._results import figure
from benchmarks.scheduling import median_ms
from impact_in_pipelines.db.accounts.companies import CompanyStore
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
    chosen = _chosen(arguments)
    with (
        nullcontext(chosen.keep)
        if chosen.keep
        else tempfile.TemporaryDirectory(prefix="ii-") as home
    ):
        settings = read_settings({"IMPACT_IN_HOME": home})
        database = open_database(settings)
        upgrade(database.engine)
        if not is_prepared(database.engine):
            started = time.perf_counter()
            payload = SMALL if chosen.small else KILOBYTE
            database = prepare(database, companies=chosen.companies, payload=payload)
            print(f"generating the log: {time.perf_counter() - started:.0f} s", flush=True)
        if not chosen.only_generate:
            measure(database, settings)
        database.close()


def _chosen(arguments: Sequence[str]) -> argparse.Namespace:
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
    store = SlaStatuses(database.engine, settings)
    companies = CompanyStore(database.engine).listed()
    some = itertools.cycle(companies)
    one = median_ms(lambda: store.get_sla_status(next(some), now=NOW), 200)
    print(f"status of one company, current week: {one:.1f} ms (median of 200; limit 15)")
    figure("status of one company, current week", one, "ms")
    week = last_complete(ReportPeriod.WEEKLY, NOW)
    past = median_ms(lambda: store.assess(week, NOW, company_id=next(some).id), 50)
    print(f"status of one company, a past week: {past:.1f} ms (median of 50; limit 15)")
    outcomes = SlaOutcomes(database.engine, settings)
    seconds("outcomes packed, as far as they aren't", lambda: outcomes.refresh(NOW))
    changed = settle_again(database)
    for turn in ("the first", "a second"):
        what = f"status of all, rolling 7 days, {changed:,} changed since packed, {turn} time"
        seconds(f"{what} (limit 8 s)", lambda: store.current(NOW))
    watched(SlaWatch(database.engine, settings))
    seconds("what has changed packed", lambda: outcomes.refresh(NOW))
    seconds("error budgets of all, 28 days", lambda: store.error_budgets(NOW))
    rollup, since = SlaRollup(database.engine, settings), NOW.date() - timedelta(days=60)
    seconds("sla_daily, days that are stale of 60", lambda: rollup.refresh(since, NOW))
    stale = median_ms(lambda: rollup.stale_days(since, NOW), 5)
    print(f"which days are stale: {stale:.0f} ms (median of 5)")
    seconds("sla_daily, one day", lambda: rollup.roll_up([week.start.date()], NOW))
    reports = SlaReports(database.engine, settings)
    seconds(
        "weekly report for all and each (limit 60 s)",
        lambda: reports.make_all(ReportPeriod.WEEKLY, week, now=NOW),
    )
    one_report = median_ms(lambda: reports.make(next(some), ReportPeriod.WEEKLY, week, now=NOW), 20)
    print(f"weekly report of one company: {one_report:.0f} ms (median of 20)")


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


def watched(watch: SlaWatch) -> None:
    """What the sensor `sla_breaches` asks each minute: everybody, and then who may have changed."""
    found: list[Breach] = []
    seconds(
        "breaches of everybody, the first look (limit 5 s)",
        lambda: found.extend(watch.breaches(NOW)),
    )
    told = {(one.company_id, one.platform, one.type) for one in found}
    # Ten minutes later what fell due at noon is settled, and lies outside of the margin.
    later = NOW + timedelta(minutes=10)
    seconds(
        "breaches of everybody, all told already (limit 5 s)", lambda: watch.breaches(later, told)
    )
    minutes = iter(range(1, 9))
    usual = median_ms(lambda: watch.breaches(later + timedelta(minutes=next(minutes)), told), 8)
    print(f"breaches a minute later: {usual:.0f} ms (median of 8; limit 50)")


def seconds(what: str, run: Callable[[], object]) -> None:
    """Print how long `run` takes."""
    started = time.perf_counter()
    run()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    took = time.perf_counter() - started
    print(f"{what}: {took:.2f} s (peak memory {peak:.0f} MB)", flush=True)
    figure(what, took, "s")


if __name__ == "__main__":
    main(sys.argv[1:])
