"""The API process: uvicorn around the application, in one process or several."""

import socket
import sys
from typing import Any

from fastapi import FastAPI

from impact_in_pipelines.api.app import create_app
from impact_in_pipelines.api.context import build_context
from impact_in_pipelines.api.workers import run_workers, serve_here
from impact_in_pipelines.db.embedded.cluster import require_cluster
from impact_in_pipelines.db.engine import READERS, open_database, require_current
from impact_in_pipelines.errors import UsageError
from impact_in_pipelines.logs.setting_up import log_to_stderr
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.settings import Settings, get_settings

__all__ = ["build_context", "open_api_runtime", "serve"]

READY = "API ready at "
WORKER = f"{__name__}:worker"
_SWITCH_INTERVAL_S = 0.001
"""Between the event loop and the threads that answer; Python's 5 ms would be most of a fast answer."""


class AddressTaken(UsageError):
    """The API can't listen where it was told to."""


def open_api_runtime(settings: Settings) -> Runtime:
    """A runtime with a connection for each thread that answers. Raises `DatabaseUnavailable`."""
    require_cluster(settings)
    database = open_database(settings, pool_size=READERS)
    require_current(database.engine)
    return Runtime(settings, database=database, role="api")


def worker() -> FastAPI:
    """The application of one of several processes, on what the environment says."""
    log_to_stderr("info")
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    return create_app(build_context(open_api_runtime(get_settings())))


def serve(
    runtime: Runtime, host: str, port: int, *, workers: int = 1, application: str = WORKER
) -> None:
    """Serve until SIGINT or SIGTERM; `port` 0 takes a free one.

    With several `workers` each is a process that calls `application` (module:function) for what it serves,
    and one that dies is replaced. Raises `AddressTaken` and what `build_context` does.
    """
    log_to_stderr("info")
    api = build_context(runtime)  # also where others serve: what is wrong is said here, once
    with _listen(host, port) as listener:
        address = listener.getsockname()
        if workers == 1:
            sys.setswitchinterval(_SWITCH_INTERVAL_S)
            serve_here(create_app(api), listener, lambda: _announce(address))
        else:
            run_workers(application, workers, listener, lambda: _announce(address))


def _announce(address: tuple[Any, ...]) -> None:
    host, port = address[:2]
    shown = f"[{host}]" if ":" in host else host
    print(f"{READY}http://{shown}:{port}", flush=True)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or error
        raise AddressTaken(
            f"can't listen on {host} port {port}: {reason}; choose another one with --port"
        ) from None
    return listener
