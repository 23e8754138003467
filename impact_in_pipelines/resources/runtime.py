"""The runtime as a Dagster resource: thin, opens nothing on construction."""

import os
from functools import cache

from dagster import ConfigurableResource
from pydantic import Field

from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.settings import read_settings


class RuntimeResource(ConfigurableResource):  # type: ignore[type-arg]
    """The database, the platforms and the settings, as every asset, schedule and sensor uses them.

    `environment` overrides variables of the process's environment, for this run alone. The database is opened
    on first use and kept for the life of the process.
    """

    environment: dict[str, str] = Field(default_factory=dict)

    def get(self) -> Runtime:
        """The runtime for this configuration. Raises `InvalidSetting` or `DatabaseUnavailable`."""
        return _runtime(tuple(sorted(self.environment.items())))


@cache
def _runtime(overrides: tuple[tuple[str, str], ...]) -> Runtime:
    return Runtime(read_settings({**os.environ, **dict(overrides)}))
