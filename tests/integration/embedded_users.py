"""Processes that use an embedded server, for tests."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from impact_in_pipelines.db.embedded.processes import find_postmaster

COMMAND = (sys.executable, "-m", "impact_in_pipelines.cli.main")
USER = (
    "import sys; from pathlib import Path; from impact_in_pipelines.db.embedded.cluster import embedded_url\n"
    "embedded_url(Path(sys.argv[1])); print('in', flush=True); sys.stdin.read()"
)


@contextmanager
def user(cluster: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that uses the server in `cluster` until its standard input ends."""
    process = start_user(cluster)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "in\n"
        yield process
    finally:
        process.communicate()


def start_user(cluster: Path) -> subprocess.Popen[str]:
    """A process that says `in` once it uses the server in `cluster`."""
    return subprocess.Popen(
        [sys.executable, "-c", USER, str(cluster)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def copy_cluster(cluster: Path, target: Path) -> None:
    """The stopped `cluster` and what lies beside it, with owners and permissions: initdb takes seconds."""
    target.parent.mkdir(parents=True, exist_ok=True)
    for suffix in ("", ".server"):
        source = cluster.with_name(cluster.name + suffix)
        subprocess.run(
            ["cp", "-a", str(source), str(target.with_name(target.name + suffix))], check=True
        )


def runs(cluster: Path) -> bool:
    """Whether the server on `cluster` runs."""
    return find_postmaster(cluster.resolve()) is not None


def until(done: Callable[[], bool], patience_s: float = 60.0) -> None:
    """Wait for `done`; fails after `patience_s`."""
    deadline = time.monotonic() + patience_s
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def run(*words: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command `impact-in` with `words`, in an environment that names no database but `environment`'s."""
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
