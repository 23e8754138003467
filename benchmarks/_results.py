"""What benchmarks measured, for programs: `results.json`, the newest measurement of each benchmark.

Older ones are in the file's history. Ratios (two things measured in one run) may be compared between
machines and days; figures (seconds, CPU-ms, MB) say what they were here and then.
"""

import json
import os
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results.json"

_measured: dict[str, dict[str, Any]] = {"ratios": {}, "figures": {}}
_size: list[str] = []
"""What the benchmark that runs is about, where that isn't its usual size."""


def ratio(name: str, value: float) -> None:
    """Note a ratio of the benchmark that runs."""
    _measured["ratios"][name] = _rounded(value)


def figure(name: str, value: float, unit: str) -> None:
    """Note a figure of the benchmark that runs, such as seconds (`s`)."""
    _measured["figures"][name] = {"value": _rounded(value), "unit": unit}


def of_size(size: str) -> None:
    """Note that the benchmark that runs is about another size than its own: its results are kept beside
    these, under both names."""
    _size[:] = [size]


def named(benchmark: str) -> str:
    """What the results of `benchmark` are called, which ran last; forgets its size."""
    name = ", ".join([benchmark, *_size])
    _size.clear()
    return name


def taken() -> dict[str, Any]:
    """What has been noted since the last time, and forget it."""
    found = {kind: dict(values) for kind, values in _measured.items()}
    for values in _measured.values():
        values.clear()
    return found


def write(
    benchmark: str,
    measured: Mapping[str, Any],
    *,
    path: Path = RESULTS,
    now: datetime | None = None,
) -> None:
    """Put a benchmark's measurement in place of its last one; a benchmark that noted nothing is left out."""
    if not any(measured.values()):
        return
    results = json.loads(path.read_text("utf-8")) if path.exists() else {}
    results[benchmark] = {
        "commit": commit(path.parent),
        "date": (now or datetime.now(UTC)).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        **measured,
    }
    text = json.dumps(dict(sorted(results.items())), indent=1, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", "utf-8")


def commit(folder: Path) -> str:
    """The commit that was measured, with `+` where tracked files beside `results.json` had been changed."""
    head = git(folder, "rev-parse", "HEAD").strip()
    changed = git(folder, "status", "--porcelain", "--untracked-files=no", "--", ":/").splitlines()
    return head + ("+" if any(not line.endswith(RESULTS.name) for line in changed) else "")


def git(folder: Path, *arguments: str) -> str:
    """What git answers in `folder`; nothing where it has no answer, as outside of a repository."""
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False
    )
    return done.stdout if done.returncode == 0 else ""


def _rounded(value: float) -> float:
    """Four digits: more were never measured."""
    return float(f"{value:.4g}")
