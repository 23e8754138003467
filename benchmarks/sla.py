"""The SLA over a log of 1,000,000 deliveries of 1,000 companies: one company, all of them, weekly reports."""

import resource
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, text

from benchmarks.scheduling import median_ms
from impact_in_pipelines.db.accounts.companies import CompanyStore
from impact_in_pipelines.db.engine import Database, open_database
from impact_in_pipelines.db.migrate import upgrade
from impact_in_pipelines.db.sla.reports import SlaReports
from impact_in_pipelines.db.sla.rollup import SlaRollup
from impact_in_pipelines.db.sla.statuses import SlaStatuses
from impact_in_pipelines.db.sla.watch import SlaWatch
from impact_in_pipelines.settings import Settings, read_settings
from impact_in_pipelines.sla.model import Breach
from impact_in_pipelines.sla.windows import ReportPeriod, last_complete

COMPANIES = 1_000
FIRES = 334
"""Of each of 3,000 schedules, one every two hours: 27.8 days, 1,002,000 deliveries."""

KILOBYTE = "jsonb_build_object('organizationId', company_id, 'note', repeat(md5(id::text), 25))"
"""A payload of about that size."""

NOW = datetime(2026, 3, 10, 12, 0, 30, tzinfo=UTC)


def main() -> None:
    """Generate the log, then print what each question costs."""
    with tempfile.TemporaryDirectory(prefix="ii-") as home:
        settings = read_settings({"IMPACT_IN_HOME": home})
        database = open_database(settings)
        upgrade(database.engine)
        seconds("generating the log", lambda: prepare(database.engine))
        measure(database, settings)
        database.close()


def measure(database: Database, settings: Settings) -> None:
    """Ask everything that has a limit."""
    store = SlaStatuses(database.engine, settings)
    companies = CompanyStore(database.engine).listed()
    some = iter([*companies, *companies])
    one = median_ms(lambda: store.get_sla_status(next(some), now=NOW), 200)
    print(f"status of one company, current week: {one:.1f} ms (median of 200; limit 50)")
    week = last_complete(ReportPeriod.WEEKLY, NOW)
    past = median_ms(lambda: store.assess(week, NOW, company_id=companies[7].id), 50)
    print(f"status of one company, a past week: {past:.1f} ms (median of 50; limit 50)")
    seconds("status of all, rolling 7 days (limit 5 s)", lambda: store.current(NOW))
    watched(SlaWatch(database.engine, settings))
    seconds("error budgets of all, 28 days", lambda: store.error_budgets(NOW))
    rollup, since = SlaRollup(database.engine, settings), NOW.date() - timedelta(days=60)
    seconds("sla_daily, all 60 days from nothing", lambda: rollup.refresh(since, NOW))
    stale = median_ms(lambda: rollup.stale_days(since, NOW), 5)
    print(f"which days are stale: {stale:.0f} ms (median of 5)")
    seconds("sla_daily, one day", lambda: rollup.roll_up([week.start.date()], NOW))
    reports = SlaReports(database.engine, settings)
    seconds(
        "weekly report for all and each of 1,000 companies (limit 30 s)",
        lambda: reports.make_all(ReportPeriod.WEEKLY, week, now=NOW),
    )
    one_report = median_ms(lambda: reports.make(next(some), ReportPeriod.WEEKLY, week, now=NOW), 20)
    print(f"weekly report of one company: {one_report:.0f} ms (median of 20)")


def watched(watch: SlaWatch) -> None:
    """What the sensor `sla_breaches` asks each minute: everybody, and then who may have changed."""
    found: list[Breach] = []
    seconds("breaches of everybody, the first look", lambda: found.extend(watch.breaches(NOW)))
    told = {(one.company_id, one.platform, one.type) for one in found}
    # Ten minutes later what fell due at noon is settled, and lies outside of the margin.
    later = NOW + timedelta(minutes=10)
    seconds("breaches of everybody, all told already", lambda: watch.breaches(later, told))
    minutes = iter(range(1, 9))
    usual = median_ms(lambda: watch.breaches(later + timedelta(minutes=next(minutes)), told), 8)
    print(f"breaches a minute later: {usual:.0f} ms (median of 8)")


def seconds(what: str, run: Callable[[], object]) -> None:
    """Print how long `run` takes."""
    started = time.perf_counter()
    run()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{what}: {time.perf_counter() - started:.2f} s (peak memory {peak:.0f} MB)", flush=True)


def prepare(engine: Engine, *, payload: str = KILOBYTE) -> None:
    """Companies, a schedule of each on each platform, and their deliveries with payloads and attempts.
    `payload` is SQL that makes one from a delivery's `id`, `company_id` and `at`.

    Of 100 deliveries one fails, eight are retried once; one company in 50 fails ten times as often.
    """
    with engine.begin() as connection:
        for statement in _STATEMENTS:
            connection.execute(
                text(statement.replace("{payload}", payload)),
                {"companies": COMPANIES, "fires": FIRES, "now": NOW},
            )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


_STATEMENTS = (
    "SELECT setseed(0.5)",
    """INSERT INTO companies (slug, name)
       SELECT 'company-' || n, 'Company ' || n FROM generate_series(1, :companies) n""",
    """INSERT INTO scheduled_deliveries
           (company_id, platform, schedule, next_run, fired_until, covered_until, updated_at)
       SELECT c.id, p, '0 */2 * * *', CAST(:now AS timestamptz) + interval '2 hours', :now, :now,
              CAST(:now AS timestamptz) - interval '1 day'
       FROM companies c, unnest(ARRAY['benevity', 'goodera', 'workday']) p""",
    """CREATE TEMPORARY TABLE fire ON COMMIT DROP AS
       SELECT gen_random_uuid() AS id, s.id AS schedule_id, s.company_id, s.platform,
              date_trunc('hour', CAST(:now AS timestamptz)) - n * interval '2 hours' AS at,
              random() AS luck, random() AS speed,
              CASE WHEN substr(c.slug, 9)::int % 50 = 0 THEN 0.1 ELSE 0.01 END AS trouble
       FROM scheduled_deliveries s JOIN companies c ON c.id = s.company_id,
            generate_series(0, :fires - 1) n""",
    """INSERT INTO impact_deliveries
           (id, company_id, platform, schedule_id, trigger, status, period_start, period_end, scheduled_for,
            payload, payload_hash, payload_bytes, idempotency_key, attempt_count, recorded_at, created_at,
            failed_at, delivered_at, updated_at, error_kind, last_error)
       SELECT id, company_id, platform, schedule_id, 'schedule',
              CASE WHEN luck < trouble THEN 'failed' ELSE 'success' END, CAST(at AS date), CAST(at AS date),
              at, {payload},
              rpad(md5(id::text), 64, '0'), 850 + CAST(speed * 300 AS int), id,
              CASE WHEN luck < trouble THEN 4 WHEN luck < trouble + 0.08 THEN 2 ELSE 1 END, at, at,
              CASE WHEN luck < trouble THEN at + interval '38 minutes' END,
              CASE WHEN luck >= trouble THEN
                   at + CASE WHEN luck < trouble + 0.08 THEN interval '6 minutes' ELSE interval '0' END
                      + speed * interval '40 seconds' END,
              at, CASE WHEN luck < trouble THEN 'server_error' END,
              CASE WHEN luck < trouble THEN 'the platform answered 503' END
       FROM fire ORDER BY fire.at""",
    """INSERT INTO delivery_attempts (delivery_id, number, started_at, finished_at, outcome, latency_ms)
       SELECT f.id, n, at + (n - 1) * interval '6 minutes' + speed * interval '39 seconds',
              at + (n - 1) * interval '6 minutes' + speed * interval '40 seconds',
              CASE WHEN luck < trouble OR (n = 1 AND luck < trouble + 0.08) THEN 'retryable'
                   ELSE 'delivered' END, 300
       FROM fire f, generate_series(1, 4) n
       WHERE n = 1 OR luck < trouble OR (n = 2 AND luck < trouble + 0.08) ORDER BY at""",
)


if __name__ == "__main__":
    main()
