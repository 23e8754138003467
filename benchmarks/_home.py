"""One home's drain for `python -m benchmarks homes`: says `ready` once everything is imported, and begins
when a line comes in, so that start-ups of several don't overlap with what is measured."""

import sys
from uuid import uuid4

from impact_in_pipelines.cli.deliveries import warm  # noqa: F401 - what every drain imports
from impact_in_pipelines.cli.deliveries.drains import run_drain
from impact_in_pipelines.dagster_instance.runs.running import open_instance
from impact_in_pipelines.dagster_instance.runs.stopping import Stop
from impact_in_pipelines.logs.setting_up import log_to_stderr
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.settings import get_settings


def main() -> None:
    """Drain Benevity as `impact-in deliver --platform benevity` does."""
    log_to_stderr("warning")
    runtime = Runtime(get_settings())
    open_instance()
    runtime.selections  # noqa: B018 - opens the database
    print("ready", flush=True)
    sys.stdin.readline()
    result = run_drain(runtime, Platform.BENEVITY, {}, run_id=str(uuid4()), quiet=True, stop=Stop())
    runtime.close()
    if result["error"]:
        sys.exit(result["error"])


if __name__ == "__main__":
    main()
