"""The platforms' drains side by side, each in a process of its own.

One process uses one core, however much it has to send: Python lets one thread work at a time. The processes
are forked from one that has imported everything once (`warm`), and get what they are to do through a pipe:
nothing stands on a command line.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any
from uuid import uuid4

from impact_in_pipelines.cli.deliveries.drains import (
    Begun,
    DrainResult,
    result_of,
    run_drain,
    say_begun,
)
from impact_in_pipelines.cli.stopping import run_stoppable
from impact_in_pipelines.dagster_instance.runs.stopping import SIGNALS, Stop
from impact_in_pipelines.errors import ImpactInError
from impact_in_pipelines.logs.setting_up import log_to_stderr
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.services.deliveries.repairs.lost_runs import release_lost
from impact_in_pipelines.settings import get_settings
from impact_in_pipelines.wording import sentence

APART_FROM = 500
"""Deliveries for which processes of their own pay: together they cost a second of a processor."""

_WARM = "impact_in_pipelines.cli.deliveries.warm"
_ASK_EVERY_S = 0.1
_READY = "ready"


def can_run_apart() -> bool:
    """Whether this system starts processes in the way that is needed here."""
    return "forkserver" in multiprocessing.get_all_start_methods()


@dataclass(slots=True)
class _Drain:
    platform: Platform
    run_id: str
    process: BaseProcess
    answer: Connection
    asked_to_stop: bool = False


class DrainsApart:
    """Runs drains with `config`, as `drains.run_drains` does, and knows their processes."""

    def __init__(self, runtime: Runtime, config: Mapping[str, Any], begun: Begun) -> None:
        self._runtime = runtime
        self._config = config
        self._begun = begun
        self._drains: list[_Drain] = []

    def run(self, platforms: Sequence[Platform], *, quiet: bool, stop: Stop) -> list[DrainResult]:
        """One result for each platform that was begun before `stop` was requested, which is handed on. Of a
        process that dies the result says so, and what it had claimed is due again at once."""
        self._runtime.selections  # noqa: B018 - a database that is away is reported before anything runs
        for platform in platforms:
            if stop.requested:
                break
            if not quiet:
                say_begun(platform)
            self._drains.append(self._started(platform, quiet=quiet))
            if len(self._drains) == 1:
                # Dagster makes its tables when it is first used, and doesn't bear company at it.
                self._until_ready(self._drains[0], stop)
        while alive := [drain for drain in self._drains if drain.process.is_alive()]:
            wait([drain.process.sentinel for drain in alive], _ASK_EVERY_S)
            if stop.signal is not None:
                _hand_on(alive, stop.signal)
        return [self._result(drain, stop) for drain in self._drains]

    def kill(self) -> None:
        """End the processes whatever they are doing."""
        for drain in self._drains:
            drain.process.kill()

    def _started(self, platform: Platform, *, quiet: bool) -> _Drain:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([_WARM])
        ours, theirs = context.Pipe(duplex=False)
        run_id = self._begun[platform] = str(uuid4())
        process = context.Process(
            target=_drain_here, args=(platform, dict(self._config), run_id, quiet, theirs)
        )
        process.start()
        theirs.close()  # so that the pipe ends when the process does
        return _Drain(platform, run_id, process, ours)

    def _until_ready(self, drain: _Drain, stop: Stop) -> None:
        """Wait until it has opened the Dagster instance, or said anything else, or died."""
        while not wait([drain.answer, drain.process.sentinel], _ASK_EVERY_S):
            if stop.signal is not None:
                _hand_on([drain], stop.signal)

    def _result(self, drain: _Drain, stop: Stop) -> DrainResult:
        drain.process.join()
        said: DrainResult | str | None = None
        with suppress(EOFError, OSError):  # it died before it had said anything, or while it did
            while (said := drain.answer.recv()) == _READY:
                said = None
        drain.answer.close()
        if isinstance(said, dict):
            return said
        if said is None:
            self._clear_up_after(drain)
        died = f"{_how_it_ended(drain.process.exitcode)}; what it had not sent is due again"
        # Asked to stop before it could listen, it has not failed.
        stopped = stop.signal is not None and drain.process.exitcode == -stop.signal
        return result_of(
            self._runtime, drain.platform, drain.run_id, None if stopped else said or died
        )

    def _clear_up_after(self, drain: _Drain) -> None:
        from impact_in_pipelines.dagster_instance.runs.recovery import (  # 0.8 s
            GONE_AFTER,
            fail_orphans,
        )

        release_lost(self._runtime, drain.platform, drain.run_id)
        fail_orphans(self._runtime.processes.seen(GONE_AFTER))


def _hand_on(alive: Sequence[_Drain], signum: signal.Signals) -> None:
    """Once to each: it takes a second signal for the wish to end at once."""
    for drain in alive:
        if not drain.asked_to_stop and drain.process.pid is not None:
            drain.asked_to_stop = True
            os.kill(drain.process.pid, signum)


def _how_it_ended(code: int | None) -> str:
    if code is not None and code < 0:
        return f"its process was ended by {signal.Signals(-code).name}"
    return f"its process ended with exit code {code} before it was done"


def _drain_here(
    platform: Platform, config: Mapping[str, Any], run_id: str, quiet: bool, answer: Connection
) -> None:
    """In a process of its own: say to `answer` that Dagster is ready, run the drain as `run_id`, send its
    result, or in one line why there is none.

    SIGINT, SIGTERM and its parent's death end it in an orderly way.
    """
    # Ctrl-C goes to everything in the terminal's foreground, and the parent hands it on.
    os.setpgid(0, 0)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    log_to_stderr("warning")

    from impact_in_pipelines.dagster_instance.runs.running import open_instance  # imported already

    def work(stop: Stop) -> DrainResult:
        threading.Thread(target=_stop_with_parent, args=(stop,), daemon=True).start()
        runtime = Runtime(get_settings())
        open_instance()
        answer.send(_READY)
        return run_drain(runtime, platform, config, run_id=run_id, quiet=quiet, stop=stop)

    try:
        answer.send(run_stoppable(work))
    except ImpactInError as error:
        answer.send(sentence(error))


def _stop_with_parent(stop: Stop) -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        stop.request()
