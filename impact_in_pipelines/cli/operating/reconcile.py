"""`impact-in reconcile`: after the database was put back, what platforms had accepted meanwhile is marked."""

import os
from datetime import timedelta
from typing import Annotated

import typer

from impact_in_pipelines.cli.context import AsJson
from impact_in_pipelines.cli.output import console, print_json
from impact_in_pipelines.cli.people import actor, instant
from impact_in_pipelines.cli.progress import In, stepwise
from impact_in_pipelines.cli.session import session
from impact_in_pipelines.dagster_instance.environment import dagster_environment
from impact_in_pipelines.plurals import count
from impact_in_pipelines.services.deliveries.repairs.reconciling import Reconciled
from impact_in_pipelines.services.deliveries.repairs.reconciling import (
    reconcile as reconcile_deliveries,
)

_LOOKED_BACK = timedelta(days=7)


def reconcile(
    since: Annotated[
        str | None,
        typer.Option(
            metavar="INSTANT",
            help="From when on Dagster's events are read; a time before that of the dump. 7 days ago.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be marked, and mark nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """After a restore from a dump, mark deliveries that had arrived and that the database doesn't know.

    Run it with the scheduler stopped, before anything is sent again. The evidence is Dagster's own events,
    which hold each delivery's id, transaction and payload hash. Exit code 1 if some fit no delivery.
    """
    with session() as runtime:
        os.environ.update(dagster_environment(runtime.settings))
        from impact_in_pipelines.dagster_instance.arrivals import arrivals_since  # Dagster: 0.8 s

        start = instant("--since", since) if since else runtime.clock() - _LOOKED_BACK
        with stepwise("Reading what Dagster shows as delivered", In.SHARE, quiet=as_json) as tell:
            arrivals = arrivals_since(start, tell)
        with stepwise("Comparing it with the log", quiet=as_json) as tell:
            done = reconcile_deliveries(
                runtime, arrivals, actor=actor(), dry_run=dry_run, tell=tell
            )
    if as_json:
        print_json({"dry_run": dry_run, "since": start, "platforms": done})
    else:
        verbs = ("would be marked",) * 2 if dry_run else ("is marked", "are marked")
        for platform, one in done.items():
            console.print(f"{platform.value}: {_in_words(one, verbs)}")
    if any(one.unknown for one in done.values()):
        raise typer.Exit(1)


def _in_words(one: Reconciled, verbs: tuple[str, str]) -> str:
    if not one.marked and not one.restored:
        said = "the log has everything that Dagster shows as delivered"
    else:
        said = f"{count(len(one.marked) + len(one.restored), *verbs)} as arrived"
        if one.restored:
            said += f", {count(len(one.restored), 'of them was missing', 'of them were missing')}"
    if one.planned:
        planned = count(len(one.planned), "fire between them is", "fires between them are")
        said += f"; {planned} due now"
    if one.unknown:
        whose = count(len(one.unknown), "can't be placed (its", "can't be placed (their")
        named = ", ".join(str(id_) for id_ in one.unknown[:3])
        said += f"; {whose} schedule, company or run is not in the log): {named}"
    return said
