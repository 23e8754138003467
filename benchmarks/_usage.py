"""What processes use: CPU seconds and memory of everything in a session, from /proc."""

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_SAMPLE_S = 0.2
_SESSION, _PARENT = 3, 1


@dataclass
class Usage:
    """CPU seconds since `watched` began, by what used them, and of everybody else here; the most memory
    (MB) that each of our processes had."""

    cpu_s: dict[str, float] = field(default_factory=dict)
    others_s: float = 0.0
    memory_mb: dict[int, int] = field(default_factory=dict)

    @property
    def most_mb(self) -> int:
        return max(self.memory_mb.values(), default=0)


@contextmanager
def watched(ours: Sequence[int], servers: Mapping[str, Sequence[int]]) -> Iterator[Usage]:
    """What the sessions led by `ours` use while the block lasts, and the processes `servers` with their
    children, by name. Read every 0.2 s: what a process uses after the last look isn't seen."""
    usage = Usage()
    before_ours, busy = session_cpu(ours), busy_s()
    before = {name: cpu_of(pids) for name, pids in servers.items()}
    ended = threading.Event()

    def look() -> None:
        while not ended.is_set():
            # An ended session has nothing left to count.
            used = max(session_cpu(ours) - before_ours, usage.cpu_s.get("ours", 0.0))
            usage.cpu_s["ours"] = used
            for pid in _in_sessions(ours):
                usage.memory_mb[pid] = max(usage.memory_mb.get(pid, 0), _memory_mb(pid))
            ended.wait(_SAMPLE_S)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield usage
    finally:
        ended.set()
        looking.join()
        for name, pids in servers.items():
            usage.cpu_s[name] = cpu_of(pids) - before[name]
        usage.others_s = busy_s() - busy - sum(usage.cpu_s.values())


def session_cpu(leaders: Sequence[int]) -> float:
    """CPU seconds of the sessions' processes so far, with their ended children."""
    return sum(sum(map(int, fields[11:15])) for _, fields in _stats(leaders)) / _TICKS


def cpu_of(pids: Sequence[int]) -> float:
    """CPU seconds of these processes so far, with their living and their ended children."""
    total = 0
    for pid, fields in _stats(None):
        if pid in pids:
            total += sum(map(int, fields[11:15]))
        elif int(fields[_PARENT]) in pids:
            total += sum(map(int, fields[11:13]))
    return total / _TICKS


def busy_s() -> float:
    """CPU seconds that all cores have worked since the machine started."""
    user, nice, system, _idle, _wait, irq, softirq, *_ = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    )
    return (user + nice + system + irq + softirq) / _TICKS


def _in_sessions(leaders: Sequence[int]) -> list[int]:
    return [pid for pid, _ in _stats(leaders)]


def _stats(leaders: Sequence[int] | None) -> Iterator[tuple[int, list[str]]]:
    """The fields of each process's stat from its state on, of these sessions or of all."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        if leaders is None or int(fields[_SESSION]) in leaders:
            yield int(stat.parent.name), fields


def _memory_mb(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS"))
