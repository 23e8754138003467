"""The spike: 10,000 companies due on all three platforms at once, sent by one `impact-in deliver`.

The sandbox answers after 50 ms and shares the machine's cores with us, so its CPU is measured beside ours
and PostgreSQL's. Beside it, in the same run: the same bodies sent by a bare loop of `requests` threads.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine, text

from benchmarks._results import figure, ratio
from benchmarks.deliver import bare_loop, counted, stage

COMPANIES = int(os.environ.get("SPIKE_COMPANIES", "10000"))
_SAMPLE_S = 0.5
_TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Print seconds, the ratio to the bare loop, CPU-ms a delivery by process, and memory over time."""
    with stage(COMPANIES) as (sandbox, environment, engine):
        _settle_in(engine)
        run = measured_run(environment, sandbox.pid)
        delivered = sum(p["success"] for p in json.loads(run.output)["platforms"])
        accepted, doubled = counted(sandbox)
        rate = delivered / run.seconds
        print(f"delivered {delivered}, accepted {accepted}, accepted twice {doubled}")
        print(f"{run.seconds:.1f} s in all, start-up included: {rate:.0f} a second")
        for name, cpu_s in run.cpu_s.items():
            print(f"CPU-ms a delivery, {name}: {1000 * cpu_s / max(1, delivered):.2f}")
        print(f"cores that other processes took meanwhile: {run.others / run.seconds:.1f}")
        start, middle, end = run.memory_thirds()
        print(f"most memory of our process, MB by thirds of the run: {start}, {middle}, {end}")
        before = cpu_of([sandbox.pid])
        bare = bare_loop(sandbox, COMPANIES)
        sandbox_ms = 1000 * (cpu_of([sandbox.pid]) - before) / COMPANIES
        print(
            f"bare loop of requests threads: {bare:.0f} a second (sandbox {sandbox_ms:.2f} CPU-ms each); "
            f"ratio {rate / bare:.2f}"
        )
        ratio("throughput to the bare loop's", rate / bare)
        figure("in all", run.seconds, "s")
        for name, cpu_s in run.cpu_s.items():
            figure(f"CPU a delivery, {name}", 1000 * cpu_s / max(1, delivered), "ms")
        figure("most memory of our process", max(start, middle, end), "MB")


@dataclass
class Run:
    """One `impact-in deliver`: its output, wall seconds, CPU seconds by process and of all `others` on the
    machine, memory (MB) in samples."""

    output: str = ""
    seconds: float = 0.0
    cpu_s: dict[str, float] = field(default_factory=dict)
    others: float = 0.0
    memory_mb: list[int] = field(default_factory=list)

    def memory_thirds(self) -> tuple[int, int, int]:
        """The most of each third of the samples."""
        third = max(1, len(self.memory_mb) // 3)
        parts = (
            self.memory_mb[:third],
            self.memory_mb[third : 2 * third],
            self.memory_mb[2 * third :],
        )
        return tuple(max(part, default=0) for part in parts)  # type: ignore[return-value]


def measured_run(environment: dict[str, str], sandbox_pid: int) -> Run:
    """Run `impact-in deliver` to its end. Exits with what it said if it fails."""
    run = Run()
    servers = {"sandbox": [sandbox_pid], "PostgreSQL": list(postgres_processes(environment))}
    before = {name: cpu_of(pids) for name, pids in servers.items()}
    started, own, busy = time.monotonic(), os.times(), busy_s()
    process = subprocess.Popen(
        [sys.executable, "-m", "impact_in_pipelines.cli.main", "deliver", "--json"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    watch = threading.Thread(target=_watch_memory, args=(process, run.memory_mb))
    watch.start()
    run.output, complaint = process.communicate()
    run.seconds = time.monotonic() - started
    watch.join()
    used = os.times()
    if process.returncode:
        sys.exit(f"deliver failed: {complaint or run.output}")
    run.cpu_s["our process"] = (
        used.children_user + used.children_system - own.children_user - own.children_system
    )
    for name, pids in servers.items():
        run.cpu_s[name] = cpu_of(pids) - before[name]
    run.others = busy_s() - busy - sum(run.cpu_s.values())
    return run


def postgres_processes(environment: dict[str, str]) -> Iterator[int]:
    """The embedded server's first process; those of its connections that have ended count with it."""
    pid_file = Path(environment["IMPACT_IN_HOME"]) / "postgres" / "postmaster.pid"
    yield int(pid_file.read_text().splitlines()[0])


def cpu_of(pids: Sequence[int]) -> float:
    """CPU seconds of these processes so far, with their living and their ended children."""
    total = 0.0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        parent = int(fields[1])
        if int(stat.parent.name) in pids:
            total += sum(map(int, fields[11:15]))
        elif parent in pids:
            total += sum(map(int, fields[11:13]))
    return total / _TICKS


def busy_s() -> float:
    """CPU seconds that all cores have worked since the machine started."""
    user, nice, system, _idle, _wait, irq, softirq, *_ = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    )
    return (user + nice + system + irq + softirq) / _TICKS


def _watch_memory(process: subprocess.Popen[str], samples: list[int]) -> None:
    status = Path(f"/proc/{process.pid}/status")
    while process.poll() is None:
        try:
            lines = status.read_text().splitlines()
        except OSError:
            return
        samples += [int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS")]
        time.sleep(_SAMPLE_S)


def _settle_in(engine: Engine) -> None:
    """What autovacuum would have done by the time a world of this size is due."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


if __name__ == "__main__":
    main()
