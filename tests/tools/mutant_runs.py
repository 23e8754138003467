"""Runs a room's unit tests on a changed copy of the project, each time in a process of its own.

A first run without a change notes which lines each test executes, so that a change is shown only to tests
that can notice it, the quickest first, and which libraries it needs. The parent imports those, but nothing of
the project: a fork of it starts at once.
"""

import ast
import gc
import importlib
import json
import os
import resource
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from coverage import Coverage, CoverageData
from hypothesis import Phase, settings

EXAMPLES = 40
"""Of a property: a wrong rule is seen in few, and the suite itself tries more."""
CPU_SECONDS, CPU_SECONDS_UNCHANGED = 60, 600
ENDLESS_S, ENDLESS_TIMES = 3.0, 5.0
"""A change that makes a test compute for so long, and so many times longer than without it, has been noticed:
it never ends. CPU time, so that a busy machine notices nothing by itself."""
IDLE_SECONDS, IDLE_CPU_SECONDS = 120, 1.0
"""A change that leaves the tests waiting, with less computed than this in so long, has been noticed; that the
machine is busy has not."""
MEMORY_BYTES = 4 * 1024**3
OWN_PACKAGE = "impact_in_pipelines"


@dataclass(frozen=True)
class Trial:
    """A module with one change, and the tests that are to notice it (node ids, in their order), with the time
    that each takes unchanged."""

    module: str
    changed: str
    tests: tuple[str, ...]
    seconds: tuple[float, ...]


@dataclass
class Baseline:
    """What a room's tests do when nothing is changed."""

    seconds: dict[str, float] = field(default_factory=dict)
    """How long each test takes, by node id."""
    lines: dict[str, dict[int, set[str]]] = field(default_factory=dict)
    """By module and line: the tests that execute it; "" stands for the import."""

    def noticing(self, module: str, source: str, line: int) -> tuple[str, ...]:
        """The tests that execute the statement, then those that share a file with one that enters the module
        (a cached result is computed by the first who asks). A statement that runs at import (a constant, a
        default) may matter to every test of the room."""
        executed = self.lines.get(module, {})
        first, last = statement_at(source, line)
        direct = set().union(*(executed.get(number, set()) for number in range(first, last + 1)))
        entering = set().union(*executed.values()) if executed else set()
        files = {test.partition("::")[0] for test in entering}
        named = f"test_{Path(module).stem}.py"
        everybody = "" in direct

        def rank(test: str) -> tuple[bool, bool, bool, float]:
            return (
                test not in direct,
                test not in entering,
                not test.partition("::")[0].endswith(named),
                self.seconds[test],
            )

        fitting = [t for t in self.seconds if everybody or t.partition("::")[0] in files]
        return tuple(sorted(fitting, key=rank))


def statement_at(source: str, line: int) -> tuple[int, int]:
    """First and last line of the innermost statement there; of one with a body, its head alone."""
    found = (line, line)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or 0):
            body = getattr(node, "body", None)
            last = max(node.lineno, body[0].lineno - 1) if body else node.end_lineno or line
            if line <= last:
                found = (node.lineno, last)
    return found


class Recording:
    """A pytest plugin that notes, test by test, the lines that were executed and the time."""

    def __init__(self, coverage: Coverage) -> None:
        self._coverage = coverage
        self.seconds: dict[str, float] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> object:
        """Attribute the lines from here on to this test."""
        self._coverage.switch_context(item.nodeid)
        start = time.process_time()
        try:
            return (yield)
        finally:
            self.seconds[item.nodeid] = time.process_time() - start
            self._coverage.switch_context("")


class Ordering:
    """A pytest plugin that keeps the chosen tests, in the given order, and ends the process in one that never
    ends."""

    def __init__(self, trial: Trial) -> None:
        self._rank = {test: number for number, test in enumerate(trial.tests)}
        self._seconds = dict(zip(trial.tests, trial.seconds, strict=True))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> object:
        """Have the system end this process (SIGPROF) unless the test ends before."""
        signal.setitimer(
            signal.ITIMER_PROF, ENDLESS_S + ENDLESS_TIMES * self._seconds.get(item.nodeid, 0.0)
        )
        try:
            return (yield)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Called by pytest once all tests of the files are known."""
        kept = [item for item in items if item.nodeid in self._rank]
        items[:] = sorted(kept, key=lambda item: self._rank[item.nodeid])


_OPTIONS = (
    *("-p", "no:cacheprovider", "-p", "pytest_timeout", "--timeout=0"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
)
"""Of the installed plugins only the one that the configuration names: loading them all took most of a run's
time. Its time-out is off: a busy machine must not notice anything. Hypothesis is imported before pytest could
rewrite its assertions, which we don't need."""


def _tests(paths: list[str], *plugins: object) -> int:
    """Run them with few, fixed examples: with their room's conftest, without the one above, which opens the
    world."""
    settings.register_profile(
        "mutants",
        derandomize=True,
        deadline=None,
        database=None,
        max_examples=EXAMPLES,
        phases=(Phase.explicit, Phase.generate),
    )
    settings.load_profile("mutants")
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    room = "/".join(Path(paths[0]).parts[:3])
    options = ["-x", "-q", "--confcutdir", room, "--tb=line", *_OPTIONS]
    return int(pytest.main([*options, *paths], plugins=list(plugins)))


def _forked(copy: Path, action: Callable[[], int], cpu_seconds: int = CPU_SECONDS) -> int:
    """Start the action in a process of its own that takes the project from `copy`; its number."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    code = 3
    try:
        with (copy / "tests.log").open("wb") as log:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
        os.chdir(copy)
        sys.path[:] = [
            str(copy),
            str(copy / "tests"),
            *(path for path in sys.path if not (Path(path) / "impact_in_pipelines").is_dir()),
        ]
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        code = action()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _libraries(copy: Path) -> list[str]:
    """The modules that are imported now and come from elsewhere than the copy of the project."""
    files = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
    return [name for name, file in files.items() if file and not file.startswith(str(copy))]


def _import_all(libraries: list[str]) -> None:
    """Import these here, in their order. Raises RuntimeError if a fork would then not see a change."""
    for name in libraries:
        with suppress(ImportError):  # a name under which a library registers one of its own
            importlib.import_module(name)
    if any(name.partition(".")[0] == OWN_PACKAGE for name in sys.modules):
        raise RuntimeError("the project is imported already: its forks would not see a change")
    if threading.active_count() > 1:
        raise RuntimeError("a library has started a thread, which no fork would have")
    gc.freeze()  # pytest collects garbage at each end: no fork need look through the libraries


def baseline(copies: list[Path], tests: str, package: str) -> Baseline:
    """Run all tests of the room in each copy (which also compiles it), unchanged. Raises RuntimeError if one
    fails: what fails by itself notices nothing."""
    for copy in copies:
        notes, data, needed = (
            copy / name for name in ("seconds.json", "lines.coverage", "libraries.json")
        )

        def recorded(
            notes: Path = notes, data: Path = data, needed: Path = needed, copy: Path = copy
        ) -> int:
            coverage = Coverage(
                data_file=str(data), source=[str(copy / package)], config_file=False
            )
            coverage.start()
            recording = Recording(coverage)
            code = _tests([tests], recording)
            coverage.stop()
            coverage.save()
            notes.write_text(json.dumps(recording.seconds))
            needed.write_text(json.dumps(_libraries(copy)))
            return code

        _, status = os.waitpid(_forked(copy, recorded, CPU_SECONDS_UNCHANGED), 0)
        if status:
            log = (copy / "tests.log").read_text("utf-8", "replace")
            raise RuntimeError(f"the tests fail unchanged ({tests}):\n{log[-3000:]}")
    _import_all(json.loads(needed.read_text()))
    found = Baseline(json.loads(notes.read_text()))
    executed = CoverageData(str(data))
    executed.read()
    for file in executed.measured_files():
        by_line = executed.contexts_by_lineno(file)
        module = str(Path(file).relative_to(copy))
        found.lines[module] = {line: set(contexts) for line, contexts in by_line.items()}
    return found


class Progress:
    """Whether a process computes anything, by the system's own account of it (Linux)."""

    def __init__(self, child: int) -> None:
        self._stat = Path(f"/proc/{child}/stat")
        self._known, self._since = 0.0, time.monotonic()

    def goes_on(self) -> bool:
        """Whether it has computed `IDLE_CPU_SECONDS` within the last `IDLE_SECONDS`."""
        if time.monotonic() - self._since < IDLE_SECONDS:
            return True
        used, before = self._cpu_seconds(), self._known
        self._known, self._since = used, time.monotonic()
        return used - before >= IDLE_CPU_SECONDS

    def _cpu_seconds(self) -> float:
        with suppress(OSError):
            fields = self._stat.read_text().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return self._known + IDLE_CPU_SECONDS  # it has ended, or nobody can tell


class Trials:
    """Tries mutants, one at a time in each copy."""

    def __init__(self, copies: list[Path]) -> None:
        self._free = list(copies)
        self._running: dict[int, tuple[Trial, Path, Progress]] = {}

    def run(self, trials: list[Trial]) -> Iterator[tuple[Trial, bool]]:
        """Each as it ends, with whether a test noticed it."""
        waiting = list(reversed(trials))
        while waiting or self._running:
            while waiting and self._free:
                trial = waiting.pop()
                if trial.tests:
                    self._start(trial, self._free.pop())
                else:
                    yield trial, False
            yield from self._collect()
            time.sleep(0.01)

    def _start(self, trial: Trial, copy: Path) -> None:
        path = copy / trial.module
        path.write_text(trial.changed, "utf-8")
        # Python takes compiled code for current if time (in seconds) and size agree: a second in the future
        # agrees with none.
        ahead = time.time() + 1_000_000
        os.utime(path, (ahead, ahead))

        def tried() -> int:
            sys.dont_write_bytecode = True
            files = dict.fromkeys(test.partition("::")[0] for test in trial.tests)
            return _tests(list(files), Ordering(trial))

        child = _forked(copy, tried, int(CPU_SECONDS + 2 * sum(trial.seconds)))
        self._running[child] = (trial, copy, Progress(child))

    def _collect(self) -> Iterator[tuple[Trial, bool]]:
        """Take the results of what has ended, and end what never would."""
        for child, (trial, copy, progress) in list(self._running.items()):
            if not progress.goes_on():
                os.kill(child, signal.SIGKILL)
            ended, status = os.waitpid(child, os.WNOHANG)
            if not ended:
                continue
            del self._running[child]
            original = Path(__file__).parents[2] / trial.module
            shutil.copy2(original, copy / trial.module)
            self._free.append(copy)
            code = os.waitstatus_to_exitcode(status)
            if code > 2:
                log = (copy / "tests.log").read_text("utf-8", "replace")
                raise RuntimeError(f"the tests did not run ({code}): {log[-2000:]}")
            yield trial, code != 0
