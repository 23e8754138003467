"""Which process is which: a number proves nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from impact_in_pipelines.db.embedded.processes import (
    Postmaster,
    find_postmaster,
    started,
    stop_postmaster,
)


def pid_file(data: Path, pid: object) -> None:
    """As a server leaves it that ends without a word."""
    data.mkdir(exist_ok=True)
    lines = [pid, data, 1_700_000_000, 5432, data, "", "  8826964     65536", "ready   "]
    (data / "postmaster.pid").write_text("\n".join(map(str, lines)) + "\n", "utf-8")


def test_a_process_that_runs_has_a_start_and_one_that_has_ended_has_none() -> None:
    """The start is what tells it from the next process of its number."""
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    assert started(child.pid) is None
    assert started(os.getpid()) == started(os.getpid()) is not None


def test_what_is_left_of_a_process_that_nobody_waited_for_does_not_count() -> None:
    """A zombie has an id, and will never do anything again."""
    with subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.read()  # the end of its output comes with its own, or just before
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert started(child.pid) is None


@pytest.mark.parametrize("text", ["", "nonsense\n", "-1\n", "0\n", "99999999\n"])
def test_a_pid_file_that_names_nobody_is_no_server(tmp_path: Path, text: str) -> None:
    """Half a file, a number below zero (a process group!), a process that has ended."""
    (tmp_path / "postmaster.pid").write_text(text, "utf-8")
    assert find_postmaster(tmp_path) is None


def test_another_program_with_the_servers_number_is_not_the_server(tmp_path: Path) -> None:
    """The incident: its process was killed by a command that only reads. Not even a program that works in
    the data folder, and has `postgres` and the folder in its command line, is the server."""
    data = tmp_path / "pg"
    data.mkdir()
    words = [sys.executable, "-c", "import sys; sys.stdin.read()", "postgres", "-D", str(data)]
    with subprocess.Popen(words, cwd=data, stdin=subprocess.PIPE) as unrelated:
        pid_file(data, unrelated.pid)

        assert find_postmaster(data) is None
        assert stop_postmaster(Postmaster(unrelated.pid, data, data, True))

        assert unrelated.poll() is None
