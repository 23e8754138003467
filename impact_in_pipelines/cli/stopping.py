"""Work that Ctrl-C (or SIGTERM) ends in an orderly way, and a second one at once."""

import os
import signal
import threading
from collections.abc import Callable
from typing import NoReturn, TypeVar

import typer

from impact_in_pipelines.cli.output import errors
from impact_in_pipelines.cli.progress import SHOW_CURSOR
from impact_in_pipelines.dagster_instance.runs.stopping import Stop, in_force, on_signals
from impact_in_pipelines.db.embedded.cluster import leave_servers

Result = TypeVar("Result")


def run_stoppable(
    work: Callable[[Stop], Result],
    *,
    stopping: str | None = None,
    at_once: str | None = None,
    kill: Callable[[], None] = lambda: None,
) -> Result:
    """What `work` returns or raises; it is given a `Stop` that SIGINT and SIGTERM request.

    `stopping` is printed at the first signal, `at_once` at the second (None: nothing is), with which the
    process ends; `kill` is called before and ends what works for it elsewhere.
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        return work(stop)  # signals can't be caught here
    # Dagster redirects the standard streams to its logs while it executes a run.
    terminal = os.dup(2)
    outcome: list[Result] = []
    broken: list[BaseException] = []

    def body() -> None:
        # What this thread starts inherits the mask: Ctrl-C goes to everything in the terminal's foreground,
        # and neither a database being set up nor Dagster's helpers may die of it before us.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            outcome.append(work(stop))
        except BaseException as error:
            broken.append(error)

    def on_signal(signum: int) -> None:
        if stop.requested:
            kill()
            _end_at_once(signum, terminal, at_once)
        stop.request(signum)
        if stopping is not None:
            say(terminal, f"{stopping} Ctrl-C again ends at once.")

    # Dagster takes the signals away from a main thread that executes a run, and only from that one.
    worker = threading.Thread(target=body, name="work", daemon=True)
    try:
        with in_force(stop), on_signals(on_signal):
            worker.start()
            worker.join()
    finally:
        os.close(terminal)
    if broken:
        raise broken[0]
    return outcome[0]


def exit_code(stop: Stop) -> int:
    """128 and the signal's number, as a shell counts: 130 for Ctrl-C, 143 for SIGTERM. 0: no stop."""
    return 0 if stop.signal is None else 128 + stop.signal.value


def leave_if_stopped(stop: Stop, told: str) -> None:
    """Say `told` and raise `typer.Exit` if a stop was requested."""
    if stop.requested:
        errors.print(told, soft_wrap=True)
        raise typer.Exit(exit_code(stop))


def say(terminal: int, text: str) -> None:
    """One line to this file descriptor, whatever `sys.stderr` is just now."""
    # Over a progress line, which may be longer.
    clear = "\r\x1b[K" if os.isatty(terminal) else "\r"
    os.write(terminal, f"{clear}{text}\n".encode())


def _end_at_once(signum: int, terminal: int, told: str | None) -> NoReturn:
    if told is not None:
        say(terminal, told)
    if os.isatty(terminal):
        os.write(terminal, SHOW_CURSOR)  # a progress line hides it
    # The interpreter's own end would wait for every thread that still sends.
    leave_servers()
    os._exit(128 + signum)
