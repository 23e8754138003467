"""Run the sandbox: in this process (`serve`) or in one of its own (`Sandbox`)."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from impact_in_pipelines.sandbox.accounts.config import DEFAULT_PORT, SandboxConfig
from impact_in_pipelines.sandbox.app import create_app
from impact_in_pipelines.sandbox.client import SandboxClient
from impact_in_pipelines.sandbox.exchange import TRANSPORT

START_TIMEOUT_SECONDS = 30
READY = "sandbox ready at "


class SandboxError(Exception):
    """The sandbox couldn't start; the message is one line that says why."""


class ResettableProtocol(HttpToolsProtocol):
    """Uvicorn's protocol that lets an endpoint reset the connection under its request."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {TRANSPORT: self.transport}  # type: ignore[dict-item]


class AnnouncingServer(uvicorn.Server):
    """A server that prints its URL on standard output once it listens."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if sockets:
            print(f"{READY}{_url(sockets[0])}", flush=True)


def serve(
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    log_level: str = "warning",
    *,
    config: SandboxConfig | None = None,
    stop_on_eof: bool = False,
) -> None:
    """Serve until SIGINT or SIGTERM; prints one line with the URL when it listens.

    `port` 0 takes a free one. With `stop_on_eof` it also stops when standard input ends, so that
    it doesn't outlive a parent that was killed. Raises `SandboxError` if the address can't be
    had.
    """
    listener = _listen(host, port)
    server = AnnouncingServer(
        uvicorn.Config(
            create_app(config),
            http=ResettableProtocol,
            loop="uvloop",
            ws="none",
            lifespan="off",
            log_level=log_level,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=4096,
            timeout_keep_alive=600,
            timeout_graceful_shutdown=1,
        )
    )
    if stop_on_eof:
        threading.Thread(target=_stop_at_eof, args=(server,), daemon=True).start()
    with listener, suppress(KeyboardInterrupt):
        server.run(sockets=[listener])


class Sandbox:
    """A sandbox in a process of its own on a free port of 127.0.0.1; close it or use `with`."""

    def __init__(self) -> None:
        self._process = _spawn()
        self.url = _await_ready(self._process)
        self.client = SandboxClient(self.url)
        self.benevity_url = f"{self.url}/benevity"
        self.goodera_url = f"{self.url}/goodera"
        self.workday_url = f"{self.url}/workday"
        self.pagerduty_url = f"{self.url}/pagerduty/v2/enqueue"

    @property
    def pid(self) -> int:
        """Return the process id."""
        return self._process.pid

    def slack_url(self, name: str = "alerts") -> str:
        """Return the incoming webhook of this name."""
        return f"{self.url}/slack/{name}"

    def close(self) -> None:
        """Stop the process and wait for it; closing twice is no error."""
        _stop(self._process)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def running_sandbox(config: SandboxConfig | None = None) -> Iterator[Sandbox]:
    """Yield a sandbox in a process of its own and close it afterwards.

    `config` is applied once it runs; `SandboxClient.reset` returns to the defaults, not to it.
    """
    with Sandbox() as sandbox:
        if config is not None:
            sandbox.client.configure_with(config)
        yield sandbox


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or error
        raise SandboxError(
            f"can't listen on {host} port {port}: {reason}; choose another one with --port"
        ) from None
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _stop_at_eof(server: uvicorn.Server) -> None:
    sys.stdin.buffer.read()
    server.should_exit = True


def _spawn() -> subprocess.Popen[str]:
    # The package needn't be installed for its own tests.
    root = str(Path(__file__).resolve().parents[2])
    search_path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, "-m", "impact_in_pipelines.sandbox", "--port", "0", "--stop-on-eof"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": search_path},
        # Ctrl-C in a terminal goes to the whole group: it must not die before whoever uses it has ended.
        start_new_session=True,
    )


def _await_ready(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    watchdog = threading.Timer(START_TIMEOUT_SECONDS, process.kill)
    watchdog.start()
    try:
        line = process.stdout.readline()
    finally:
        watchdog.cancel()
    if not line.startswith(READY):
        _stop(process)
        raise SandboxError("the sandbox process ended before it was ready; see its standard error")
    return line.removeprefix(READY).strip()


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
