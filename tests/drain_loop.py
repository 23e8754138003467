"""Drains one after the other, for chaos that kills them: `python drain_loop.py SEED [RUN_ID PLATFORM]`.

Settings come from the environment. `CHAOS_CLOCK_AHEAD_S`: how far this machine's clock is ahead of the true
time. With RUN_ID only what that run selected is sent, and the process ends. What fails as a whole, such as a
database that is away, is tried again a moment later, as the next tick would.
"""

import logging
import os
import random
import sys
import time
from datetime import UTC, datetime, timedelta

from factories import let_all_pass
from sqlalchemy.exc import DBAPIError

from impact_in_pipelines.connectors.payloads import MappedPayloads
from impact_in_pipelines.delivery.model import Selection
from impact_in_pipelines.errors import DatabaseUnavailable
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.settings import read_settings

_AHEAD = timedelta(seconds=float(os.environ.get("CHAOS_CLOCK_AHEAD_S", "0")))


def machine_clock() -> datetime:
    """What this machine takes the time to be."""
    return datetime.now(UTC) + _AHEAD


def main(seed: str, run_id: str = "", platform: str = "") -> None:
    """Drain the platforms in a random order until the process is killed, or a run's selection to its end."""
    logging.basicConfig(level=logging.WARNING)
    rng = random.Random(seed)
    settings = read_settings()
    while True:
        runtime = Runtime(settings, rng=rng, machine_clock=machine_clock, role="drain")
        try:
            runtime.payloads = MappedPayloads(runtime.impact, let_all_pass)
            if run_id:
                if _send_selection(runtime, Platform(platform), run_id):
                    return
            else:
                for one in rng.sample(list(Platform), len(Platform)):
                    runtime.drain(one).run()
        except (DatabaseUnavailable, DBAPIError) as error:
            print(str(error).splitlines()[0], flush=True)
        finally:
            runtime.close()
        time.sleep(0.2)


def _send_selection(runtime: Runtime, platform: Platform, run_id: str) -> bool:
    """Whether the run has nothing more to send."""
    runtime.drain(platform, dagster_run_id=run_id).run(Selection(run_id=run_id))
    still_open, _ = runtime.selections.open_of_run(platform, run_id)
    return not still_open


if __name__ == "__main__":
    main(*sys.argv[1:])
