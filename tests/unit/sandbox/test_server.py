"""The sandbox as a process: it starts, says so, and never outlives who started it."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys

import pytest
import requests

from impact_in_pipelines.sandbox.accounts.config import SandboxConfig
from impact_in_pipelines.sandbox.server import Sandbox, running_sandbox

from .helpers import Caller, benevity_body

COMMAND = [sys.executable, "-m", "impact_in_pipelines.sandbox"]


def start(*options: str) -> "subprocess.Popen[str]":
    """Start the sandbox by its command."""
    return subprocess.Popen(
        [*COMMAND, "--port", "0", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def read_url(process: "subprocess.Popen[str]") -> str:
    """Return the URL in the line the sandbox prints when it is ready."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("sandbox ready at http://127.0.0.1:")
    return line.removeprefix("sandbox ready at ").strip()


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_the_command_prints_its_url_and_stops_on_a_signal(stop: signal.Signals) -> None:
    """One line when it is ready, and no traceback at the end."""
    with start() as process:
        url = read_url(process)
        assert requests.get(f"{url}/_sandbox/stats", timeout=30).status_code == 200
        process.send_signal(stop)
        out, err = process.communicate(timeout=30)
    assert (out, err) == ("", "")
    assert process.returncode in (0, -stop)


def test_the_process_ends_when_its_parents_pipe_does() -> None:
    """A test run that is killed leaves no server behind."""
    with start("--stop-on-eof") as process:
        read_url(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=30) == 0


def test_a_port_that_is_taken_gets_one_line() -> None:
    """Exit code 2, the port and the option to change it; no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [*COMMAND, "--port", port], capture_output=True, text=True, timeout=30, check=False
        )
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert f"port {port}" in done.stderr
    assert "--port" in done.stderr


def test_a_running_sandbox_takes_its_configuration_along() -> None:
    """The keys a developer sets are accepted; closing twice is no error."""
    with running_sandbox(SandboxConfig.model_validate({"goodera_keys": ["mine"]})) as sandbox:
        with requests.Session() as session:
            caller = Caller(sandbox, session)
            assert caller.send("goodera", headers={"X-API-Key": "mine"}).status_code == 200
            assert caller.send("goodera").status_code == 401
        sandbox.close()
    with pytest.raises(requests.ConnectionError):
        requests.get(sandbox.url, timeout=30)


def test_a_killed_sandbox_can_be_closed() -> None:
    """A chaos run may have killed it already."""
    sandbox = Sandbox()
    os.kill(sandbox.pid, signal.SIGKILL)
    sandbox.close()


def test_a_connection_is_kept_between_deliveries(caller: Caller) -> None:
    """Keep-alive: many deliveries over one TCP connection."""
    connection = http.client.HTTPConnection(caller.sandbox.url.removeprefix("http://"), timeout=30)
    ports = set()
    for number in range(3):
        headers = {
            **caller.headers("benevity", f"key-{number}"),
            "Content-Type": "application/json",
        }
        connection.request("POST", "/benevity/impact", json.dumps(benevity_body()), headers)
        assert connection.sock is not None
        ports.add(connection.sock.getsockname()[1])
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
    connection.close()
    assert len(ports) == 1


def test_a_body_without_end_is_refused(caller: Caller) -> None:
    """More than 8 MiB is not read into memory."""
    answer = caller.session.post(caller.url("benevity"), data=b" " * (9 * 1024 * 1024), timeout=30)
    assert answer.status_code == 413
