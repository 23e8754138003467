"""`impact-in retention`: what is over is archived and leaves the database."""

import os
from dataclasses import asdict
from typing import Annotated

import typer

from impact_in_pipelines.cli.context import AsJson
from impact_in_pipelines.cli.output import console, print_json
from impact_in_pipelines.cli.people import actor
from impact_in_pipelines.cli.progress import stepwise
from impact_in_pipelines.cli.session import session
from impact_in_pipelines.dagster_instance.environment import dagster_environment
from impact_in_pipelines.db.retention.dagster_runs import HistoryPurged
from impact_in_pipelines.plurals import count
from impact_in_pipelines.services.operating.retention import MonthLeft, Retained, retain


def retention(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be removed, and change nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Archive and remove what is older than the RETENTION_ settings say, as the nightly job does.

    Deliveries and their attempts are removed by months. Each month is written to a Parquet file first, and
    the file is read back. What a report, the calendar or the window of duplicates still needs is never
    removed. Dagster's runs are removed too. If the command is broken off, run it again.
    """
    with session() as runtime:
        os.environ.update(dagster_environment(runtime.settings))
        from impact_in_pipelines.dagster_instance.history import purge_old_runs  # Dagster: 0.8 s

        with stepwise("Archiving months", quiet=as_json) as tell:
            done = retain(runtime, actor=actor(), dry_run=dry_run, tell=tell)
        with stepwise("Removing Dagster's old runs", quiet=as_json) as tell:
            history = purge_old_runs(runtime.settings, runtime.clock(), dry_run=dry_run, tell=tell)
        folder = runtime.settings.archive_folder
    if as_json:
        print_json({**asdict(done), "archive": folder, "dagster": asdict(history)})
        return
    for line in in_words(done, history):
        console.print(line)


def in_words(done: Retained, history: HistoryPurged) -> list[str]:
    """What one pass has done, or would, a line for each thing."""
    verb = "would leave" if done.dry_run else "archived and removed"
    lines = [f"Month {month} is ready." for month in done.months_made]
    lines += [f"Deliveries of {one.month}: {_rows(one)} {verb}." for one in done.deliveries]
    lines += [f"Deliveries of {one.month} stay: {_WHY[one.why]}." for one in done.deliveries_kept]
    lines += [f"Audit log of {one.month}: {_rows(one)} {verb}." for one in done.audit]
    if done.figures:
        lines.append(
            f"Figures: {count(done.figures, 'company-day')} {'would go' if done.dry_run else 'removed'}."
        )
    if history.runs or history.trimmed:
        removed = "would be removed" if done.dry_run else "removed"
        lines.append(
            f"Dagster: {count(history.runs, 'run')} {removed}, {history.trimmed} more cut down to what they "
            f"show ({count(history.events, 'event')})."
        )
    if history.backfills:
        verb = "would be removed" if done.dry_run else "removed"
        lines.append(f"Dagster: {count(history.backfills, 'backfill')} {verb}.")
    return lines or [
        f"Nothing is older than it may be; deliveries stay from {done.kept_from:%Y-%m} on."
    ]


_WHY = {
    "needed": "one is open, not shown in Dagster yet, or changed lately",
    "changed": "one changed while the month was archived",
    "behind": "an older month stays",
    "no_archive": "IMPACT_IN_ARCHIVE names no folder to archive them in",
}


def _rows(one: MonthLeft) -> str:
    return ", ".join(f"{count(rows, 'row')} of {table}" for table, rows in one.rows.items())
