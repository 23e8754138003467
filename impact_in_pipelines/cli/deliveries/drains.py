"""The drain jobs of some platforms, run here as Dagster would, one after the other."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any
from uuid import uuid4

from impact_in_pipelines.cli.deliveries.results import SHOWN
from impact_in_pipelines.cli.output import errors
from impact_in_pipelines.cli.stopping import say
from impact_in_pipelines.dagster_instance.runs.stopping import Stop
from impact_in_pipelines.dagster_instance.runs.telling import listening
from impact_in_pipelines.delivery.states import DeliveryStatus
from impact_in_pipelines.loading import without_collecting
from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.runtime import Runtime

DrainResult = dict[str, Any]
"""The platform, its run's deliveries by status, why the run failed (None: it did not), and the run's id."""

Begun = dict[Platform, str]
"""The ids of the runs that have begun, for whoever watches them."""


def run_drains(
    runtime: Runtime,
    platforms: Sequence[Platform],
    config: Mapping[str, Any],
    *,
    begun: Begun,
    quiet: bool,
    stop: Stop,
) -> list[DrainResult]:
    """Execute each platform's drain job here, until `stop` is requested; one result for each that was
    begun."""
    runtime.selections  # noqa: B018 - a database that is away is reported before anything runs
    results = []
    for platform in platforms:
        if stop.requested:
            break
        if not quiet:
            say_begun(platform)
        begun[platform] = str(uuid4())
        results.append(
            run_drain(runtime, platform, config, run_id=begun[platform], quiet=quiet, stop=stop)
        )
    return results


def run_drain(
    runtime: Runtime,
    platform: Platform,
    config: Mapping[str, Any],
    *,
    run_id: str,
    quiet: bool,
    stop: Stop,
) -> DrainResult:
    """Execute one platform's drain job here as the run `run_id`, and count what it did."""
    with without_collecting():
        from impact_in_pipelines.dagster_instance.runs.running import run_job  # Dagster takes 0.8 s
        from impact_in_pipelines.definitions import defs

    ops = {f"{platform.value}_export": dict(config)}
    with nullcontext() if quiet else _saying_what_waits(FACTS[platform].title):
        run = run_job(defs, f"drain_{platform.value}", ops=ops, run_id=run_id)
    result = result_of(runtime, platform, run_id, None if stop.requested else run.error)
    if run.is_verdict and result[DeliveryStatus.FAILED.value]:
        # What failed for good explains it. A drain that broke besides has left more than that.
        result["error"] = None
    return result


@contextmanager
def _saying_what_waits(title: str) -> Iterator[None]:
    """Print what the run waits for, whenever nothing has ended for a while."""
    # Dagster redirects the standard streams to its logs while it executes a run.
    terminal = os.dup(2)
    try:
        with listening(lambda text: say(terminal, f"{title}: {text}.")):
            yield
    finally:
        os.close(terminal)


def result_of(runtime: Runtime, platform: Platform, run_id: str, error: str | None) -> DrainResult:
    """What the run did, and why it failed (`error`)."""
    counts = runtime.selections.outcome_of_run(platform, run_id)
    return {
        "platform": platform,
        **{status.value: counts.get(status, 0) for status in SHOWN},
        "error": error,
        "dagster_run_id": run_id,
    }


def say_begun(platform: Platform) -> None:
    """One line of progress."""
    errors.print(f"{FACTS[platform].title}: sending what is due …", style="dim")
