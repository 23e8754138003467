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
SETTING_UP = {"alembic", "uvicorn", "starlette", "rich.progress", "matplotlib"}
"""What the demo, the sandbox, migrations and charts need."""
SENDING = SETTING_UP | {"numpy", "requests", "httptools"}
"""What only a process that sends or plans needs."""


def called(*arguments: str) -> str:
    """The CLI with these arguments, to its end."""
    return (
        "import sys\n"
        "from impact_in_pipelines.cli.main import main\n"
        f"sys.argv = ['impact-in', *{arguments!r}]\n"
        "try:\n    main()\n"
        "except SystemExit as left:\n    assert not left.code\n"
    )


def loaded(program: str) -> set[str]:
    """The modules that a new process has imported after `program`, its packages' names among them."""
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys; print('loaded', *sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    return set(done.stdout.rpartition("loaded ")[2].split())


@pytest.mark.parametrize(
    ("program", "forbidden"),
    [
        (GATE, TABLES | {"dagster", "numpy", "sqlalchemy"}),
        (f"import impact_in_pipelines.definitions\n{GATE}", TABLES | {"numpy"}),
        (
            called("--help"),
            TABLES | SENDING | {"dagster", "sqlalchemy", "impact_in_pipelines.runtime"},
        ),
        (called("deliveries", "list", "--help"), TABLES | SENDING | {"dagster"}),
        (called("schedules", "list", "--help"), TABLES | SENDING | {"dagster"}),
        (called("sla", "status", "--help"), TABLES | SENDING - {"numpy"} | {"dagster"}),
        (called("serve", "--help"), TABLES | SENDING | {"dagster", "sqlalchemy"}),
        (called("deliver", "--help"), TABLES | SETTING_UP | {"numpy", "dagster"}),
    ],
    ids=[
        "judging",
        "what Dagster loads, and judging",
        "the list of commands",
        "deliveries list",
        "schedules list",
        "sla status",
        "serve --help",
        "deliver --help",
    ],
)
def test_what_is_not_needed_is_not_loaded(program: str, forbidden: set[str]) -> None:
    """A drain judges without Great Expectations, which only the asset checks use."""
    assert loaded(program) & forbidden == set()
