"""The share of branches and lines that the tests ran, room by room, for `make coverage`.

What only a subprocess runs is not counted, for most of those are killed on purpose: the demo, the dev
terminal, the API's own processes and the Dagster code server. Their tests look at what they did.
"""

import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

PACKAGE = "impact_in_pipelines/"


def by_room(files: dict[str, dict[str, Any]]) -> dict[str, tuple[int, int]]:
    """Lines and branches run, and how many there are, of each room of the package."""
    sums: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for path, found in files.items():
        inside = path.replace("\\", "/").partition(PACKAGE)[2]
        room = inside.partition("/")[0] if "/" in inside else "(top)"
        summary = found["summary"]
        run, there = sums[room]
        sums[room] = (
            run + summary["covered_lines"] + summary["covered_branches"],
            there + summary["num_statements"] + summary["num_branches"],
        )
    return dict(sums)


def main() -> None:
    """Print the table from `.coverage`; leaves with 1 if there is none."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "coverage.json"
        command = [sys.executable, "-m", "coverage", "json", "--quiet", "-o", str(path)]
        if subprocess.run(command, check=False).returncode:
            sys.exit(1)
        rooms = by_room(json.loads(path.read_text("utf-8"))["files"])
    run, there = (sum(column) for column in zip(*rooms.values(), strict=True))
    lines = [
        f"{room:<18} {done / max(1, all_):>6.1%}" for room, (done, all_) in sorted(rooms.items())
    ]
    sys.stdout.write("Lines and branches run by the tests (page by page: build/coverage)\n")
    sys.stdout.write("\n".join([*lines, f"{'all':<18} {run / max(1, there):>6.1%}"]) + "\n")


if __name__ == "__main__":
    main()
