"""Running a job of ours in this process, on the instance that DAGSTER_HOME names."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dagster import DagsterInstance, Definitions, ExecuteInProcessResult

from impact_in_pipelines.dagster_instance.queueing import HERE, SHARE_TAG
from impact_in_pipelines.dagster_instance.runs.recovery import OWNER_TAG, owner
from impact_in_pipelines.logs.context import about

# Dagster's own notices about its beta interfaces are nothing that a person at a terminal can act on.
warnings.filterwarnings("ignore", module="dagster")

_SILENT = {"console": {"config": {"log_level": "CRITICAL"}}}


@dataclass(frozen=True, slots=True)
class JobRun:
    """A run that has ended: its id, whether it succeeded, and otherwise why not, in one line. `is_verdict`:
    its own code ended it by a `Failure`; nothing broke."""

    run_id: str
    success: bool
    error: str | None
    is_verdict: bool = False


def open_instance() -> None:
    """Have the instance that DAGSTER_HOME names make its tables, if it hasn't yet."""
    with DagsterInstance.get():
        pass


def run_job(
    definitions: Definitions,
    name: str,
    *,
    ops: Mapping[str, Mapping[str, Any]] | None = None,
    tags: Mapping[str, str] | None = None,
    run_id: str | None = None,
) -> JobRun:
    """Execute the job `name` here and wait for it; `ops` is the configuration of each op, `run_id` a UUID
    that no run has yet (None: Dagster makes one).

    The run is marked with this process, so that a restart beside it does not take it for dead
    (`recovery`). It waits for no run slot: those are the daemon's.
    """
    # What the run binds for its lines ends with it: this process goes on.
    with DagsterInstance.get() as instance, about():
        result = definitions.resolve_job_def(name).execute_in_process(
            instance=instance,
            run_config={
                "ops": {op: {"config": dict(config)} for op, config in (ops or {}).items()},
                "loggers": _SILENT,
            },
            raise_on_error=False,
            run_id=run_id,
            tags={**(tags or {}), OWNER_TAG: owner(), SHARE_TAG: HERE},
        )
    if result.success:
        return JobRun(result.run_id, success=True, error=None)
    return _failed(result)


def _failed(result: ExecuteInProcessResult) -> JobRun:
    """With the last failure's message."""
    failures = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    if not failures:
        return JobRun(result.run_id, success=False, error="the run failed")
    said = failures[-1].user_failure_data
    if said is not None and said.description:
        why = str(said.description).strip().splitlines()[0]
        return JobRun(result.run_id, success=False, error=why, is_verdict=True)
    error = failures[-1].error
    # The outer errors are Dagster's: "Exceeded max_retries" says nothing of what went wrong.
    while error is not None and error.cause is not None:
        error = error.cause
    lines = error.message.strip().splitlines() if error is not None else []
    why = str(lines[0]) if lines else "the run failed"
    return JobRun(result.run_id, success=False, error=why)
