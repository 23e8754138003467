"""What the operators' overview and the choice of a company cost with 10,000 companies, many in trouble."""

import itertools
import tempfile
import time
from statistics import median

from sqlalchemy import text

from benchmarks._log import NOW, SMALL, prepare
from benchmarks._results import figure
from impact_in_pipelines.db.engine import Database, open_database
from impact_in_pipelines.db.migrate import upgrade
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.services.operating.overview import (
    company_health,
    overview,
    worst_companies,
)
from impact_in_pipelines.settings import read_settings

COMPANIES = 10_000
FIRES = 12
"""Of each schedule: 360,000 deliveries in all. The last one of 20,000 schedules is made late again."""

_TROUBLE = (
    """UPDATE impact_deliveries d
       SET status = 'retrying', delivered_at = NULL, next_attempt_at = d.scheduled_for
       FROM (SELECT DISTINCT ON (schedule_id) id FROM impact_deliveries
             WHERE schedule_id IN (SELECT id FROM scheduled_deliveries ORDER BY id LIMIT 20000)
               AND status = 'success' ORDER BY schedule_id, scheduled_for DESC) AS last
       WHERE d.id = last.id""",
    """INSERT INTO incidents (company_id, platform, type, severity, threshold, actual, opened_at)
       SELECT id, 'goodera', 'success_rate', CASE WHEN n % 3 = 0 THEN 'critical' ELSE 'warning' END, 98, 90,
           :now
       FROM (SELECT id, row_number() OVER (ORDER BY slug) AS n FROM companies) AS c WHERE n % 10 = 0""",
    """UPDATE scheduled_deliveries SET consecutive_failures = 4
       WHERE id IN (SELECT id FROM scheduled_deliveries ORDER BY id LIMIT 500)""",
    """INSERT INTO connection_closures
           (company_id, platform, kind, closed_until, since, reason, holds, updated_at)
       SELECT id, 'workday', 'person', '9999-01-01T00:00:00Z', :now, 'a move', true, :now
       FROM companies ORDER BY slug LIMIT 300""",
)


def main() -> None:
    """Make the log, then print what each page costs."""
    with tempfile.TemporaryDirectory(prefix="ii-") as home:
        settings = read_settings({"IMPACT_IN_HOME": home})
        database = open_database(settings)
        upgrade(database.engine)
        database = prepare(database, companies=COMPANIES, fires=FIRES, payload=SMALL)
        _trouble(database)
        runtime = Runtime(settings, database=database, clock=lambda: NOW)
        slugs = itertools.cycle(range(0, COMPANIES, 317))
        pages = {
            "the overview": lambda: overview(runtime),
            "the worst companies": lambda: worst_companies(runtime, None),
            "a page of companies": lambda: company_health(runtime, None, limit=51),
            "a search": lambda: company_health(runtime, None, limit=51, sought=str(next(slugs))),
        }
        for name, read in pages.items():
            took = _median_ms(read)
            figure(f"{name} of {COMPANIES} companies", took, "ms")
            print(f"{name} of {COMPANIES} companies: {took:.0f} ms", flush=True)
        found = overview(runtime)
        print(f"in trouble: {found.troubled}; open incidents: {found.open_incidents}")
        database.close()


def _trouble(database: Database) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        for statement in _TROUBLE:
            connection.execute(text(statement), {"now": NOW})
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("VACUUM ANALYZE"))


def _median_ms(read: object) -> float:
    assert callable(read)
    took = []
    for _ in range(9):
        started = time.perf_counter()
        read()
        took.append((time.perf_counter() - started) * 1000)
    return median(took)


if __name__ == "__main__":
    main()
