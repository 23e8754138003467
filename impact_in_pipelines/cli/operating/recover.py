"""`impact-in recover`: what must happen at boot, before the code server and the daemon start."""

import os

from impact_in_pipelines.cli.context import AsJson
from impact_in_pipelines.cli.output import console, print_json
from impact_in_pipelines.dagster_instance.environment import dagster_environment
from impact_in_pipelines.settings import get_settings


def recover(as_json: AsJson = False) -> None:
    """Report Dagster runs that a crash left unfinished as failed, and free their pool slots.

    Only right while no code server is running: a run that is still alive would be reported failed too.
    """
    os.environ.update(dagster_environment(get_settings()))
    from impact_in_pipelines.dagster_instance.recovery import fail_orphans  # Dagster takes 0.8 s

    ids = fail_orphans()
    if as_json:
        print_json({"failed_runs": ids})
    elif ids:
        console.print(f"{len(ids)} unfinished runs are reported failed: {', '.join(ids)}")
    else:
        console.print("No run was left unfinished.")
