"""Exporting everything of one large company: a million rows to their end, time and most memory.

`python -m benchmarks company_export --rows 1000000`
"""

import argparse
import json
import resource
import tempfile
import time
import zipfile
from pathlib import Path

from sqlalchemy import Engine, text

from benchmarks._results import figure
from impact_in_pipelines.db.engine import open_database
from impact_in_pipelines.db.migrate import upgrade
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.services.accounts.lives import export
from impact_in_pipelines.settings import read_settings

_EVENTS = """
INSERT INTO impact_events (company_id, event_id, occurred_at, activity, participant_ref, volunteer_ref, hours,
                           outcome_category, outcome_score)
SELECT c.id, 'e' || n, timestamptz '2026-01-01 08:00Z' + n % 80 * interval '1 day', 'session',
       'participant-' || n % 20011, 'volunteer-' || n % 1009, 1.5, 'language', n % 11
FROM companies c, generate_series(1, :n) n WHERE c.slug = 'large'
"""


def main() -> None:
    """Print what the export takes."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks company_export", description=__doc__
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory(prefix="ii-") as home:
        settings = read_settings({"IMPACT_IN_HOME": home})
        database = open_database(settings)
        upgrade(database.engine)
        _filled(database.engine, rows)
        runtime = Runtime(settings, database=database)
        _measure(runtime, Path(home) / "large.zip", rows)
        runtime.close()


def _filled(engine: Engine, rows: int) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        connection.execute(text("INSERT INTO companies (slug, name) VALUES ('large', 'Large')"))
        connection.execute(text(_EVENTS), {"n": rows})


def _measure(runtime: Runtime, path: Path, rows: int) -> None:
    company = runtime.companies.find("large")
    before = _most_mb()
    began, cpu = time.perf_counter(), time.process_time()
    done = export(runtime, company, path, actor="benchmark")
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    with zipfile.ZipFile(path) as archive, archive.open("tables/impact_events.jsonl") as lines:
        written = sum(1 for _ in lines)
    assert written == done.rows["impact_events"] == rows, written
    found = {
        "rows": sum(done.rows.values()),
        "seconds": round(seconds, 1),
        "cpuSeconds": round(cpu, 1),
        "megabytes": round(done.bytes / 1e6, 1),
        "mostMemoryMb": round(_most_mb()),
        "mostMemoryBeforeMb": round(before),
    }
    print(json.dumps(found, indent=2))
    figure("exportCpuPerMillionRows", cpu / rows * 1e6, "s")


def _most_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


if __name__ == "__main__":
    main()
