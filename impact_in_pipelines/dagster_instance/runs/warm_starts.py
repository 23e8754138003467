"""Runs start as a copy of a process that has imported everything already.

Dagster's code server starts a new Python for each run: three seconds of imports, most of what a drain costs,
before it does anything. A fork server imports them once and forks for each run, in a moment.
"""

import multiprocessing
import multiprocessing.forkserver
import sys
from typing import Any

_PRELOADED = (
    "dagster._grpc.impl",
    "dagster._cli",
    "dagster_postgres",
    "impact_in_pipelines.definitions",
    "impact_in_pipelines.impact.gate",
    # What only a drain imports, at the moment at which it is to send: half of what it then took.
    "impact_in_pipelines.connectors.registry",
    "impact_in_pipelines.connectors.http.transport",
    "impact_in_pipelines.connectors.identity.oauth",
    "impact_in_pipelines.connectors.payloads",
    # What Dagster imports when a run opens its instance and captures its logs.
    "dagster._core.storage.local_compute_log_manager",
    "upath.implementations.local",
)


def start_runs_warm() -> None:
    """In a code server, let runs be forked; elsewhere nothing happens.

    Dagster asks for processes by the start method `spawn`, so in this process that one forks.
    """
    if "grpc" not in sys.argv or multiprocessing.parent_process() is not None:
        return
    warm = multiprocessing.get_context("forkserver")
    warm.set_forkserver_preload(list(_PRELOADED))
    cold: Any = multiprocessing.get_context("spawn")
    cold.Process = warm.Process
    # Now, not with the first run: it would wait for the imports.
    multiprocessing.forkserver.ensure_running()
