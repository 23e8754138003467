"""How a code server starts runs: from a process that has imported everything, and as Dagster expects it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from .warm_process import EXPECTED

SCRIPT = Path(__file__).with_name("warm_process.py")


def started_by(*arguments: str) -> Any:
    """What a process tells that a server with these arguments has started."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_run_of_a_code_server_finds_everything_imported() -> None:
    """It used to import Dagster and ourselves first, three seconds for each drain."""
    told = started_by("api", "grpc", "--host", "127.0.0.1")
    assert told["imported"] == sorted(EXPECTED)
    assert told["parent"] != told["server"]


def test_its_end_is_known_and_it_hears_ctrl_c() -> None:
    """Dagster tells a run that was killed by its exit code, and stops one by a signal of its own."""
    told = started_by("api", "grpc")
    assert told["ends"] == [0, 7, -9]
    assert told["hears_ctrl_c"]


def test_elsewhere_processes_start_as_ever() -> None:
    """In commands and tests nothing is forked."""
    told = started_by("deliver")
    assert told["imported"] == []
    assert told["parent"] == told["server"]
