"""`impact-in serve` as a process: one or several workers, what they count together, how they end."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
import requests
from cryptography.fernet import Fernet
from psutil import Process

from impact_in_pipelines.db.engine import Database

COMMAND = (sys.executable, "-m", "impact_in_pipelines.cli.main", "serve", "--port", "0")
READY = "API ready at "


@pytest.fixture
def environment(database: Database, tmp_path: Path) -> dict[str, str]:
    """What a server needs: a migrated database and a way to check tokens."""
    return {
        "DATABASE_URL": database.url.render_as_string(hide_password=False),
        "IMPACT_IN_SECRET_KEY": Fernet.generate_key().decode(),
        "IMPACT_IN_HOME": str(tmp_path),
        "IMPACT_IN_JWT_SECRET": "a secret for tests that is long enough",
    }


@contextmanager
def serving(environment: dict[str, str], *options: str) -> Iterator[tuple[psutil.Popen, str]]:
    """The process and its URL; killed with its workers if it still runs at the end."""
    process = psutil.Popen(
        [*COMMAND, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **environment},
    )
    try:
        line = process.stdout.readline()
        assert line.startswith(READY), line + process.stdout.read()
        yield process, line.removeprefix(READY).strip()
    finally:
        if process.poll() is None:
            process.suspend()  # or it would replace what is killed
            for one in (*process.children(recursive=True), process):
                one.kill()
        process.communicate()


def workers(process: Process) -> list[Process]:
    """The processes that answer for it."""
    with suppress(psutil.NoSuchProcess):
        return [one for one in process.children() if "spawn_main" in " ".join(one.cmdline())]
    return []


def ended(process: psutil.Popen, by: signal.Signals) -> tuple[int, str]:
    """Its exit code and what it still said, after the signal."""
    process.send_signal(by)
    said, _ = process.communicate(timeout=30)
    return process.returncode, said


def answered(url: str) -> dict[str, float]:
    """How many requests were counted, by route."""
    text = requests.get(f"{url}/metrics", timeout=30).text
    found = re.findall(r'impact_in_api_requests_total\{.*route="(.+?)".*\} (\S+)', text)
    counted: dict[str, float] = {}
    for route, count in found:  # one line for each status
        counted[route] = counted.get(route, 0.0) + float(count)
    return counted


@pytest.mark.parametrize(
    "by", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGTERM]
)
def test_one_process_serves_until_it_is_told_to_end(
    environment: dict[str, str], by: signal.Signals
) -> None:
    """Without a word, and with 0."""
    with serving(environment) as (process, url):
        health = requests.get(f"{url}/healthz", timeout=30)
        code, said = ended(process, by)

    assert health.json() == {"status": "ok"}
    assert (code, said) == (0, "")


def test_several_processes_count_together_and_one_that_dies_is_replaced(
    environment: dict[str, str],
) -> None:
    """Whichever is asked for the metrics tells the requests of all; the others go on meanwhile."""
    with serving(environment, "--workers", "2") as (process, url):
        for _ in range(20):  # a connection each: the kernel gives them to one or the other
            assert requests.get(f"{url}/healthz", timeout=30).ok
        counted = answered(url)["/healthz"]
        lost = workers(process)[0]
        lost.kill()
        lost.wait(timeout=60)
        assert requests.get(f"{url}/healthz", timeout=60).ok
        until(lambda: len(workers(process)) == 2)
        serving_now = workers(process)
        code, _ = ended(process, signal.SIGTERM)

    assert counted == 20
    assert code == 0
    assert not [one for one in serving_now if one.is_running()]


@pytest.mark.slow
def test_nobody_is_left_behind_when_the_first_process_is_killed(
    environment: dict[str, str],
) -> None:
    """The port is free again, and the next server takes it."""
    with serving(environment, "--workers", "2") as (process, url):
        left = workers(process)
        process.kill()
        process.wait(timeout=30)
        for one in left:
            one.wait(timeout=30)
        with serving(environment, "--port", url.rpartition(":")[2]) as (_, again):
            assert requests.get(f"{again}/healthz", timeout=30).ok

    assert again == url


def until(holds: Callable[[], bool]) -> None:
    """Wait for it, a minute at most."""
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize("count", ["1", "2"])
def test_what_is_wrong_is_said_once_before_anything_is_started(
    environment: dict[str, str], count: str
) -> None:
    """No way to check tokens: one line, and nothing listens."""
    del environment["IMPACT_IN_JWT_SECRET"]
    found = subprocess.run(
        [*COMMAND, "--workers", count],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
    )

    assert found.returncode == 2
    assert found.stdout == ""
    assert len(found.stderr.strip().splitlines()) == 1
    assert "IMPACT_IN_JWT_SECRET" in found.stderr
