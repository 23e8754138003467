"""Which process is which: ids come round again, so that an id alone proves nothing."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_STATE, _STARTED = 0, 19
"""Fields of /proc/PID/stat after the name (proc(5): 3, state; 22, ticks from boot to the start). Not the time
of day, which is computed from a clock that may be set: that would declare the living dead."""


def has_proc() -> bool:
    """Whether this system describes its processes in /proc (Linux does, macOS doesn't)."""
    return (_PROC / "self" / "stat").exists()


def started(pid: int) -> str | None:
    """What tells the process with this id from another that has it later; None if there is none, or only
    its remains. The same for all processes where the system has no /proc."""
    if not has_proc():
        return "running" if _exists(pid) else None
    try:
        # The name stands in brackets and may hold anything, brackets too.
        text = (_PROC / str(pid) / "stat").read_text("utf-8", "replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[_STATE] in "ZX" else fields[_STARTED]


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A server's first process, found to be the one that serves `data`, and its socket's folder."""

    pid: int
    data: Path
    socket_folder: Path
    ready: bool


def find_postmaster(data: Path) -> Postmaster | None:
    """The running server of the data folder `data`, or None. `postmaster.pid` is only a hint: after a crash
    the number in it may belong to any other program."""
    try:
        lines = (data / "postmaster.pid").read_text("utf-8", "surrogateescape").splitlines()
        pid = int(lines[0])
    except (OSError, ValueError, IndexError):
        return None
    if pid <= 0 or not _serves(pid, data):
        return None
    # A starting server writes the lines from the fourth on one by one.
    lines += [""] * (8 - len(lines))
    return Postmaster(pid, data, Path(lines[4]), lines[7].strip() == "ready")


def _serves(pid: int, data: Path) -> bool:
    """Whether the process `pid` is PostgreSQL's first process on `data`."""
    if not has_proc():
        return _serves_by_ps(pid, data)
    if started(pid) is None:
        return False
    process = _PROC / str(pid)
    try:
        # After an upgrade of the wheel the link ends with " (deleted)".
        program = os.readlink(process / "exe").removesuffix(" (deleted)")
        words = (process / "cmdline").read_bytes().split(b"\0")
        # PostgreSQL enters its data folder at once and stays there; a path may have other names.
        same = os.path.samestat(os.stat(process / "cwd"), data.stat())
    except OSError:
        return False
    # The first process keeps its command line; those of connections say `postgres: user database …`.
    return same and Path(program).name == "postgres" and not words[0].startswith(b"postgres: ")


def _serves_by_ps(pid: int, data: Path) -> bool:
    words = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    shown = subprocess.run(words, capture_output=True, text=True, check=False).stdout  # noqa: S603
    return "postgres" in shown.split(" -D ")[0] and f" -D {data} " in f"{shown.strip()} "


def stop_postmaster(server: Postmaster, *, patience_s: float = 60.0) -> bool:
    """Stop the server: connections are cut, everything committed stays. False if it still runs after
    `patience_s` and another 10 seconds of the hard way (it then recovers at its next start).

    The process is held by a descriptor before it is looked at again, so that the signal can't reach
    another that gets its number meanwhile.
    """
    with _Held(server.pid) as held:
        if not _serves(server.pid, server.data):
            return True
        held.send(signal.SIGINT)
        if _wait(lambda: not _serves(server.pid, server.data), patience_s):
            return True
        held.send(signal.SIGQUIT)
        return _wait(lambda: not _serves(server.pid, server.data), 10.0)


class _Held:
    """A process that can be signalled by descriptor, where the system has such (Linux 5.3)."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._descriptor: int | None = None

    def __enter__(self) -> "_Held":
        try:
            self._descriptor = os.pidfd_open(self._pid)
        except (AttributeError, OSError):
            self._descriptor = None
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)

    def send(self, number: signal.Signals) -> None:
        try:
            if self._descriptor is not None:
                signal.pidfd_send_signal(self._descriptor, number)
            else:
                os.kill(self._pid, number)
        except ProcessLookupError:
            pass


def _wait(done: Callable[[], bool], patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
