"""Twelve accounts that hang beside thirty healthy ones: how late the healthy ones are, with and without.

All are due on one platform at once and sent by one `impact-in deliver`, which takes platforms in turn. The
hung ones take the request and never answer (read time-out: 30 s).
"""

import subprocess
import sys
import time

from sqlalchemy import Engine, text

from benchmarks.deliver import stage
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sandbox.faults import FaultKind

HUNG, HEALTHY = 12, 30


def main() -> None:
    """Print p50 and p95 of the healthy ones' seconds from the command's start to their arrival."""
    alone, beside = measured(hung=False), measured(hung=True)
    for name, (half, most) in (("alone", alone), ("beside twelve that hang", beside)):
        print(f"{name}: p50 {half:.1f} s, p95 {most:.1f} s after the start of the command")
    print(f"ratio of p95: {beside[1] / alone[1]:.2f} (aim: 1.2)")


def measured(*, hung: bool) -> tuple[float, float]:
    """p50 and p95 (seconds) of the healthy companies' deliveries."""
    with stage(HUNG + HEALTHY) as (sandbox, environment, engine):
        if hung:
            for n in range(1, HUNG + 1):
                sandbox.client.add_fault(
                    Platform.BENEVITY.value, FaultKind.TIMEOUT_BEFORE, organization=f"company-{n}"
                )
        started = time.time()
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "impact_in_pipelines.cli.main",
                "deliver",
                "--platform",
                "benevity",
                "--json",
            ],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        late = sorted(_arrivals(engine, started))
        if len(late) < HEALTHY:
            sys.exit(f"only {len(late)} arrived: {done.stderr or done.stdout}")
        return late[len(late) // 2], late[int(len(late) * 0.95)]


def _arrivals(engine: Engine, started: float) -> list[float]:
    with engine.connect() as connection:
        found = connection.scalars(
            text(
                "SELECT extract(epoch FROM d.delivered_at)::float8 FROM impact_deliveries d "
                "JOIN companies c ON c.id = d.company_id "
                "WHERE d.status = 'success' AND split_part(c.slug, '-', 2)::int > :hung"
            ),
            {"hung": HUNG},
        ).all()
    return [at - started for at in found]


if __name__ == "__main__":
    main()
