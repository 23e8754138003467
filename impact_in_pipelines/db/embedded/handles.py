"""The handles on an embedded server whose processes are gone.

The server's wheel keeps a list of process ids; a process that is killed stays on it, and its id may by now
be another program's. Beside that list lies when each process was started, which tells the two apart.
"""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

_PROC = Path("/proc")
_STATE, _STARTED = 0, 19
"""Fields of /proc/PID/stat after the name (proc(5): 3, state; 22, ticks from boot to the start). Not the time
of day, which is computed from a clock that may be set: that would declare the living dead."""


class ProcessIds(Protocol):
    """The wheel's list on disk (`DiskList`)."""

    def _get(self) -> list[int]: ...

    def put(self, values: list[int]) -> None: ...


def purge_handles(folder: Path, listed: ProcessIds) -> list[int]:
    """Take the processes that are gone off the list and note when the others started; returns what is
    left. `folder` is the server's data folder; its lock must be held."""
    path = folder / ".handle_starts.json"
    ids = listed._get()
    alive = still_alive(ids, _read(path))
    if list(alive) != ids:
        listed.put(list(alive))
    text = json.dumps(alive)
    if not path.exists() or path.read_text("utf-8") != text:
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.write_text(text, "utf-8")
        fresh.replace(path)
    return list(alive)


def still_alive(ids: Iterable[int], noted: Mapping[int, str]) -> dict[int, str]:
    """Those of `ids` whose process runs, with its start. One that started at another time than `noted` is
    somebody else; one of which nothing is noted is taken to be who it was."""
    found = {pid: started(pid) for pid in ids}
    return {pid: at for pid, at in found.items() if at is not None and noted.get(pid, at) == at}


def started(pid: int) -> str | None:
    """What tells the process with this id from another that has it later; None if there is none, or only
    its remains. The same for all processes where the system has no /proc."""
    if not (_PROC / "self" / "stat").exists():
        return "running" if _exists(pid) else None
    try:
        # The name stands in brackets and may hold anything, brackets too.
        fields = (
            (_PROC / str(pid) / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        )
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[_STATE] in "ZX" else fields[_STARTED]


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _read(path: Path) -> dict[int, str]:
    try:
        return {int(pid): str(at) for pid, at in json.loads(path.read_text("utf-8")).items()}
    except (OSError, ValueError, AttributeError):
        return {}  # not there yet, or not ours: nothing is known
