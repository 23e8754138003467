"""The runtime as a Dagster resource: thin, opens nothing on construction."""

import gc
import os
from functools import cache

from dagster import ConfigurableResource, InitResourceContext
from pydantic import Field

from impact_in_pipelines.dagster_instance.runs.recovery import EXECUTES, tag_with_process
from impact_in_pipelines.db.engine import translated_errors
from impact_in_pipelines.logs.context import begin
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.settings import read_settings


class RuntimeResource(ConfigurableResource):  # type: ignore[type-arg]
    """The database, the platforms and the settings, as every asset, schedule and sensor uses them.

    `environment` overrides variables of the process's environment, for this run alone. The database is opened
    on first use and kept for the life of the process.
    """

    environment: dict[str, str] = Field(default_factory=dict)

    def get(self) -> Runtime:
        """The runtime for this configuration, which has just checked in: whatever asks for it is at work.

        Raises `InvalidSetting` or `DatabaseUnavailable`.
        """
        runtime = _runtime(tuple(sorted(self.environment.items())))
        with translated_errors(runtime.database.url):
            runtime.check_in()
        return runtime

    def setup_for_execution(self, context: InitResourceContext) -> None:
        """Say on the run in which process it is executed: whoever finds it unfinished looks there."""
        if context.run is not None:
            begin(run=context.run.run_id, job=context.run.job_name)
        if context.instance is not None and context.run is not None:
            tag_with_process(context.instance, context.run)


@cache
def _runtime(overrides: tuple[tuple[str, str], ...]) -> Runtime:
    # Everything is imported by now and stays: the garbage collector needn't look through it during a drain.
    gc.freeze()
    return Runtime(read_settings({**os.environ, **dict(overrides)}), role=EXECUTES)
