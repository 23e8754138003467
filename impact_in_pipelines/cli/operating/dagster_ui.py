"""`impact-in dagster-ui`: Dagster's web server, behind a guard against requests of other sites."""

import os
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from impact_in_pipelines.dagster_instance.environment import dagster_environment, workspace_yaml
from impact_in_pipelines.dagster_instance.webserver.guard import LOOPBACK
from impact_in_pipelines.settings import Settings, get_settings

DEFAULT_PORT = 3000
ALLOWED_HOSTS = "DAGSTER_UI_ALLOWED_HOSTS"


def dagster_ui(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = DEFAULT_PORT,
    workspace: Annotated[
        Path | None,
        typer.Option(help="The workspace file; deploy/workspace.yaml otherwise.", exists=True),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            envvar=ALLOWED_HOSTS,
            help="Another name under which the UI is reached; repeat it, or separate by spaces in the"
            " variable. The loopback and the hosts of DAGSTER_UI_URL and DAGSTER_INTERNAL_URL always are.",
        ),
    ] = None,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Let nobody start or change anything.")
    ] = False,
) -> None:
    """Serve Dagster's UI until Ctrl-C.

    It has no login: whoever reaches it operates everything. Requests of other web sites are refused. Let
    people reach it only through a proxy that signs them in (docs/operations.md, deploy/nginx).
    """
    settings = get_settings()
    os.environ.update(dagster_environment(settings))
    chosen = workspace or workspace_yaml()
    arguments = ["--host", host, "--port", str(port), "--workspace", str(chosen.absolute())]
    from impact_in_pipelines.dagster_instance.webserver.server import (
        serve_ui,  # Dagster takes 0.8 s
    )

    serve_ui(
        [*arguments, "--read-only"] if read_only else arguments,
        hosts=allowed_hosts(settings, allow_host or []),
    )


def allowed_hosts(settings: Settings, more: list[str]) -> list[str]:
    """The names under which the UI may be asked for."""
    urls = (settings.dagster_ui_url, settings.dagster_internal_url)
    own = [urlsplit(str(url)).hostname or "" for url in urls if url]
    return [*LOOPBACK, *filter(None, own), *more]
