"""What an installation costs while nothing is due: processor and memory of each process over some minutes."""

import argparse
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import psutil

from benchmarks._fleet import fleet
from benchmarks._results import figure

COMPANIES = 300
_SETTLED_S = 60.0
PARTS: Mapping[str, tuple[str, ...]] = {
    "codeServer": ("grpc", "fork", "spawn", "resource_tracker"),
    "daemon": ("dagster._daemon",),
    "webServer": ("dagster-ui",),
    "api": ("serve",),
    "sandbox": ("sandbox",),
    "postgres": ("postgres",),
}
"""What stands in the command lines of each part's processes."""


@dataclass
class Use:
    """Processor seconds so far and resident bytes now."""

    cpu_s: float = 0.0
    memory: int = 0


def main() -> None:
    """Print a line for each part; with `--json` one document."""
    options = argparse.ArgumentParser()
    options.add_argument("--minutes", type=float, default=2.0)
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    with fleet(COMPANIES, IMPACT_IN_JWT_SECRET="for this benchmark only, long enough") as world:
        home = world.environment["IMPACT_IN_HOME"]
        api = world.command("serve", "--port", "0")
        try:
            time.sleep(_SETTLED_S)
            before, since = _used(home), time.monotonic()
            time.sleep(chosen.minutes * 60)
            after, seconds = _used(home), time.monotonic() - since
        finally:
            api.terminate()
            api.wait(timeout=60)
    found = {
        part: {
            "coresIdle": round((after[part].cpu_s - before[part].cpu_s) / seconds, 4),
            "memoryMb": round(after[part].memory / 1e6),
        }
        for part in PARTS
        if part != "sandbox"
    }
    for part, use in found.items():
        figure(f"{part}, cores", use["coresIdle"], "cores")
        figure(f"{part}, memory_mb", use["memoryMb"], "MB")
    if chosen.json:
        print(json.dumps(found, indent=2))
    else:
        for part, use in found.items():
            print(f"{part:12} {use['coresIdle']:.3f} cores, {use['memoryMb']:.0f} MB")


def _used(home: str) -> dict[str, Use]:
    """What each part has used; `home` is the folder of the embedded database."""
    uses = {part: Use() for part in PARTS}
    servers = [one for one in psutil.process_iter() if home in _words(one)]
    backends = [child for server in servers for child in server.children(recursive=True)]
    for process in {*psutil.Process().children(recursive=True), *servers, *backends}:
        words = _words(process)
        part = next((p for p, marks in PARTS.items() if any(mark in words for mark in marks)), None)
        if part is None:
            continue
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            # Connections of Dagster's come and go: what has ended counts for whoever started it.
            ended = times.children_user + times.children_system
            uses[part].cpu_s += times.user + times.system + ended
            uses[part].memory += process.memory_full_info().pss
    return uses


def _words(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
