"""The runtime for the length of one command: opened, closed, its database errors in one line."""

from collections.abc import Iterator
from contextlib import contextmanager

from impact_in_pipelines.cli.context import open_runtime
from impact_in_pipelines.db.engine import translated_errors
from impact_in_pipelines.runtime import Runtime


@contextmanager
def session() -> Iterator[Runtime]:
    """The runtime on the configured database.

    Raises `InvalidSetting`, or `DatabaseUnavailable` also when the server goes away half-way.
    """
    runtime = open_runtime()
    try:
        with translated_errors(runtime.database.url):
            yield runtime
    finally:
        runtime.close()
