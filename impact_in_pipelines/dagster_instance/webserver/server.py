"""Dagster's web server behind our guard: its own command, with the application that it serves wrapped."""

import logging
from collections.abc import Collection, Sequence
from typing import Any

from dagster_webserver import cli as webserver

from impact_in_pipelines.dagster_instance.webserver.guard import Guard
from impact_in_pipelines.logs.setting_up import is_set_up


def serve_ui(arguments: Sequence[str], *, hosts: Collection[str]) -> None:
    """Run `dagster-webserver` with these arguments until it is stopped, reached as one of `hosts` only.

    The command builds the application by a function of its own module, which is replaced here: it has no
    option for middleware, and its parts below that function are private. `tests/acceptance/test_ui_guard.py`
    asks a server started in this way, and fails if an upgrade moves the function.
    """
    command: Any = webserver
    build = command.create_app_from_workspace_process_context

    def build_guarded(*positional: Any, **named: Any) -> Guard:
        _say_once()
        return Guard(build(*positional, **named), hosts=hosts)

    command.create_app_from_workspace_process_context = build_guarded
    command.cli.main(
        args=list(arguments),
        prog_name="dagster-webserver",
        auto_envvar_prefix="DAGSTER_WEBSERVER",
    )


def _say_once() -> None:
    """Dagster has given its loggers a handler of its own by now: each line would be there twice, once in
    another form than the process's log has."""
    for name in ("dagster", "dagster-webserver"):
        logger = logging.getLogger(name)
        if logger.propagate and is_set_up():
            logger.handlers.clear()
