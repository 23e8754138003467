"""`impact-in dev`: everything from one terminal, stopped by one Ctrl-C."""

import os
import secrets
import shlex
import sys
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from impact_in_pipelines.cli.accounts.token import claims_of, minted
from impact_in_pipelines.cli.demo.command import HOME, hold_home
from impact_in_pipelines.cli.demo.world import DEV_COMPANY, build_dev_world
from impact_in_pipelines.cli.dev.ports import Ports, choose_ports
from impact_in_pipelines.cli.output import console
from impact_in_pipelines.dagster_instance.environment import dagster_environment
from impact_in_pipelines.db.engine import open_database
from impact_in_pipelines.db.migrate import upgrade
from impact_in_pipelines.plurals import count
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.services.accounts.sessions import make_link
from impact_in_pipelines.settings import get_settings, read_settings

_STOP_S = 30
_QUIET = ("--log-level", "warning")


def dev(
    ui_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Dagster's UI; 3000 unless that is taken.")
    ] = None,
    api_port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="API and cockpit; 3007 unless that is taken."),
    ] = None,
    sandbox_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="The sandbox; 3999 unless that is taken.")
    ] = None,
) -> None:
    """Start Dagster (UI on 3000), the API with the cockpit (3007) and the sandbox (3999); Ctrl-C stops all.

    If another program listens on one of these ports, the next free one is used. A port that you name must be
    free.

    Without DATABASE_URL and IMPACT_IN_HOME it works on the demo's database in `.impact-in/demo`, made if it
    isn't there, with a company whose schedule fires every minute. Otherwise it works on the database that
    they name.
    """
    ports = choose_ports(ui=ui_port, api=api_port, sandbox=sandbox_port)
    ours = "DATABASE_URL" not in os.environ and "IMPACT_IN_HOME" not in os.environ
    with hold_home() if ours else nullcontext():
        if ours:
            os.environ["IMPACT_IN_HOME"] = str(HOME.absolute())
        for name, value in ports.environment.items():
            os.environ.setdefault(name, value)
        code = _run(ports, own_world=ours)
    raise typer.Exit(code)


def _run(ports: Ports, *, own_world: bool) -> int:
    settings = get_settings()
    database = open_database(settings)  # held open: the embedded server lives as long as we do
    upgrade(database.engine)
    runtime = Runtime(settings, database=database)
    if own_world:
        console.print("Making sure that the demo's companies are there …", style="dim")
        build_dev_world(runtime, datetime.now(UTC))
    os.environ.update(dagster_environment(settings))
    # The processes' lines come through a pipe, and are read by people.
    os.environ.setdefault("LOG_FORMAT", "text")
    os.environ.setdefault("IMPACT_IN_JWT_SECRET", secrets.token_urlsafe(48))
    from impact_in_pipelines.dagster_instance.runs.recovery import GONE_AFTER, fail_orphans  # 0.8 s

    orphans = fail_orphans(runtime.processes.seen(GONE_AFTER)).ended
    if orphans:
        console.print(f"{count(len(orphans), 'run')} that a crash left behind: reported failed")
    code = _supervise(ports, _addresses(runtime, ports, own_world=own_world), own_world=own_world)
    runtime.close()
    return code


def _addresses(runtime: Runtime, ports: Ports, *, own_world: bool) -> str:
    """Where everything is, for people."""
    where = "the demo, in .impact-in/demo" if own_world else _database(runtime)
    lines = [
        f"Dagster UI  http://127.0.0.1:{ports.ui}",
        f"Cockpit     {_sign_in_link(runtime, ports.api)}",
        f"API         http://127.0.0.1:{ports.api}/v1/impact-in/openapi.json",
        f"Sandbox     http://127.0.0.1:{ports.sandbox}/_sandbox/stats",
        f"Database    {where}",
    ]
    if own_world:
        lines.append(f"{DEV_COMPANY} is due every minute.")
        if (HOME.parent / "postgres").exists():
            lines.append(
                f"Your own database isn't shown; for it: IMPACT_IN_HOME={HOME.parent} impact-in dev"
            )
    lines.append("Ctrl-C stops everything.")
    return "\n".join(lines)


def _database(runtime: Runtime) -> str:
    if runtime.database.embedded:
        return f"the embedded one, in {runtime.settings.home}"
    return repr(runtime.database.url)


def _sign_in_link(runtime: Runtime, port: int) -> str:
    """A link that signs an administrator of all companies in, once; the token in it is good for a day."""
    token = minted(
        read_settings(),
        "developer",
        ["ADMIN_CONSOLE", "MANAGE_INTEGRATIONS"],
        ["*"],
        datetime.now(UTC) + timedelta(days=1),
    )
    make_link(runtime, claims_of(token), actor="impact-in dev")
    return f"http://127.0.0.1:{port}/en/cockpit/sign-in?token={token}"


def processes(ports: Ports, workspace_file: Path, *, own_world: bool) -> dict[str, list[str]]:
    """Name and command of each process, in the order they may start."""
    binaries = Path(sys.executable).parent
    when_open = [sys.executable, "-m", "impact_in_pipelines.cli.dev.when_open", str(ports.code)]
    workspace = ["--workspace", str(workspace_file)]
    commands = {
        "code": [
            *(str(binaries / "dagster"), "code-server", "start", "--host", "127.0.0.1"),
            *("--port", str(ports.code), "--module-name", "impact_in_pipelines.definitions"),
            *("--location-name", "impact_in", "--log-level", "warning"),
        ],
        "sandbox": [
            *(sys.executable, "-m", "impact_in_pipelines.sandbox", "--port", str(ports.sandbox)),
        ],
        "api": [
            *(sys.executable, "-m", "impact_in_pipelines.cli.main", "serve"),
            *("--port", str(ports.api)),
        ],
        "daemon": [*when_open, str(binaries / "dagster-daemon"), "run", *workspace, *_QUIET],
        "ui": [
            *(*when_open, sys.executable, "-m", "impact_in_pipelines.cli.main", "dagster-ui"),
            *("--port", str(ports.ui), *workspace),
        ],
    }
    if own_world:
        activity = [*when_open, sys.executable, "-m", "impact_in_pipelines.cli.dev.activity"]
        commands["activity"] = activity
    return commands


def _supervise(ports: Ports, addresses: str, *, own_world: bool) -> int:
    """Run all processes until Ctrl-C, which is 0, or until one of them ends: its exit code."""
    from honcho import manager as honcho

    from impact_in_pipelines.cli.dev.output import CalmPrinter
    from impact_in_pipelines.dagster_instance.runs.recovery import cancel_runs

    class Manager(honcho.Manager):  # type: ignore[misc]
        def terminate(self) -> None:
            # A run that is ended while it starts would otherwise be a failed one, and told to people.
            cancel_runs()
            super().terminate()

    # A drain records what is under way before it ends; five seconds would kill it meanwhile.
    honcho.KILL_WAIT = _STOP_S
    printer = CalmPrinter(addresses)
    manager = Manager(printer)
    for name, command in processes(
        ports, ports.workspace(get_settings().home), own_world=own_world
    ).items():
        manager.add_process(name, f"exec {shlex.join(command)}", env=dict(os.environ))
    manager.loop()
    console.print("Everything has stopped.")
    return 0 if printer.stopping else int(manager.returncode or 0)
