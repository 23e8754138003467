"""The API process: the context put together from the settings, and uvicorn around it."""

import socket
import sys

import uvicorn

from impact_in_pipelines.api.app import create_app
from impact_in_pipelines.api.context import build_context
from impact_in_pipelines.errors import UsageError
from impact_in_pipelines.resources.runtime import Runtime

__all__ = ["build_context", "serve"]

READY = "API ready at "
_SWITCH_INTERVAL_S = 0.001
"""Between the event loop and the threads that answer; Python's 5 ms would be most of a fast answer."""


class AddressTaken(UsageError):
    """The API can't listen where it was told to."""


class _AnnouncingServer(uvicorn.Server):
    """Prints its URL on standard output once it listens."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if sockets:
            host, port = sockets[0].getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            print(f"{READY}http://{shown}:{port}", flush=True)


def serve(runtime: Runtime, host: str, port: int) -> None:
    """Serve until SIGINT or SIGTERM; `port` 0 takes a free one. Raises `AddressTaken` and what
    `build_context` does."""
    app = create_app(build_context(runtime))
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    with _listen(host, port) as listener:
        _AnnouncingServer(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=5,
                h11_max_incomplete_event_size=64 * 1024,
            )
        ).run(sockets=[listener])


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
