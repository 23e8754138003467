"""`impact-in recover`: what must happen at boot, before the code server and the daemon start."""

import os

from impact_in_pipelines.cli.context import AsJson
from impact_in_pipelines.cli.output import console, print_json
from impact_in_pipelines.cli.progress import stepwise
from impact_in_pipelines.cli.session import session
from impact_in_pipelines.dagster_instance.environment import dagster_environment
from impact_in_pipelines.plurals import count


def recover(as_json: AsJson = False) -> None:
    """Mark Dagster runs that a crash left unfinished as failed, and free their pool slots.

    Safe at any time and on any machine: a run whose process lives, here or elsewhere, is left alone, and
    listed with its host.
    """
    with session() as runtime:
        os.environ.update(dagster_environment(runtime.settings))
        from impact_in_pipelines.dagster_instance.runs.recovery import (  # 0.8 s
            GONE_AFTER,
            fail_orphans,
        )

        with stepwise("Looking at unfinished runs", quiet=as_json) as tell:
            done = fail_orphans(runtime.processes.seen(GONE_AFTER), tell)
    if as_json:
        left = [{"run_id": run_id, "host": host} for run_id, host in done.left.items()]
        print_json({"failed_runs": done.ended, "living_runs": left})
        return
    if done.ended:
        console.print(
            f"{count(len(done.ended), 'unfinished run is', 'unfinished runs are')} reported failed: "
            f"{', '.join(done.ended)}"
        )
    for run_id, host in done.left.items():
        console.print(f"Left alone: {run_id}, at work on {host} or started there a moment ago.")
    if not done.ended and not done.left:
        console.print("No run was left unfinished.")
