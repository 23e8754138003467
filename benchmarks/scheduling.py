"""Ticks over 10,000 schedules: reading when nothing is due, planning when 1,000 are."""

import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, text

from benchmarks._results import figure
from impact_in_pipelines.db.deliveries.queueing.due import due_state
from impact_in_pipelines.db.deliveries.queueing.planning import plan_due
from impact_in_pipelines.db.engine import open_database
from impact_in_pipelines.db.migrate import upgrade
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.settings import read_settings

SCHEDULES = 10_000
DUE = 1_000
HISTORY = 200_000
NOW = datetime(2026, 3, 10, 12, 0, 30, tzinfo=UTC)
_CRONS = ("0 0 * * *", "30 6 * * 1-5", "0 */6 * * *", "15 9 1 * *", "0 0 * * 0")
_ZONES = ("UTC", "Europe/Oslo", "America/New_York", "Asia/Kolkata", "Pacific/Auckland")


def main() -> None:
    """Print the median of 200 reading ticks, and how long planning 1,000 and then the rest takes."""
    with tempfile.TemporaryDirectory(prefix="ii-") as home:
        database = open_database(read_settings({"IMPACT_IN_HOME": home}))
        upgrade(database.engine)
        prepare(database.engine)
        for platform in Platform:
            idle = median_ms(lambda p=platform: due_state(database.engine, p, NOW), 200)  # type: ignore[misc]
            figure(f"{platform.value}: a tick that finds nothing due", idle, "ms")
            print(
                f"{platform.value}: a tick that finds nothing due reads in {idle:.2f} ms (median)"
            )
        make_due(database.engine)
        started = time.perf_counter()
        written = plan_due(database.engine, Platform.BENEVITY, NOW, limit=DUE)
        print(
            f"{DUE} due of {SCHEDULES}: {written} planned in {time.perf_counter() - started:.2f} s"
        )
        database.close()


def median_ms(what: Callable[[], object], times: int) -> float:
    """The median duration of `what` in milliseconds."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        what()
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)


def prepare(engine: Engine) -> None:
    """`SCHEDULES` schedules over all platforms, none due, and a log of `HISTORY` final deliveries."""
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO companies (slug, name) "
                "SELECT 'company-' || n, 'Company ' || n FROM generate_series(1, :n) AS n"
            ),
            {"n": SCHEDULES},
        )
        connection.execute(
            text(
                "INSERT INTO scheduled_deliveries (company_id, platform, schedule, timezone, next_run, "
                "fired_until, covered_until) "
                "SELECT id, (ARRAY['benevity', 'goodera', 'workday'])[1 + n % 3], "
                "(CAST(:crons AS text[]))[1 + n % 5], (CAST(:zones AS text[]))[1 + n % 5], "
                ":soon, :before, :covered "
                "FROM (SELECT id, row_number() OVER (ORDER BY slug) AS n FROM companies) AS c"
            ),
            {
                "crons": list(_CRONS),
                "zones": list(_ZONES),
                "soon": NOW + timedelta(hours=1),
                "before": NOW - timedelta(minutes=1),
                "covered": NOW.date() - timedelta(days=1),
            },
        )
        connection.execute(
            text(
                "INSERT INTO impact_deliveries (company_id, platform, schedule_id, trigger, status, "
                "period_start, period_end, scheduled_for, idempotency_key, recorded_at, delivered_at) "
                "SELECT s.company_id, s.platform, s.id, 'schedule', 'success', :day, :day, "
                "CAST(:now AS timestamptz) - k * interval '1 day', gen_random_uuid(), :now, :now "
                "FROM scheduled_deliveries s, generate_series(1, :days) AS k"
            ),
            {"day": NOW.date(), "now": NOW, "days": HISTORY // SCHEDULES},
        )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def make_due(engine: Engine) -> None:
    """`DUE` schedules of one platform have just come due, by crons of their own."""
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE scheduled_deliveries SET next_run = :now, fired_until = :before, "
                "schedule = '0 * * * *' WHERE id IN (SELECT id FROM scheduled_deliveries "
                "WHERE platform = 'benevity' ORDER BY id LIMIT :due)"
            ),
            {"now": NOW, "before": NOW - timedelta(minutes=30), "due": DUE},
        )


if __name__ == "__main__":
    main()
