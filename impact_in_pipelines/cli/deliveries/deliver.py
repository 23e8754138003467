"""`impact-in deliver`: run the drain jobs, as Dagster would, and print their results."""

import os
from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any

import typer

from impact_in_pipelines.cli.context import AsJson, PlatformOption, open_runtime
from impact_in_pipelines.cli.deliveries.apart import APART_FROM, DrainsApart, can_run_apart
from impact_in_pipelines.cli.deliveries.drains import Begun, DrainResult, run_drains
from impact_in_pipelines.cli.deliveries.results import (
    print_remaining,
    print_results,
    stopped_in_words,
)
from impact_in_pipelines.cli.output import print_json
from impact_in_pipelines.cli.progress import busy, counted
from impact_in_pipelines.cli.schedules.held_platforms import held_platforms
from impact_in_pipelines.cli.session import companies_meant
from impact_in_pipelines.cli.stopping import leave_if_stopped, run_stoppable
from impact_in_pipelines.dagster_instance.environment import dagster_environment
from impact_in_pipelines.dagster_instance.runs.stopping import Stop
from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.deliveries.queueing.remaining import Waiting
from impact_in_pipelines.delivery.states import OPEN
from impact_in_pipelines.errors import UsageError
from impact_in_pipelines.errors.accounts import ConnectionMissing
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.runtime import Runtime


def deliver(
    platform: PlatformOption = None,
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

    Runs the Dagster jobs itself (each platform's in a process of its own if much is due) and waits for them,
    but not for later retries. Exit code 1 when a delivery failed for good, or when any of the days that you
    named has not been delivered yet. Ctrl-C records what is under way, releases the rest and ends with 130.
    """
    runtime = open_runtime()
    os.environ.update(dagster_environment(runtime.settings))
    with companies_meant(runtime):
        only = runtime.companies.find(company) if company is not None else None
    days = _days(start, end, only)
    platforms = [platform] if platform else list(Platform)
    if only is not None and days is not None:
        platforms = _connected(runtime, only, platforms)
    config: dict[str, Any] = {"companies": [only.slug]} if only is not None else {}
    if days is not None:
        config |= {"start": start, "end": end}

    begun: Begun = {}
    processes = DrainsApart(runtime, config, begun)
    due = how_many_due(runtime, platforms, only, days)
    apart = only is None and len(platforms) > 1 and can_run_apart() and due >= APART_FROM

    def work(stop: Stop) -> tuple[Stop, list[DrainResult]]:
        if apart:
            return stop, processes.run(platforms, quiet=as_json, stop=stop)
        return stop, run_drains(runtime, platforms, config, begun=begun, quiet=as_json, stop=stop)

    def left() -> int:
        if days is None:
            return how_many_due(runtime, platforms, only, None)
        return due - how_many_ended(runtime, begun)

    # Nothing is due yet, or nobody could say so.
    shown = counted("Sending", due, left, quiet=as_json) if due else busy("Sending", quiet=as_json)
    with shown:
        stop, results = run_stoppable(
            work,
            stopping="Stopping: what is under way is recorded first.",
            at_once=(
                "Ended at once: what was under way comes up again when its lease ends, "
                f"in at most {runtime.settings.lease_seconds} s."
            ),
            kill=processes.kill,
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


def how_many_due(
    runtime: Runtime,
    platforms: Sequence[Platform],
    only: Company | None,
    days: tuple[date, date] | None,
) -> int:
    """About how many deliveries a call is to send."""
    if days is None and only is None:
        return sum(runtime.due_state(platform).due for platform in platforms)
    if days is None:
        found = runtime.remaining.of(
            platforms, runtime.clock(), company_id=only.id if only else None
        )
        return sum(one.deliveries for one in found if one.why is Waiting.DUE)
    companies = [only] if only else runtime.companies.listed()
    active = [company.id for company in companies if company.active]
    connected = sum(len(runtime.connections.of_companies(p, active)) for p in platforms)
    return connected * ((days[1] - days[0]).days + 1)


def how_many_ended(runtime: Runtime, begun: Begun) -> int:
    """How many of the deliveries that these runs selected have ended."""
    return sum(
        number
        for platform, run_id in list(begun.items())
        for status, number in runtime.selections.outcome_of_run(platform, run_id).items()
        if status not in OPEN
    )
