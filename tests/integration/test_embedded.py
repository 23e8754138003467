"""The embedded PostgreSQL and the processes that use it: found where it is, stopped with its last user."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

COMMAND = (sys.executable, "-m", "impact_in_pipelines.cli.main")
USER = (
    "import sys; from pathlib import Path; from impact_in_pipelines.db.embedded.cluster import get_server\n"
    "get_server(Path(sys.argv[1])); print('in', flush=True); sys.stdin.read()"
)


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder whose path is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="ii-") as folder:
        yield Path(folder)


@contextmanager
def user(cluster: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that uses the server in `cluster` until its standard input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", USER, str(cluster)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "in\n"
        yield process
    finally:
        process.communicate()


def runs(cluster: Path) -> bool:
    return (cluster / "postmaster.pid").exists()


def run(*words: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *words],
        cwd=cwd,
        env={**clean(os.environ), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def clean(environment: Mapping[str, str]) -> dict[str, str]:
    """Without the places of a database: commands that ran in this process before may have left some."""
    places = ("DATABASE_URL", "IMPACT_IN_HOME", "DAGSTER_HOME", "DAGSTER_POSTGRES_URL")
    return {name: value for name, value in environment.items() if name not in places}


def test_the_server_stops_with_its_last_user_though_another_was_killed(home: Path) -> None:
    """A killed process can't give its handle back; before, the server then waited for it for ever."""
    cluster = home / "pg"
    with user(cluster) as killed:
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    assert runs(cluster)
    with user(cluster):
        with user(cluster) as second:
            handles = json.loads((cluster / ".handle_pids.json").read_text("utf-8"))
            assert killed.pid not in handles
            assert second.pid in handles
        assert runs(cluster)

    assert not runs(cluster)


def test_a_user_killed_while_the_last_one_works_does_not_keep_the_server(home: Path) -> None:
    """Handles are looked at when a process leaves, too."""
    cluster = home / "pg"
    with user(cluster), user(cluster) as killed:
        killed.send_signal(signal.SIGKILL)
        killed.wait()

    assert not runs(cluster)


@pytest.mark.parametrize(
    "words",
    [["deliver"], ["companies", "list"], ["recover"], ["serve", "--port", "0"], ["sla", "status"]],
    ids=" ".join,
)
def test_no_command_makes_a_database_where_it_finds_none(home: Path, words: list[str]) -> None:
    """Started from the wrong folder it would truthfully say that nothing is due."""
    done = run(*words, cwd=home)

    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: there is no database in {home.resolve() / '.impact-in'};")
    assert "IMPACT_IN_HOME" in line
    assert "impact-in db upgrade" in line
    assert list(home.iterdir()) == []


def test_db_upgrade_makes_it_and_then_it_is_found(home: Path) -> None:
    """Named by IMPACT_IN_HOME, from anywhere."""
    assert run("db", "upgrade", cwd=home).returncode == 0
    elsewhere = home / "elsewhere"
    elsewhere.mkdir()

    done = run("companies", "list", cwd=elsewhere, IMPACT_IN_HOME=str(home / ".impact-in"))

    assert done.returncode == 0, done.stderr
    assert list(elsewhere.iterdir()) == []
