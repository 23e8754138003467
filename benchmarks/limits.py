"""Four drains in homes of their own, one account, 100 requests a minute: what the platform counts.

The sandbox enforces the limit. `LIMITS_SECONDS` (150) of real time; a drain that ends is started anew.
"""

import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from benchmarks._results import ratio
from benchmarks.deliver import stage

SECONDS = int(os.environ.get("LIMITS_SECONDS", "150"))
PER_MINUTE, DRAINS, DAYS = 100, 4, 600
_DRAIN = """
import time
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.settings import read_settings
runtime = Runtime(read_settings())
while True:
    runtime.drain(Platform.BENEVITY).run()
    time.sleep(0.2)
"""


def main() -> None:
    """Print the most requests in any 60 s, the share of the limit that was used, and refusals."""
    with stage(1) as (sandbox, environment, engine), tempfile.TemporaryDirectory() as homes:
        sandbox.client.configure(rate_limits_enabled=True, latency_ms=50)
        with engine.begin() as connection:
            connection.execute(text("UPDATE scheduled_deliveries SET active = false"))
            connection.execute(
                text(
                    "INSERT INTO impact_events (company_id, event_id, occurred_at, activity, "
                    "participant_ref, hours) SELECT c.id, 'd' || n, CAST(:last AS date) - n "
                    "+ time '12:00', 'session', 'p' || n, n FROM companies c, generate_series(0, :days) n"
                ),
                {"last": datetime.now(UTC).date() - timedelta(days=1), "days": DAYS},
            )
            connection.execute(
                text(
                    "INSERT INTO impact_deliveries (id, company_id, platform, trigger, status, "
                    "period_start, period_end, scheduled_for, idempotency_key, next_attempt_at) "
                    "SELECT k, c.id, 'benevity', 'schedule', 'pending', d, d, now(), k, now() "
                    "FROM companies c, generate_series(1, :days) n, "
                    "LATERAL (SELECT gen_random_uuid() AS k, CAST(:last AS date) - n AS d) made"
                ),
                {"last": datetime.now(UTC).date() - timedelta(days=1), "days": DAYS},
            )
        url = engine.url.render_as_string(hide_password=False)
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", _DRAIN],
                env=environment
                | {
                    "DATABASE_URL": url,
                    "IMPACT_IN_HOME": f"{homes}/{n}",
                    "IMPACT_IN_SECRET_KEY": "bWFkZS1mb3ItYS1iZW5jaG1hcmstb25seS0tLS0tLS0=",
                },
            )
            for n in range(DRAINS)
        ]
        time.sleep(SECONDS)
        for process in processes:
            process.terminate()
            process.wait()
        with engine.connect() as connection:
            arrived = sorted(
                connection.scalars(
                    text(
                        "SELECT extract(epoch FROM finished_at)::float8 FROM delivery_attempts "
                        "WHERE finished_at IS NOT NULL"
                    )
                )
            )
        stats = sandbox.client.stats()["benevity"]
    most = max((sum(at <= b < at + 60 for b in arrived) for at in arrived), default=0)
    span = arrived[-1] - arrived[0] if len(arrived) > 1 else 1.0
    allowed = PER_MINUTE * (1 + span // 60)
    print(f"received {stats['received']}, refused {stats['rejected']}, in {span:.0f} s")
    print(f"most within 60 s, by the ends in our log: {most} of {PER_MINUTE}")
    print(f"used of what was allowed: {len(arrived) / allowed:.2f}")
    ratio("used of what was allowed", len(arrived) / allowed)


if __name__ == "__main__":
    main()
