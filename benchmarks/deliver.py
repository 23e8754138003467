"""300 companies × 3 platforms due at once, sent by `impact-in deliver`, counted by the sandbox.

Beside it, as the measure of this machine at this moment: the same number of the same bodies sent by a bare
loop of `requests` threads.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import requests
from sqlalchemy import Engine, text

from benchmarks import _log
from benchmarks._results import figure, ratio
from impact_in_pipelines.cli.demo.world import sandbox_environment
from impact_in_pipelines.db.engine import open_database
from impact_in_pipelines.db.migrate import upgrade
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sandbox.server import Sandbox, running_sandbox
from impact_in_pipelines.settings import read_settings

COMPANIES = 300
EVENTS_A_COMPANY = 40
LATENCY_MS = 50


@contextmanager
def stage(companies: int, logged: int = 0) -> Iterator[tuple[Sandbox, dict[str, str], Engine]]:
    """A sandbox that answers after `LATENCY_MS`, the environment of processes that deliver to it, and the
    engine on its database, where `companies` are due on every platform. The log has 1,002 deliveries of the
    last four weeks of each of `logged` other companies."""
    with tempfile.TemporaryDirectory(prefix="ii-") as home, running_sandbox() as sandbox:
        sandbox.client.configure(rate_limits_enabled=False, latency_ms=LATENCY_MS)
        environment = {
            **os.environ,
            **sandbox_environment(sandbox.url),
            "IMPACT_IN_HOME": home,
        }
        environment.pop("DATABASE_URL", None)
        database = open_database(read_settings(environment))
        upgrade(database.engine)
        if logged:
            now = datetime.now(UTC)
            database = _log.prepare(database, companies=logged, name="logged", now=now)
        prepare(database.engine, datetime.now(UTC), companies)
        yield sandbox, environment, database.engine
        database.close()


def main() -> None:
    """Print seconds, deliveries a second, CPU-ms a delivery, and the ratio to the bare loop."""
    with stage(COMPANIES) as (sandbox, environment, _):
        started, cpu = time.monotonic(), os.times()
        run = subprocess.run(
            [sys.executable, "-m", "impact_in_pipelines.cli.main", "deliver", "--json"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.monotonic() - started
        used = os.times()
        cpu_s = used.children_user + used.children_system - cpu.children_user - cpu.children_system
        if run.returncode:
            sys.exit(f"deliver failed: {run.stderr or run.stdout}")
        delivered = sum(p["success"] for p in json.loads(run.stdout)["platforms"])
        accepted, doubled = counted(sandbox)
        print(f"delivered {delivered}, accepted {accepted}, accepted twice {doubled}")
        print(f"{seconds:.1f} s in all, start-up of Python and Dagster included")
        print(f"{delivered / seconds:.0f} a second, {1000 * cpu_s / delivered:.1f} CPU-ms each")
        bare = bare_loop(sandbox)
        print(f"bare loop of requests threads: {bare:.0f} a second")
        ratio("throughput to the bare loop's", delivered / seconds / bare)
        figure("in all", seconds, "s")
        figure("CPU a delivery", 1000 * cpu_s / delivered, "ms")


def prepare(engine: Engine, now: datetime, companies: int) -> None:
    """Companies, a daily schedule each on every platform, due now, and events of yesterday."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO companies (slug, name) "
                "SELECT 'company-' || n, 'Company ' || n FROM generate_series(1, :n) AS n"
            ),
            {"n": companies},
        )
        connection.execute(
            text(
                "INSERT INTO scheduled_deliveries (company_id, platform, schedule, next_run, "
                "fired_until, covered_until) SELECT c.id, p, '0 0 * * *', :due, :before, :covered "
                "FROM companies c, unnest(CAST(:platforms AS text[])) AS p WHERE c.slug LIKE 'company-%'"
            ),
            {
                "due": midnight,
                "before": midnight - timedelta(seconds=1),
                "covered": midnight.date() - timedelta(days=2),
                "platforms": [p.value for p in Platform],
            },
        )
        connection.execute(
            text(
                "INSERT INTO impact_events (company_id, event_id, occurred_at, activity, "
                "participant_ref, volunteer_ref, hours, outcome_category, outcome_score) "
                "SELECT c.id, 'e' || n, CAST(:due AS timestamptz) - n * interval '20 min', 'session', "
                "'p' || n % 17, 'v' || n % 5, 1.5, 'language', n % 10 "
                "FROM companies c, generate_series(1, :n) AS n WHERE c.slug LIKE 'company-%'"
            ),
            {"due": midnight, "n": EVENTS_A_COMPANY},
        )


def counted(sandbox: Sandbox) -> tuple[int, int]:
    """How many records the sandbox accepted, and how many contents more than once."""
    answers = [sandbox.client.accepted(platform.value) for platform in Platform]
    accepted = sum(entry["timesAccepted"] for a in answers for entry in a["accepted"])
    return accepted, sum(len(a["doubled"]) for a in answers)


def bare_loop(sandbox: Sandbox, requests_to_make: int = COMPANIES * 3) -> float:
    """Requests a second of 50 `requests` threads posting a Benevity body as fast as they can."""
    body = sandbox.client.bodies("benevity")[-1]["body"]
    data = body if isinstance(body, str) else json.dumps(body)
    session = requests.Session()
    session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=50))

    def post(_: int) -> None:
        key = str(uuid4())
        session.post(
            f"{sandbox.benevity_url}/impact",
            data=data,
            headers={
                "Authorization": "Bearer sandbox-benevity-key",
                "X-API-Version": "1.0",
                "Idempotency-Key": key,
                "X-Request-ID": key,
                "Content-Type": "application/json",
            },
            timeout=30,
        ).raise_for_status()

    started = time.monotonic()
    with ThreadPoolExecutor(50) as pool:
        list(pool.map(post, range(requests_to_make)))
    return requests_to_make / (time.monotonic() - started)


if __name__ == "__main__":
    main()
