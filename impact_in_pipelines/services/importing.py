"""Bringing raw activity in from a file of events."""

from datetime import datetime
from pathlib import Path

from impact_in_pipelines.db.impact.importing import ImportSummary, import_events
from impact_in_pipelines.progress import Tell, silent
from impact_in_pipelines.runtime import Runtime

__all__ = ["ImportSummary", "import_file"]


def import_file(
    runtime: Runtime,
    path: Path,
    *,
    actor: str,
    now: datetime | None = None,
    rejects_path: Path | None = None,
    tell: Tell = silent,
) -> ImportSummary:
    """Import the CSV file at `path`: all rows that hold, or, if this raises, none. The others go to
    `rejects_path` (default `<input>.rejects.csv` beside it). The audit log says that `actor` did it.

    `now` (aware) is when: the runtime's clock unless a made-up world has its own. `tell` is
    called with bytes of the file. Raises a refusal of `errors.impact`.
    """
    return import_events(
        runtime.database.engine,
        path,
        now=now or runtime.clock(),
        actor=actor,
        rejects_path=rejects_path,
        tell=tell,
    )
