"""Drains one after the other, for chaos that kills them: `python drain_loop.py SEED`. No gate, and a clock
that is right, or two hours ahead or behind.

Settings come from the environment. What fails as a whole, such as a database that is away, is tried again a
moment later, as the next tick would.
"""

import random
import sys
import time
from datetime import timedelta

from factories import let_all_pass
from sqlalchemy.exc import DBAPIError

from impact_in_pipelines.clock import utc_now
from impact_in_pipelines.connectors.payloads import MappedPayloads
from impact_in_pipelines.errors import DatabaseUnavailable
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.settings import read_settings


def main(seed: str) -> None:
    """Drain the platforms in a random order until the process is killed."""
    rng = random.Random(seed)
    off = timedelta(hours=rng.choice([-2, 0, 2]))
    settings = read_settings()
    while True:
        try:
            runtime = Runtime(settings, rng=rng, machine_clock=lambda: utc_now() + off)
            runtime.payloads = MappedPayloads(runtime.impact, let_all_pass)
            for platform in rng.sample(list(Platform), len(Platform)):
                runtime.drain(platform).run()
            runtime.close()
        except (DatabaseUnavailable, DBAPIError) as error:
            print(str(error).splitlines()[0], flush=True)
        time.sleep(0.2)


if __name__ == "__main__":
    main(*sys.argv[1:])
