"""Finding delivered days that have changed since: a million events, ten days of 10,000 companies delivered.

`python -m benchmarks.late --companies 10000`
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Engine, text

from benchmarks._results import figure
from impact_in_pipelines.connectors.registry import reported
from impact_in_pipelines.db.corrections.staleness import StalenessStore
from impact_in_pipelines.db.engine import open_database
from impact_in_pipelines.db.impact.store import ImpactStore
from impact_in_pipelines.db.migrate import upgrade
from impact_in_pipelines.impact.figures import PeriodRequest
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.settings import read_settings

NOW = datetime(2026, 3, 20, tzinfo=UTC)

_EVENTS = """
INSERT INTO impact_events (company_id, event_id, occurred_at, activity, participant_ref, volunteer_ref, hours,
                           outcome_category, outcome_score)
SELECT c.id, 'e' || d || '-' || n, timestamptz '2026-03-01 12:00Z' + d * interval '1 day', 'session',
       'p' || n, 'v' || n % 3, 1.5, 'language', n
FROM companies c, generate_series(0, 9) d, generate_series(1, 10) n
"""
_DELIVERIES = """
INSERT INTO impact_deliveries (id, company_id, platform, trigger, status, period_start, period_end,
    scheduled_for, idempotency_key, figures, figures_hash, delivered_at)
SELECT gen_random_uuid(), c.id, 'benevity', 'schedule', 'success', date '2026-03-01' + d,
       date '2026-03-01' + d,
       timestamptz '2026-03-02 00:00Z' + d * interval '1 day', gen_random_uuid(), '{}', repeat('0', 64),
       timestamptz '2026-03-02 00:00Z' + d * interval '1 day'
FROM companies c, generate_series(0, 9) d
"""
_KNOWN = "UPDATE impact_deliveries SET figures_hash = :hash, figures = CAST(:figures AS jsonb)"


def main() -> None:
    """Print what each step takes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.late", description=__doc__)
    parser.add_argument("--companies", type=int, default=10_000)
    companies = parser.parse_args().companies
    with tempfile.TemporaryDirectory(prefix="ii-") as home:
        database = open_database(read_settings({"IMPACT_IN_HOME": home}))
        upgrade(database.engine)
        _measure(database.engine, companies)
        database.close()


def _measure(engine: Engine, companies: int) -> None:
    impact = ImpactStore(engine)
    store = StalenessStore(engine, impact)

    def run(*statements: str, **values: Any) -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            for statement in statements:
                connection.execute(text(statement), values)

    run(
        "INSERT INTO companies (slug, name) SELECT 'c' || n, 'C' FROM generate_series(1, :n) n",
        n=companies,
    )
    run(_EVENTS)
    run(_DELIVERIES)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    # Every company does the same every day: what is reported of one is reported of all.
    with engine.connect() as connection:
        company = connection.execute(text("SELECT id FROM companies LIMIT 1")).scalar_one()
    request = PeriodRequest("one", company, "UTC", date(2026, 3, 5), date(2026, 3, 5))
    said = reported(Platform.BENEVITY, impact.figures([request], NOW)["one"])
    run(_KNOWN, hash=said.fingerprint, figures=json.dumps(said.figures))
    run("UPDATE impact_events SET hours = 9 WHERE event_id = 'e4-1'")
    _timed("refresh: a late change of each company", lambda: impact.refresh_company_impact(NOW))
    _timed("compare: a late change of each company", lambda: store.compare(NOW, reported))
    _timed("compare when nothing has changed", lambda: store.compare(NOW, reported))
    _timed("list them all", lambda: store.stale().total)
    _timed("the first 100, and how many", lambda: store.stale(limit=100).total)


def _timed(what: str, work: Callable[[], object]) -> None:
    started = time.perf_counter()
    found = work()
    seconds = time.perf_counter() - started
    figure(f"late: {what}", round(seconds, 2), "s")
    print(f"{what}: {seconds:.2f} s ({found})", flush=True)


if __name__ == "__main__":
    main()
