"""What a question costs: its time, and the CPU of our process and of PostgreSQL. Not a benchmark."""

import resource
import statistics
import time
from collections.abc import Callable

from benchmarks._results import figure
from benchmarks._usage import busy_s, cpu_of


def seconds(what: str, run: Callable[[], object], server: int) -> None:
    """Print how long `run` takes, and the CPU of it: what tells on a machine that has other work to do."""
    started, others = time.perf_counter(), busy_s()
    ours, theirs = time.process_time(), cpu_of([server])
    run()
    took = time.perf_counter() - started
    ours, theirs = time.process_time() - ours, cpu_of([server]) - theirs
    others = (busy_s() - others - ours - theirs) / took
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{what}: {took:.2f} s (CPU {ours:.2f} s ours + {theirs:.2f} s PostgreSQL; {others:.1f} cores "
        f"for others; peak memory {peak:.0f} MB)",
        flush=True,
    )
    figure(what, took, "s")
    figure(f"{what}, CPU", ours + theirs, "s")


def often(what: str, times: int, run: Callable[[], object], server: int) -> None:
    """Print the median duration of `run` and the CPU of each."""
    taken = []
    ours, theirs = time.process_time(), cpu_of([server])
    for _ in range(times):
        started = time.perf_counter()
        run()
        taken.append((time.perf_counter() - started) * 1000)
    ours, theirs = time.process_time() - ours, cpu_of([server]) - theirs
    median = statistics.median(taken)
    print(
        f"{what}: {median:.1f} ms, the median of {times} (CPU {1000 * ours / times:.1f} ms ours + "
        f"{1000 * theirs / times:.1f} ms PostgreSQL; least {min(taken):.1f} ms)",
        flush=True,
    )
    figure(what, median, "ms")
    figure(f"{what}, CPU", 1000 * (ours + theirs) / times, "ms")
