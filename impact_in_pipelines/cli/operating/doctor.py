"""`impact-in doctor`: what everything rests on, examined, a line for each finding."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import typer

from impact_in_pipelines.cli.context import AsJson
from impact_in_pipelines.cli.operating.findings import STYLES, sentence_of, step_of
from impact_in_pipelines.cli.output import console, print_json, styled
from impact_in_pipelines.connectors.dagster_graphql import DagsterGraphql
from impact_in_pipelines.dagster_instance.environment import dagster_environment
from impact_in_pipelines.db.embedded.cluster import require_cluster
from impact_in_pipelines.db.engine import open_database
from impact_in_pipelines.errors import DatabaseUnavailable, UsageError
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.services.operating import health
from impact_in_pipelines.services.operating.health import Diagnosis, Fact, State
from impact_in_pipelines.settings import Settings, get_settings, setting_names

_PACKAGE = Path(__file__).parents[2]


def doctor(as_json: AsJson = False) -> None:
    """Examine the installation, and say what is wrong and what to do: a line for each finding.

    Settings, database, migrations, this machine's clock, the secret key, disks, connections, channels of
    alerts, Dagster's storage, daemon, schedules and sensors, and the age of the code that it has loaded.
    Nothing is sent to platforms; `impact-in connections test` tries one out. Exit code 1 when something has
    failed.
    """
    findings = []
    for finding in _all():
        findings.append(finding)
        if not as_json:
            _print(finding)
    worst = [one for one in findings if one.fact.state is State.FAILED]
    if as_json:
        print_json({"ok": not worst, "findings": _listed(findings)})
    if worst:
        raise typer.Exit(1)


def _all() -> Iterator[Diagnosis]:
    """A value that doesn't hold, or a key that is missing, stops every other command at its start."""
    try:
        settings = get_settings()
    except UsageError as error:
        yield Diagnosis(Fact.SETTING_WRONG, {"why": str(error)})
        return
    yield from _examined(settings)


def _examined(settings: Settings) -> Iterator[Diagnosis]:
    """What rests on something that has failed is left out."""
    yield from health.of_settings(os.environ, setting_names())
    yield from health.of_connectors()
    # Runs print to files below Dagster's home, which may lie on a disk of its own.
    dagster_home = os.environ.get("DAGSTER_HOME")
    folders = (settings.home, settings.archive_folder, Path(dagster_home) if dagster_home else None)
    yield from health.of_disk(one.absolute() for one in folders if one is not None)
    try:
        require_cluster(settings)
        database = open_database(settings)
    except DatabaseUnavailable as error:
        yield Diagnosis(Fact.DATABASE_AWAY, {"error": error})
        return
    try:
        found = health.of_database(database)
        yield from found
        if any(one.fact.state is State.FAILED for one in found):
            return
        runtime = Runtime(settings, database=database)
        yield from health.of_accounts(runtime)
        yield from health.of_alerts(runtime)
        yield from _of_dagster(runtime)
    finally:
        database.close()


def _of_dagster(runtime: Runtime) -> Iterator[Diagnosis]:
    settings = runtime.settings
    try:
        os.environ.update(dagster_environment(settings))
    except UsageError as error:
        yield Diagnosis(Fact.STORAGE_FAILS, {"why": str(error)})
        return
    # Two seconds of imports that nobody waits for if the database is away.
    from impact_in_pipelines.dagster_instance.health import examined
    from impact_in_pipelines.definitions import defs

    yield from examined(defs, runtime.database, runtime.clock())
    url = settings.dagster_internal_url or settings.dagster_ui_url
    client = DagsterGraphql(url, timeout_s=settings.dagster_timeout_ms / 1000)
    yield health.of_code_server(client, url, _PACKAGE)


def _print(finding: Diagnosis) -> None:
    state = finding.fact.state
    step = step_of(finding)
    said = sentence_of(finding) + (f"; {step}" if step else "")
    line = f"[{STYLES[state]}]{state.value:<8}[/] {{about:<12}} {{said}}"
    console.print(
        styled(line.replace("{about:<12}", f"{finding.fact.about:<12}"), said=said), soft_wrap=True
    )


def _listed(findings: Sequence[Diagnosis]) -> list[dict[str, object]]:
    return [
        {
            "about": one.fact.about,
            "state": one.fact.state,
            "finding": one.fact.value[0],
            "said": sentence_of(one),
            "step": step_of(one),
        }
        for one in findings
    ]
