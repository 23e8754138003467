"""Several processes of the API on one port, each with a socket of its own, started and replaced by this one.

With one socket for all, whichever process wakes first takes every connection that waits, and connections are
kept open: one process would do all the work. With SO_REUSEPORT the kernel deals them out.
"""

import gc
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from threading import Thread
from typing import Any

import uvicorn
from fastapi import FastAPI

from impact_in_pipelines.api.http.counts import counted_together
from impact_in_pipelines.api.operations.metrics import shared_between_processes
from impact_in_pipelines.errors import ImpactInError

STOP_WITHIN_S = 5
"""What is being answered gets so long to end."""
_KILLED_AFTER_S = STOP_WITHIN_S + 10
_AGAIN_AFTER_S = 1.0
_ENDING = (signal.SIGINT, signal.SIGTERM)
# Spawned, not forked: prometheus_client reads the environment when it is imported, and threads don't survive.
_SPAWN = get_context("spawn")


class WorkerFailed(ImpactInError):
    """A process of the API ended before it served."""


@dataclass
class _Worker:
    """A process, and the end of the pipe on which it says that it serves."""

    process: SpawnProcess
    said: Connection
    serves: bool = False


def run_workers(
    application: str, count: int, taken: socket.socket, serving: Callable[[], None]
) -> None:
    """Serve with `count` processes at the address of `taken`, which is closed; each calls `application`
    (module:function) for what it serves. Calls `serving` once all of them do. One that dies is replaced.

    Returns on SIGINT or SIGTERM, when all have ended. Raises `WorkerFailed` if one can't start.
    """
    family, address = taken.family, taken.getsockname()
    taken.close()  # it was bound alone, which showed that nobody else is there
    with ExitStack() as held:
        # Bound and never listened on: the port stays ours while a process is replaced.
        held.enter_context(bound(family, address))
        held.enter_context(shared_between_processes())
        held.enter_context(counted_together())
        stopping = held.enter_context(_told_to_end())
        arguments = (application, family, address)
        workers = [_started(arguments) for _ in range(count)]
        try:
            if _all_serve(workers, stopping):
                serving()
                _replace_until(stopping, workers, arguments)
        finally:
            _end(workers)


def bound(family: int, address: tuple[Any, ...]) -> socket.socket:
    """A socket at an address that other processes of ours are at too."""
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(address)
    return made


def serve_here(
    app: FastAPI, listener: socket.socket, serving: Callable[[], None] = lambda: None
) -> None:
    """Serve `app` in this process until SIGINT or SIGTERM; calls `serving` once it listens."""
    config = uvicorn.Config(
        app,
        # Through the process's log. An access log would show what stands behind a question mark, such as
        # the token of a sign-in link; the routes say what was asked (`api.http.routing`).
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_WITHIN_S,
    )
    # What the program is made of stays: all answers wait while the collector looks through it.
    gc.collect()
    gc.freeze()
    with _ending_well():
        _Server(config, serving).run(sockets=[listener])


class _Server(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config, serving: Callable[[], None]) -> None:
        super().__init__(config)
        self._serving = serving

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._serving()


@contextmanager
def _ending_well() -> Iterator[None]:
    """uvicorn ends in order on a signal and then raises it again, which would make a bad end of it."""
    before = [(one, signal.signal(one, lambda *_: None)) for one in _ENDING]
    try:
        yield
    finally:
        for one, handler in before:
            signal.signal(one, handler)


def _started(arguments: tuple[Any, ...]) -> _Worker:
    said, say = _SPAWN.Pipe(duplex=False)
    process = _SPAWN.Process(target=_work, args=(*arguments, say))
    process.start()
    say.close()  # ours: the pipe then ends with the process
    return _Worker(process, said)


def _work(application: str, family: int, address: tuple[Any, ...], say: Connection) -> None:
    """What a worker does."""
    # Ctrl-C goes to everything in the terminal's foreground: while we start, our parent ends us in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with_parent()
    module, _, function = application.partition(":")
    app: FastAPI = getattr(import_module(module), function)()
    with bound(family, address) as listener:
        serve_here(app, listener, lambda: say.send(True))


def _end_with_parent() -> None:
    """From now on this process ends in order when the one that started it is gone, however that ended:
    left alone it would hold the port."""
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)

    Thread(target=watch, name="parent", daemon=True).start()


@contextmanager
def _told_to_end() -> Iterator[socket.socket]:
    """A socket that can be read from once SIGINT or SIGTERM has come."""
    ours, theirs = socket.socketpair()

    def told(*_: object) -> None:
        theirs.send(b"x")

    before = [(one, signal.signal(one, told)) for one in _ENDING]
    try:
        yield ours
    finally:
        for one, handler in before:
            signal.signal(one, handler)
        ours.close()
        theirs.close()


def _all_serve(workers: Sequence[_Worker], stopping: socket.socket) -> bool:
    """True once all serve, False if told to end meanwhile. Raises `WorkerFailed` if one has ended."""
    while waiting := [one for one in workers if not one.serves]:
        ready = wait([stopping, *(one.said for one in waiting)])
        if stopping in ready:
            return False
        for one in waiting:
            if one.said in ready:
                one.serves = _heard(one)
                if not one.serves:
                    raise WorkerFailed(
                        "a process of the API ended before it served; what it said stands above"
                    )
    return True


def _heard(worker: _Worker) -> bool:
    """Whether a worker said that it serves; False: its pipe has ended."""
    try:
        return bool(worker.said.recv())
    except (EOFError, OSError):
        return False


def _replace_until(
    stopping: socket.socket, workers: list[_Worker], arguments: tuple[Any, ...]
) -> None:
    while True:
        ready = wait([stopping, *(one.process.sentinel for one in workers)])
        if stopping in ready:
            return
        for place, one in enumerate(workers):
            if one.process.sentinel in ready:
                one.process.join()
                one.said.close()
                if (
                    not one.serves
                ):  # it may never be able to: not as fast as the machine can start them
                    time.sleep(_AGAIN_AFTER_S)
                workers[place] = _started(arguments)
            elif not one.serves and one.said.poll():
                one.serves = _heard(one)


def _end(workers: Sequence[_Worker]) -> None:
    for one in workers:
        if one.process.is_alive():
            one.process.terminate()
    deadline = time.monotonic() + _KILLED_AFTER_S
    for one in workers:
        one.process.join(max(0.0, deadline - time.monotonic()))
        if one.process.is_alive():
            one.process.kill()
            one.process.join()
        one.said.close()
