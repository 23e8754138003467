"""How soon a drain starts after its tick, beside a backfill of 12 companies × 90 days and failing cells.

The scenario is that of `tests/acceptance/queueing.py`: a real daemon, code server and web server.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
_LINE = re.compile(r"^\w+: drains started .*$", re.MULTILINE)


def main() -> None:
    """Print, by platform, the seconds that each drain took from its tick to the queue, in the queue, and from
    its launch to its first step (a process is started and Dagster imported)."""
    command = [
        *(sys.executable, "-m", "pytest", "-q", "-s", "-n", "0", "--no-header"),
        str(ROOT / "tests" / "acceptance" / "queueing.py"),
    ]
    environment = os.environ | {"MEASURE_ALONE": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stdout[-5_000:] + done.stderr[-2_000:])
    print("\n".join(_LINE.findall(done.stdout)))
