"""`impact-in deliver`: run the drain jobs in this process, as Dagster would, and say what came of it."""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Annotated, Any

import typer

from impact_in_pipelines.cli.context import AsJson, open_runtime
from impact_in_pipelines.cli.deliveries.results import (
    SHOWN,
    print_remaining,
    print_results,
    stopped_in_words,
)
from impact_in_pipelines.cli.output import errors, print_json
from impact_in_pipelines.cli.schedules.held_platforms import held_platforms
from impact_in_pipelines.cli.stopping import leave_if_stopped, run_stoppable, say
from impact_in_pipelines.dagster_instance.environment import dagster_environment
from impact_in_pipelines.dagster_instance.stopping import Stop
from impact_in_pipelines.dagster_instance.telling import listening
from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.delivery.states import DeliveryStatus
from impact_in_pipelines.errors import UsageError
from impact_in_pipelines.errors.accounts import ConnectionMissing
from impact_in_pipelines.loading import without_collecting
from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.runtime import Runtime


def deliver(
    platform: Annotated[
        Platform | None, typer.Option(help="Only this platform; all three otherwise.")
    ] = None,
    company: Annotated[
        str | None, typer.Option(metavar="COMPANY", help="Only this company (slug or id).")
    ] = None,
    start: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="First day to send, due or not.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="DATE", help="Last day to send, inclusive.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Send what is due now, retries included; with --from and --to, send those days.

    Runs the Dagster jobs in this process and waits for them, not for later retries. Exit code 1 when a
    delivery failed for good, or when of the days you named something has not been delivered yet; Ctrl-C
    records what is under way, gives the rest back and leaves with 130.
    """
    runtime = open_runtime()
    os.environ.update(dagster_environment(runtime.settings))
    only = runtime.companies.find(company) if company is not None else None
    days = _days(start, end, only)
    platforms = [platform] if platform else list(Platform)
    if only is not None and days is not None:
        platforms = _connected(runtime, only, platforms)
    config: dict[str, Any] = {"companies": [only.slug]} if only is not None else {}
    if days is not None:
        config |= {"start": start, "end": end}

    def work(stop: Stop) -> tuple[Stop, list[dict[str, Any]]]:
        return stop, run_drains(runtime, platforms, config, quiet=as_json, stop=stop)

    stop, results = run_stoppable(
        work,
        stopping="Stopping: what is under way is recorded first.",
        at_once=(
            "Ended at once: what was under way comes up again when its lease ends, "
            f"in at most {runtime.settings.lease_seconds} s."
        ),
    )
    remaining = runtime.remaining.of(
        platforms, runtime.clock(), company_id=only.id if only else None, days=days
    )
    if as_json:
        stopped = stop.signal.name if stop.signal is not None else None
        print_json({"platforms": results, "remaining": remaining, "stopped": stopped})
    elif not stop.requested:
        print_results(results, remaining)
        if remaining:
            print_remaining(remaining, held_platforms(runtime.settings))
    leave_if_stopped(stop, stopped_in_words(results, remaining))
    if any(r["failed"] or r["error"] for r in results) or (days is not None and remaining):
        raise typer.Exit(1)


def _days(start: str | None, end: str | None, only: Company | None) -> tuple[date, date] | None:
    """The first and the last day that were asked for. Raises `UsageError`."""
    if (start is None) != (end is None):
        raise UsageError("--from and --to go together: both dates, such as 2026-01-31")
    if start is None or end is None:
        return None
    from impact_in_pipelines.assets.partitions import days_between  # Dagster takes 0.8 s

    days = days_between(start, end, only.timezone) if only else days_between(start, end)
    return days[0], days[-1]


def _connected(runtime: Runtime, company: Company, platforms: list[Platform]) -> list[Platform]:
    """Those of `platforms` that the company can be delivered to. Raises `UsageError` if there is none: a
    row that can only fail is not worth making."""
    connected = [p for p in platforms if runtime.connections.of_companies(p, [company.id])]
    if not connected:
        raise ConnectionMissing(company.slug, platforms[0])
    return connected


@contextlib.contextmanager
def _saying_what_waits(title: str) -> Iterator[None]:
    """Print what the run waits for, whenever nothing has ended for a while."""
    # Dagster redirects the standard streams to its logs while it executes a run.
    terminal = os.dup(2)
    try:
        with listening(lambda text: say(terminal, f"{title}: {text}.")):
            yield
    finally:
        os.close(terminal)


def run_drains(
    runtime: Runtime,
    platforms: Sequence[Platform],
    config: Mapping[str, Any],
    *,
    quiet: bool,
    stop: Stop,
) -> list[dict[str, Any]]:
    """Execute each platform's drain job here, until `stop` is requested; one result for each that was
    begun, counted by delivery status."""
    with without_collecting():
        from impact_in_pipelines.dagster_instance.running import run_job  # Dagster takes 0.8 s
        from impact_in_pipelines.definitions import defs

    selections = runtime.selections  # a database that is away is reported before anything runs
    results = []
    for platform in platforms:
        if stop.requested:
            break
        title = FACTS[platform].title
        if not quiet:
            errors.print(f"{title}: sending …", style="dim")
        with contextlib.nullcontext() if quiet else _saying_what_waits(title):
            run = run_job(
                defs, f"drain_{platform.value}", ops={f"{platform.value}_export": dict(config)}
            )
        counts = selections.outcome_of_run(platform, run.run_id)
        explained = counts.get(DeliveryStatus.FAILED) or stop.requested
        results.append(
            {
                "platform": platform,
                **{status.value: counts.get(status, 0) for status in SHOWN},
                "error": None if explained else run.error,
                "dagster_run_id": run.run_id,
            }
        )
    return results
