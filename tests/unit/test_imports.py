"""What a process does not load: whoever doesn't need a slow library doesn't pay for it."""

import os
import subprocess
import sys

import pytest

GATE = (
    "from datetime import UTC, datetime, date; from uuid import uuid4\n"
    "from impact_in_pipelines.impact.figures import ImpactFigures\n"
    "from impact_in_pipelines.impact.gate import gate\n"
    "day = date(2026, 4, 14)\n"
    "figures = ImpactFigures(uuid4(), day, day, 'Europe/Oslo', sessions=-1, ref='bad')\n"
    "assert gate([figures], datetime(2026, 4, 16, tzinfo=UTC)).refusals\n"
)
TABLES = {"great_expectations", "pandas"}
"""3 CPU-seconds and 150 MB."""


def loaded(program: str) -> set[str]:
    """The top-level modules that a new process has imported after `program`."""
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    return {name.partition(".")[0] for name in done.stdout.split()}


@pytest.mark.parametrize(
    ("program", "forbidden"),
    [
        (GATE, TABLES | {"dagster", "numpy", "sqlalchemy"}),
        ("import impact_in_pipelines.definitions\n" + GATE, TABLES),
    ],
    ids=["judging", "what Dagster loads, and judging"],
)
def test_what_is_not_needed_is_not_loaded(program: str, forbidden: set[str]) -> None:
    """A drain judges without Great Expectations, which only the asset checks use."""
    assert loaded(program) & forbidden == set()
