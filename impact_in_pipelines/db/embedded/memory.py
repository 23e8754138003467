"""How much memory the embedded server keeps pages of tables and indexes in.

initdb's 128 MB are for any machine. In a log of ten million deliveries a claimed row has its places in
several indexes of half a gigabyte; with 1 GB it costs two thirds of the CPU. What isn't used isn't taken.
"""

import os
import re
from pathlib import Path

_MB = 1024 * 1024
_LEAST, _MOST = 128 * _MB, 1024 * _MB
_SHARE = 16
"""One in so many bytes: Dagster and our processes work on the same machine, as does the system's cache."""
_OF_INITDB = "128MB"
_SET = re.compile(r"^\s*shared_buffers\s*=?\s*'?([^'#\s]+)", re.MULTILINE | re.IGNORECASE)
_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Where Linux says what a container may use, the newer way first."""


def buffer_options(data: Path) -> dict[str, str]:
    """The setting for the server on `data`; none where somebody has set it there."""
    in_file = _SET.findall(_text(data / "postgresql.conf"))
    by_command = _SET.findall(_text(data / "postgresql.auto.conf"))  # initdb writes none there
    if by_command or any(value != _OF_INITDB for value in in_file):
        return {}
    return {"shared_buffers": f"{buffers_of(usable_memory()) // _MB}MB"}


def buffers_of(memory: int) -> int:
    """Bytes for the buffers of a server on a machine of so many bytes."""
    return max(_LEAST, min(memory // _SHARE, _MOST))


def usable_memory() -> int:
    """Bytes that this machine or container has; 0: the system doesn't say."""
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return 0
    limits = [int(said) for path in _LIMITS if (said := _text(path).strip()).isdecimal()]
    return min([memory, *limits])


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
