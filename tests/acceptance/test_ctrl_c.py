"""Ctrl-C in commands that have nothing to bring to an end: one line, and the exit code of shells."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from impact_in_pipelines.db.engine import Database

COMMAND = (sys.executable, "-m", "impact_in_pipelines.cli.main")


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(
            ("connections", "set", "acme", "benevity", "--credentials"),
            id="connections set",
            marks=pytest.mark.slow,
        ),
        pytest.param(("events", "import"), id="events import"),
    ],
)
def test_one_line_and_130(database: Database, tmp_path: Path, words: tuple[str, ...]) -> None:
    """The file is a pipe that nobody writes to, so the command is known to be in the midst of its work."""
    environment = os.environ | {
        "DATABASE_URL": database.url.render_as_string(hide_password=False),
        "IMPACT_IN_SECRET_KEY": Fernet.generate_key().decode(),
    }
    call(*COMMAND, "companies", "add", "acme", "--name", "Acme", environment=environment)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    process = subprocess.Popen(
        [*COMMAND, *words, str(pipe)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    with pipe.open("w"):  # returns once the command has opened it
        process.send_signal(signal.SIGINT)
        try:
            out, err = process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            # Python looks for signals between its instructions: one that comes just before a blocking read is
            # heard after it. A person presses the keys again.
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)

    assert process.returncode == 130, out + err
    assert out == ""
    assert err.strip() == "Stopped by Ctrl-C before it was done."


def call(*command: str, environment: dict[str, str]) -> None:
    """Run `command`, which must succeed."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
