"""Which process this is, among those of all machines: by what nothing that ends and is started again has."""

import hashlib
import os
import socket
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_PROC = Path("/proc")
_MACHINE_ID = Path("/etc/machine-id")


@dataclass(frozen=True, slots=True)
class Process:
    """A process of ours. `host` is its machine's name with a part of its machine id; `boot` the kernel's, and
    `space` the process-id space that `pid` counts in (a container's); `started` tells two processes apart
    that have had the same `pid`. What a system doesn't tell is a dash."""

    host: str
    boot: str
    space: str
    pid: int
    started: str

    @property
    def name(self) -> str:
        """All of it in one word, as run tags and the database have it; `named` reads it."""
        return "/".join((self.host, str(self.pid), self.started, self.boot, self.space))


def named(name: str) -> Process | None:
    """The process of that name; None for a name of another form."""
    match name.split("/"):
        case [host, pid, started, boot, space] if pid.isdigit():
            return Process(host, boot, space, int(pid), started)
        case _:
            return None


def this_process() -> Process:
    """The one that asks."""
    return _process(os.getpid())


@cache  # a forked child has a pid of its own
def _process(pid: int) -> Process:
    return Process(_host(), _boot(), _space(), pid, _started(pid))


def is_alive(process: Process) -> bool:
    """Whether a process that counts its pid as this one does is there. Raises `ValueError` for another's."""
    here = this_process()
    if (process.host, process.boot, process.space) != (here.host, here.boot, here.space):
        raise ValueError(process.name)
    try:
        os.kill(process.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return "-" in (process.started, now := _started(process.pid)) or process.started == now


def _host() -> str:
    machine = _read(_MACHINE_ID)
    return f"{socket.gethostname().replace('/', '-')}~{_short(machine)}"


def _boot() -> str:
    return _short(_read(_PROC / "sys/kernel/random/boot_id"))


def _space() -> str:
    try:
        return os.readlink(_PROC / "self/ns/pid").strip("pid:[]")
    except OSError:
        return "-"


def _started(pid: int) -> str:
    # The 22nd field; the second, a name in brackets, may contain anything.
    fields = _read(_PROC / str(pid) / "stat").rpartition(")")[2].split()
    return fields[19] if len(fields) > 19 else "-"


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8] if text else "-"


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except OSError:
        return ""
