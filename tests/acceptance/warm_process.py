"""A process that starts another one as Dagster's code server starts a run; its arguments are the server's.

Prints one line of JSON: what the started process found, its parent, and how two others ended.
"""

import json
import multiprocessing
import os
import signal
import sys
from typing import Any

EXPECTED = {
    "dagster",
    "impact_in_pipelines.connectors.http.transport",
    "impact_in_pipelines.connectors.registry",
    "impact_in_pipelines.definitions",
    "requests",
    "upath.core",
}
"""Some of what a drain uses, early and late."""


def found(queue: Any) -> None:
    """In the started process, before it imports anything."""
    imported = sorted(EXPECTED & sys.modules.keys())
    interrupts = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    queue.put({"imported": imported, "parent": os.getppid(), "hears_ctrl_c": interrupts})


def fall() -> None:
    """Die as a run does that is killed."""
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    from impact_in_pipelines.dagster_instance.runs.warm_starts import start_runs_warm

    start_runs_warm()
    spawn: Any = multiprocessing.get_context("spawn")
    queue = spawn.Queue()
    first = spawn.Process(target=found, args=[queue])
    first.start()
    told = queue.get(timeout=120)
    ends = []
    for process in (spawn.Process(target=sys.exit, args=[7]), spawn.Process(target=fall)):
        process.start()
        process.join()
        ends.append(process.exitcode)
    first.join()
    print(json.dumps({**told, "server": os.getpid(), "ends": [first.exitcode, *ends]}))


if __name__ == "__main__":
    main()
