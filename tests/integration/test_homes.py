"""A fleet: processes in homes of their own on one database, as several machines have them."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

from factories import YESTERDAY, World, environment

from impact_in_pipelines.platforms import Platform

DUE = 130
PER_MINUTE = 100
_DRAIN = """
import sys
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.settings import read_settings
runtime = Runtime(read_settings())
drain = runtime.drain(Platform.BENEVITY)
print("ready", flush=True)
sys.stdin.readline()
summary = drain.run()
print(summary.delivered, summary.failed, runtime.settings.home)
"""


def test_three_homes_share_an_accounts_limit_and_nothing_arrives_twice(
    world: World, tmp_path: Path
) -> None:
    """They know of each other by the database alone: no folder, no memory and no clock is shared. All begin
    at once with more than the platform takes in a minute, and it refuses none of it."""
    world.sandbox.client.configure(rate_limits_enabled=True)
    (company,) = world.companies()
    days = [YESTERDAY - timedelta(days=n) for n in range(DUE)]
    world.events([company], days=days)
    world.deliveries(Platform.BENEVITY, company, days=days)
    shared = os.environ | environment(
        world.sandbox, DATABASE_URL=world.database.url.render_as_string(hide_password=False)
    )
    homes = [tmp_path / str(n) for n in range(3)]
    drains = [
        subprocess.Popen(
            [sys.executable, "-c", _DRAIN],
            env=shared | {"IMPACT_IN_HOME": str(home)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for home in homes
    ]
    try:
        for drain in drains:
            assert drain.stdout is not None
            assert drain.stdout.readline() == "ready\n"
        said = [drain.communicate("go\n", timeout=120) for drain in drains]
    finally:
        for drain in drains:
            drain.kill()
            drain.wait()
    assert [drain.returncode for drain in drains] == [0, 0, 0], said
    told = [out.split() for out, _ in said]
    assert [home for _, _, home in told] == [str(home) for home in homes]
    delivered = sum(int(count) for count, _, _ in told)
    assert [failed for _, failed, _ in told] == ["0", "0", "0"]
    stats = world.sandbox.client.stats()["benevity"]
    assert (stats["received"], stats["accepted"], stats["rejected"]) == (delivered, delivered, {})
    accepted = world.sandbox.client.accepted("benevity")
    assert accepted["doubled"] == []
    assert len(accepted["accepted"]) == delivered
    # More only where it took so long that the next minute had begun.
    assert delivered >= PER_MINUTE
    assert world.statuses() == {"success": delivered, "pending": DUE - delivered}
