"""The SLA over a log of 1,000 deliveries for each of 1,000 companies or more.

`python -m benchmarks sla --companies 10000 --keep DIR` makes a log of ten million in DIR (20 GB) and measures
it again from there the next time.
"""

import itertools
from datetime import timedelta

from sqlalchemy import text

from benchmarks import _claims
from benchmarks._costs import often, seconds
from benchmarks._kept import asked, opened, server_pid
from benchmarks._log import NOW
from impact_in_pipelines.db.accounts.companies import CompanyStore
from impact_in_pipelines.db.engine import Database
from impact_in_pipelines.db.sla.outcomes import SlaOutcomes
from impact_in_pipelines.db.sla.reports import SlaReports
from impact_in_pipelines.db.sla.rollup import SlaRollup
from impact_in_pipelines.db.sla.statuses import SlaStatuses
from impact_in_pipelines.db.sla.watch import SlaWatch
from impact_in_pipelines.sla.model import Breach
from impact_in_pipelines.sla.windows import ReportPeriod, last_complete


def main() -> None:
    """Generate the log, then print what each question costs."""
    wanted = asked("sla", __doc__)
    with opened(wanted) as database:
        if not wanted.only_generate:
            measure(database)


def measure(database: Database) -> None:
    """Ask everything that has a limit (those for 10,000 companies)."""
    settings = database.settings
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
    often(
        "status and error budget of one company, current week (limit 15 ms)",
        200,
        lambda: store.standing(next(some), now=NOW),
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
    _claims.claim(database, server)


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


if __name__ == "__main__":
    main()
