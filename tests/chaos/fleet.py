"""Three homes on one database: their worker processes, each on a machine with a clock of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from impact_in_pipelines.processes import _process

LOOP = Path(__file__).parents[1] / "drain_loop.py"


@dataclass(frozen=True)
class Home:
    """A machine: its folder, its own way to the database, and how far its clock is ahead in seconds."""

    folder: Path
    database_url: str
    ahead_s: float


@dataclass(eq=False)
class Worker:
    """A process that drains; `name` as others know it (`processes.Process.name`)."""

    home: Home
    process: subprocess.Popen[bytes]
    name: str
    run_id: str | None = None

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def stop_for_a_while(self) -> None:
        """Stand still, as in a swap storm or a paused virtual machine."""
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """As if nothing had been."""
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End as in a power cut."""
        self.process.kill()
        self.process.wait()


class Fleet:
    """One drain loop for each home, replaced when it is killed, and what runs beside: backfills."""

    def __init__(
        self, homes: list[Home], environment: Mapping[str, str], seed: str, log: Path
    ) -> None:
        self.homes = homes
        self._environment = environment
        self._seed = seed
        self._log = log
        self._started = 0
        self.workers: list[Worker] = []
        self.backfills: list[Worker] = []
        self.dead: list[Worker] = []

    def start(self) -> None:
        """A drain loop on every home."""
        self.workers = [self._start(home) for home in self.homes]

    def kill(self, which: int) -> None:
        """Kill the loop of one home and start it again."""
        worker = self.workers[which]
        worker.kill()
        self.dead.append(worker)
        self.workers[which] = self._start(worker.home)

    def kill_all(self) -> None:
        """Nothing of ours runs any more."""
        for worker in (*self.workers, *self.backfills):
            worker.kill()
            self.dead.append(worker)
        self.workers, self.backfills = [], []

    def backfill(self, which: int, run_id: str, platform: str) -> Worker:
        """A process on one home that sends what a run selected, and ends."""
        worker = self._start(self.homes[which], run_id, platform)
        worker.run_id = run_id
        self.backfills.append(worker)
        return worker

    def ended(self) -> list[Worker]:
        """Loops that ended by themselves, and backfills that failed: neither should."""
        failed = [one for one in self.backfills if one.process.poll() not in (None, 0)]
        return [one for one in self.workers if not one.alive] + failed

    def run(self, *arguments: str, home: Home, **more: str) -> subprocess.Popen[str]:
        """A command of ours on one home."""
        return subprocess.Popen(
            [sys.executable, "-m", "impact_in_pipelines.cli.main", *arguments],
            env={**self._of(home), **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def last_words(self) -> str:
        """The end of what they said."""
        return self._log.read_text()[-6_000:]

    def _start(self, home: Home, *selection: str) -> Worker:
        self._started += 1
        with self._log.open("ab") as out:
            process = subprocess.Popen(
                [sys.executable, str(LOOP), f"{self._seed}-{self._started}", *selection],
                env=self._of(home),
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        return Worker(home, process, _process(process.pid).name)

    def _of(self, home: Home) -> dict[str, str]:
        return {
            **os.environ,
            **self._environment,
            "DATABASE_URL": home.database_url,
            "IMPACT_IN_HOME": str(home.folder),
            "CHAOS_CLOCK_AHEAD_S": str(home.ahead_s),
        }
