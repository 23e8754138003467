"""Several processes of the API on one port, each with a socket of its own.

With one socket for all, whichever process wakes first takes every connection that waits, and connections are
kept open: one process would do all the work. With SO_REUSEPORT the kernel deals them out.
"""

import os
import signal
import socket
from collections.abc import Callable
from multiprocessing import parent_process
from multiprocessing.connection import wait
from threading import Thread
from typing import Any

import uvicorn
from uvicorn.supervisors import Multiprocess

from impact_in_pipelines.api.operations.metrics import shared_between_processes
from impact_in_pipelines.errors import ImpactInError

_STARTS_WITHIN_S = 60.0


class WorkerFailed(ImpactInError):
    """A process of the API ended before it served."""


def end_with_parent() -> None:
    """From now on this process ends in order when the one that started it is gone, however that ended:
    left alone it would hold the port."""
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)

    Thread(target=watch, name="parent", daemon=True).start()


class _OwnSocket(socket.socket):
    """Handed to another process, it becomes a socket of that process at the same address."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _bound, (self.family, self.getsockname())


def _bound(family: int, address: tuple[Any, ...]) -> socket.socket:
    made = _OwnSocket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(address)
    return made


class _Workers(Multiprocess):
    """Says when all of them serve."""

    def __init__(
        self, config: uvicorn.Config, sockets: list[socket.socket], serving: Callable[[], None]
    ) -> None:
        super().__init__(config, sockets)
        self._serving = serving
        self.failed = False

    def init_processes(self) -> None:
        super().init_processes()
        for process in self.processes:
            while not process.wait_until_ready(0.5, self.should_exit):
                self.handle_signals()  # Ctrl-C while they start
                if self.should_exit.is_set():
                    return
                if not process.process.is_alive():
                    self.failed = True
                    self.should_exit.set()
                    return
        self._serving()


def run_workers(config: uvicorn.Config, taken: socket.socket, serving: Callable[[], None]) -> None:
    """Serve `config`, whose application is a factory, with `config.workers` processes at the address of
    `taken`, which is closed; calls `serving` once all of them serve. A process that dies is replaced.

    Returns on SIGINT or SIGTERM, when all have ended. Raises `WorkerFailed` if one can't start.
    """
    family, address = taken.family, taken.getsockname()
    taken.close()  # it was bound alone, which showed that nobody else is there
    with _bound(family, address) as reserved, shared_between_processes():
        workers = _Workers(config, [reserved], serving)
        workers.run()
    if workers.failed:
        raise WorkerFailed("a process of the API ended before it served; what it said stands above")
