"""A drain in a process of its own, for tests that kill it: `python drain_process.py PLATFORM INSTANT`.

Settings come from the environment; the clock stands at INSTANT (ISO 8601 with offset).
"""

import sys
from datetime import datetime

from factories import let_all_pass

from impact_in_pipelines.connectors.payloads import MappedPayloads
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.settings import read_settings


def main(platform: str, instant: str) -> None:
    """Drain `platform` to its end."""
    now = datetime.fromisoformat(instant)
    runtime = Runtime(read_settings(), clock=lambda: now)
    runtime.payloads = MappedPayloads(runtime.impact, let_all_pass)
    runtime.drain(Platform(platform)).run()
    runtime.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
