"""`impact-in deliver`: run the drain jobs in this process, as Dagster would, and say what came of it."""

import os
import warnings
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.markup import escape

from impact_in_pipelines.cli.context import AsJson, open_runtime
from impact_in_pipelines.cli.output import console, errors, print_json, print_table
from impact_in_pipelines.delivery.states import DeliveryStatus
from impact_in_pipelines.errors import UsageError
from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.resources.instance import dagster_environment
from impact_in_pipelines.resources.runtime import Runtime

_SHOWN = (
    DeliveryStatus.SUCCESS,
    DeliveryStatus.RETRYING,
    DeliveryStatus.SKIPPED,
    DeliveryStatus.FAILED,
    DeliveryStatus.PENDING,
    DeliveryStatus.IN_PROGRESS,
)


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
    delivery failed for good.
    """
    runtime = open_runtime()
    os.environ.update(dagster_environment(runtime.settings))
    config = _config(runtime, company, start, end)
    platforms = [platform] if platform else list(Platform)
    if company is not None and start is not None:
        platforms = _connected(runtime, company, platforms)
    results = run_drains(runtime, platforms, config, quiet=as_json)
    if as_json:
        print_json({"platforms": results})
    else:
        print_results(results)
    if any(r["failed"] or r["error"] for r in results):
        raise typer.Exit(1)


def _connected(runtime: Runtime, company: str, platforms: list[Platform]) -> list[Platform]:
    """Those of `platforms` that the company can be delivered to. Raises `UsageError` if there is none: a
    row that can only fail is not worth making."""
    id_ = runtime.companies.find(company).id
    connected = [p for p in platforms if runtime.connections.of_companies(p, [id_])]
    if not connected:
        titles = ", ".join(FACTS[p].title for p in platforms)
        raise UsageError(
            f"{company} has no connection to {titles}; set one with: impact-in connections set"
        )
    return connected


def _config(
    runtime: Runtime, company: str | None, start: str | None, end: str | None
) -> dict[str, Any]:
    if (start is None) != (end is None):
        raise UsageError("--from and --to go together: both dates, such as 2026-01-31")
    config: dict[str, Any] = {}
    if company is not None:
        config["companies"] = [runtime.companies.find(company).slug]
    if start is not None and end is not None:
        from impact_in_pipelines.assets.partitions import days_between  # Dagster takes 0.8 s

        days_between(start, end)
        config |= {"start": start, "end": end}
    return config


def run_drains(
    runtime: Runtime, platforms: Sequence[Platform], config: Mapping[str, Any], *, quiet: bool
) -> list[dict[str, Any]]:
    """Execute each platform's drain job here; one result a platform, counted by delivery status."""
    warnings.filterwarnings("ignore", module="dagster")
    from dagster import DagsterInstance

    from impact_in_pipelines.definitions import defs
    from impact_in_pipelines.resources.recovery import OWNER_TAG, owner

    recording = runtime.recording  # a database that is away is told before anything runs
    results = []
    with DagsterInstance.get() as instance:
        for platform in platforms:
            if not quiet:
                errors.print(f"[dim]{FACTS[platform].title}: sending …[/]")
            op = f"{platform.value}_export"
            run = defs.resolve_job_def(f"drain_{platform.value}").execute_in_process(
                instance=instance,
                run_config={
                    "ops": {op: {"config": dict(config)}},
                    "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                },
                raise_on_error=False,
                tags={OWNER_TAG: owner()},
            )
            counts = recording.outcome_of_run(platform, run.run_id)
            results.append(
                {
                    "platform": platform,
                    **{status.value: counts.get(status, 0) for status in _SHOWN},
                    "error": None
                    if run.success or counts.get(DeliveryStatus.FAILED)
                    else _why(run),
                    "dagster_run_id": run.run_id,
                }
            )
    return results


def _why(run: Any) -> str:
    """The last failure's message, one line."""
    failures = [event.step_failure_data for event in run.all_events if event.is_step_failure]
    if not failures:
        return "the run failed"
    told = failures[-1].user_failure_data
    if told is not None and told.description:
        return str(told.description).strip().splitlines()[0]
    error = failures[-1].error
    # The outer errors are Dagster's: "Exceeded max_retries" says nothing of what went wrong.
    while error is not None and error.cause is not None:
        error = error.cause
    lines = error.message.strip().splitlines() if error is not None else []
    return str(lines[0]) if lines else "the run failed"


def print_results(results: Sequence[Mapping[str, Any]]) -> None:
    """One row a platform, then what to look at."""
    something = any(r[status.value] for r in results for status in _SHOWN)
    print_table(
        "Delivered",
        ["platform", *(status.value.replace("_", " ") for status in _SHOWN)],
        [
            [FACTS[Platform(r["platform"])].title, *(r[status.value] or "–" for status in _SHOWN)]
            for r in results
            if something
        ],
        empty="nothing was sent" if any(r["error"] for r in results) else "nothing was due",
    )
    for result in results:
        if result["error"]:
            where, what = result["platform"].value, escape(result["error"])
            errors.print(f"[bold red]error:[/] {where}: {what}", soft_wrap=True)
    if any(result["failed"] for result in results):
        console.print("What failed, and why: impact-in deliveries list --status failed")
    if any(result["retrying"] for result in results):
        console.print("What is tried again, and when: impact-in deliveries list --status retrying")
