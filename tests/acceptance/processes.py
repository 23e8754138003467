"""Dagster as it is operated: code server, daemon and webserver as processes, asked through GraphQL."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import requests
from ports import free_port

Found = TypeVar("Found")

WORKSPACE = """\
load_from:
  - grpc_server:
      host: 127.0.0.1
      port: {port}
      location_name: impact_in
"""


class Stage:
    """Dagster's three processes with all their files in `home`."""

    def __init__(self, home: Path, environment: Mapping[str, str]) -> None:
        self._home = home
        self._environment = {**os.environ, **environment, "DAGSTER_HOME": str(home)}
        self._running: list[subprocess.Popen[bytes]] = []
        self.url = ""

    def start(self) -> None:
        """Start the code server, wait for it, then the daemon and the webserver."""
        code_port, web_port = free_port(), free_port()
        (self._home / "workspace.yaml").write_text(WORKSPACE.format(port=code_port))
        self._spawn(
            *("api", "grpc", "--module-name", "impact_in_pipelines.definitions"),
            *("--location-name", "impact_in", "--host", "127.0.0.1", "--port", str(code_port)),
        )
        self.until("the code server answers", lambda: listens(code_port), 60)
        self._spawn("run", "-w", "workspace.yaml", module="dagster._daemon")
        self._start_ui(web_port)

    def start_ui(self) -> None:
        """Start the web server alone: it shows that its code server doesn't answer."""
        (self._home / "workspace.yaml").write_text(WORKSPACE.format(port=free_port()))
        self._start_ui(free_port())

    def _start_ui(self, web_port: int) -> None:
        self.url = f"http://127.0.0.1:{web_port}"
        self._spawn(
            *("dagster-ui", "--port", str(web_port), "--workspace", "workspace.yaml"),
            module="impact_in_pipelines.cli.main",
        )
        self.until("the webserver answers", lambda: listens(web_port), 60)

    @property
    def pids(self) -> list[int]:
        """Of its processes, in the order in which they were started; each leads a session."""
        return [process.pid for process in self._running]

    def stop(self) -> None:
        """End every process, the newest first, with the runs that it started."""
        for process in reversed(self._running):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in reversed(self._running):
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=5)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def ask(self, query: str, **variables: Any) -> Any:
        """The data that GraphQL answers with."""
        answer = requests.post(
            f"{self.url}/graphql", json={"query": query, "variables": variables}, timeout=30
        ).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def until(self, what: str, look: Callable[[], Found | None], timeout_s: float) -> Found:
        """What `look` finds, as soon as it finds something; fails with the processes' last words."""
        deadline = time.monotonic() + timeout_s
        while not (found := look()):
            ended = [process.args for process in self._running if process.poll() is not None]
            assert not ended, f"{ended} ended\n{self._last_words()}"
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {timeout_s} s until {what}\n{self._last_words()}")
            time.sleep(0.5)
        return found

    def _spawn(self, *arguments: str, module: str = "dagster") -> subprocess.Popen[bytes]:
        name = f"{len(self._running)}-{module}.log"
        with (self._home / name).open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=self._home,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A group of its own, so that the runs it starts end with it.
                start_new_session=True,
            )
        self._running.append(process)
        return process

    def _last_words(self) -> str:
        return "\n".join(
            f"--- {log.name}\n{log.read_text(errors='replace')[-3000:]}"
            for log in sorted(self._home.glob("*.log"))
        )


@contextmanager
def running_stage(home: Path, environment: Mapping[str, str]) -> Iterator[Stage]:
    """A started stage; its processes end with the block, whatever happens."""
    stage = Stage(home, environment)
    try:
        stage.start()
        yield stage
    finally:
        stage.stop()


def listens(port: int) -> bool:
    """Whether somebody listens on this port of 127.0.0.1."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
