"""`impact-in sandbox` as somebody would start it in a terminal."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from impact_in_pipelines.sandbox.accounts.config import BENEVITY_KEY
from impact_in_pipelines.sandbox.client import SandboxClient
from impact_in_pipelines.sandbox.server import READY

COMMAND = (sys.executable, "-m", "impact_in_pipelines.cli.main", "sandbox")
ROOT = Path(__file__).parents[2]


def test_it_prints_what_to_use_serves_it_and_ends_well_on_ctrl_c() -> None:
    """The addresses that it prints are those that answer, with the credentials beside them."""
    process = subprocess.Popen(
        [*COMMAND, "--port", "0"], stdout=subprocess.PIPE, text=True, cwd=ROOT, env=os.environ
    )
    assert process.stdout is not None
    told = []
    for line in process.stdout:
        told.append(line)
        if line.startswith(READY):
            break
    url = told[-1].removeprefix(READY).strip()
    stats = SandboxClient(url).stats()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)

    text = "".join(told)
    assert f"export BENEVITY_API_URL={url}/benevity\n" in text
    assert f"export BENEVITY_API_KEY={BENEVITY_KEY}\n" in text
    assert stats["benevity"]["received"] == 0
    assert process.returncode == 0


def test_a_port_that_is_taken_is_one_line_and_wrong_usage() -> None:
    """Nothing else is printed that might be taken for a running sandbox."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ran = subprocess.run(
            [*COMMAND, "--port", port], capture_output=True, text=True, cwd=ROOT, timeout=60
        )

    assert (ran.returncode, ran.stdout) == (2, "")
    assert len(ran.stderr.splitlines()) == 1
    assert f"port {port}" in ran.stderr
