"""The embedded PostgreSQL and the processes that use it: found where it is, stopped with its last user."""

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from impact_in_pipelines.db.embedded.processes import find_postmaster

from .embedded_users import run, runs, start_user, until, user


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder whose path is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="ii-") as folder:
        yield Path(folder)


def test_the_server_stops_with_its_last_user(cluster: Path) -> None:
    """Orderly ends: when the last one has ended, the server has too."""
    with user(cluster):
        with user(cluster):
            pass
        assert runs(cluster)
    assert not (cluster / "postmaster.pid").exists()


def test_the_server_stops_though_its_only_user_was_killed(cluster: Path) -> None:
    """Nobody is left to stop it: before, it ran until the next command, which might never come."""
    with user(cluster) as killed:
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        until(lambda: not runs(cluster))
    with user(cluster):  # and nothing is in the way of the next start
        assert runs(cluster)


def test_a_user_killed_while_the_last_one_works_does_not_keep_the_server(cluster: Path) -> None:
    """A killed process can't say that it has gone: the kernel takes its lock back."""
    with user(cluster):
        with user(cluster) as killed:
            killed.send_signal(signal.SIGKILL)
            killed.wait()
        assert runs(cluster)
    assert not runs(cluster)


def test_two_processes_that_start_at_once_share_one_new_server(home: Path) -> None:
    """One makes the cluster; the other waits for it and makes none."""
    cluster = home / "pg"
    both = [start_user(cluster), start_user(cluster)]
    try:
        assert [one.stdout.readline() for one in both if one.stdout] == ["in\n", "in\n"]
        assert runs(cluster)
        both[0].communicate()
        assert runs(cluster)
    finally:
        for one in both:
            one.communicate()
    assert not runs(cluster)
    assert {path.name for path in home.iterdir()} == {"pg", "pg.server"}


def test_a_server_that_was_killed_is_started_again(cluster: Path) -> None:
    """With its pid file, its socket and its supervisor's users still there."""
    with user(cluster):
        server = find_postmaster(cluster.resolve())
        assert server is not None
        os.kill(server.pid, signal.SIGKILL)
        until(lambda: not runs(cluster))
        with user(cluster):
            assert runs(cluster)
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
    """Named by IMPACT_IN_HOME, from anywhere; also in a folder as people name them."""
    project = home / "My Projects' here"
    project.mkdir()
    assert run("db", "upgrade", cwd=project).returncode == 0
    elsewhere = home / "elsewhere"
    elsewhere.mkdir()

    done = run("companies", "list", cwd=elsewhere, IMPACT_IN_HOME=str(project / ".impact-in"))

    assert done.returncode == 0, done.stderr
    assert list(elsewhere.iterdir()) == []
