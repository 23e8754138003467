"""The daily search for anomalies over a whole fleet: half a year of rollups, CPU of ours and of PostgreSQL.

`python -m benchmarks.anomaly_search --companies 2000`
"""

import argparse
import resource
import tempfile
import time

from sqlalchemy import Engine, text

from benchmarks._results import figure
from impact_in_pipelines.anomalies.model import HISTORY_DAYS
from impact_in_pipelines.db.engine import open_database
from impact_in_pipelines.db.migrate import upgrade
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.services.anomalies.watching import watch_anomalies
from impact_in_pipelines.settings import read_settings

_COUNTS = (
    *("recovered", "missed", "overdue", "skipped", "pending", "cancelled"),
    *(
        "retried",
        "retried_successful",
        "retried_failed",
        "retry_1",
        "retry_2",
        "retry_3",
        "retry_later",
    ),
    *("attempts_n", "payload_bytes_n", "latency_ms_n", "lateness_ms_n"),
    *("attempts_sum", "payload_bytes_sum", "latency_ms_sum", "lateness_ms_sum"),
)
_EACH = """FROM companies c, unnest(ARRAY['benevity', 'goodera', 'workday']) p,
    generate_series(1, :days) n, LATERAL (SELECT current_date - n AS day) d"""
_STATEMENTS = (
    "INSERT INTO companies (slug, name, country) SELECT 'c' || n, 'C', 'NO' FROM generate_series(1, :n) n",
    f"""INSERT INTO sla_daily (day, company_id, platform, successful, failed, {", ".join(_COUNTS)},
            latency_ms_buckets)
        SELECT day, c.id, p, 20 + floor(random() * 8), floor(random() * 1.1),
               {", ".join("0" for _ in _COUNTS)}, '{{}}' {_EACH}""",
    f"""INSERT INTO calls_daily (day, company_id, platform, requests, deliveries_sent, repeats,
            failed_requests, lost, answered, answer_ms_sum, answer_bins, answer_counts)
        SELECT day, c.id, p, 20, 20, 0, 0, 0, 20, 4000 * (0.9 + random() / 5), '{{}}', '{{}}' {_EACH}""",
    """INSERT INTO company_impact (company_id, day, participants, volunteers, volunteer_hours, sessions,
            events, activities, outcomes, quality, computed_at)
        SELECT c.id, current_date - n, 1, 1, 90 + random() * 20, 1, 45 + random() * 10, '{}', '{}', '{}',
               now()
        FROM companies c, generate_series(1, :days) n""",
    """INSERT INTO sla_days (day, computed_at, mark, calls_at)
        VALUES (current_date - 1, now(), CAST(pg_current_snapshot() AS text), now())""",
)


def main() -> None:
    """Print what it takes."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.anomaly_search", description=__doc__
    )
    parser.add_argument("--companies", type=int, default=2_000)
    companies = parser.parse_args().companies
    with tempfile.TemporaryDirectory(prefix="ii-") as home:
        settings = read_settings({"IMPACT_IN_HOME": home})
        runtime = Runtime(settings, database=open_database(settings))
        try:
            upgrade(runtime.database.engine)
            with runtime.database.engine.begin() as connection:
                connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
                for statement in _STATEMENTS:
                    connection.execute(text(statement), {"n": companies, "days": HISTORY_DAYS})
            analyze(runtime.database.engine)
            _measure_search(runtime, companies)
        finally:
            runtime.database.close()


def analyze(engine: Engine) -> None:
    """What the server does by itself soon after."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))


def _measure_search(runtime: Runtime, companies: int) -> None:
    started, cpu = time.perf_counter(), time.process_time()
    looked = watch_anomalies(runtime)
    cpu = time.process_time() - cpu
    wall = time.perf_counter() - started
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figure("anomalies: CPU of a search, 1,000 companies", cpu / companies * 1000, "s")
    print(
        f"{companies} companies, {looked.series} series: {cpu:.1f} CPU-s, {wall:.1f} s, {memory:.0f} MB; "
        f"{len(looked.found)} found, {looked.changed}"
    )


if __name__ == "__main__":
    main()
