"""What the image holds, without an engine: the files that the Dockerfile copies, installed as it installs
them into an empty environment, run as nobody on a read-only root, on a PostgreSQL of Debian's.
`make check-image`, two minutes on a quiet machine.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from debian_postgres import MISSING, Managed, managed_postgres
from factories import environment
from ports import free_port
from tools.deploying import DEPLOY, ROOT

from impact_in_pipelines.sandbox.server import running_sandbox

from .processes import WORKSPACE, listens

pytestmark = pytest.mark.skipif(MISSING is not None, reason=str(MISSING))
NOBODY = "10001"
ALONE = 'mount --bind {state} {state} && mount -o remount,bind,ro / && exec setpriv {rights} "$@"'
RIGHTS = f"--reuid {NOBODY} --regid {NOBODY} --clear-groups --no-new-privs --bounding-set=-all"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that nobody may enter, with what is written in it."""
    made = Path(tempfile.mkdtemp(prefix="image-", dir="/var/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module")
def binaries(folder: Path) -> Path:
    """The environment's commands: empty but for image.txt and what the Dockerfile copies."""
    source = folder / "src"
    for name in _copied():
        here = source / name
        here.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, here, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, here)
    uv = str(Path(sys.executable).parent / "uv")
    python = ("--python", str(folder / "venv" / "bin" / "python"))
    # One that nobody may execute, too: root's own would be closed to them.
    interpreter = shutil.which("python3.11", path="/usr/bin:/usr/local/bin") or sys.executable
    _do(uv, "venv", "--quiet", "--python", interpreter, str(folder / "venv"))
    _do(
        *(uv, "pip", "install", "--quiet", *python, "--require-hashes", "--only-binary", ":all:"),
        *("-r", str(source / "requirements" / "image.txt")),
    )
    _do(uv, "pip", "install", "--quiet", *python, "--no-deps", "--no-build-isolation", str(source))
    shutil.rmtree(source)
    return folder / "venv" / "bin"


def _copied() -> list[str]:
    """Files and folders of the checkout that the Dockerfile copies."""
    lines = re.findall(
        r"^COPY (?!--from)(.+) \S+$", (DEPLOY / "Dockerfile").read_text(), flags=re.M
    )
    return [name for line in lines for name in line.split()]


def _do(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


class Image:
    """Runs commands as a container of the image would."""

    def __init__(self, binaries: Path, folder: Path, variables: dict[str, str]) -> None:
        self._state = folder / "state"
        for one in (self._state, self._state / "dagster", self._state / "tmp"):
            one.mkdir(exist_ok=True)
            if os.geteuid() == 0:
                os.chown(one, int(NOBODY), int(NOBODY))
        self.state = self._state
        shutil.copy(
            binaries.parent / "share" / "impact-in" / "dagster.yaml", self._state / "dagster"
        )
        self._environment = {
            "PATH": f"{binaries}:/usr/bin:/bin",
            "HOME": str(self._state / "tmp"),
            "TMPDIR": str(self._state / "tmp"),
            "IMPACT_IN_HOME": str(self._state),
            "DAGSTER_HOME": str(self._state / "dagster"),
            "PYTHONDONTWRITEBYTECODE": "1",
            **variables,
        }

    def _alone(self, command: tuple[str, ...]) -> list[str]:
        if os.geteuid() != 0:
            return list(command)
        script = ALONE.format(state=self._state, rights=RIGHTS)
        return ["unshare", "--mount", "sh", "-c", script, "sh", *command]

    def run(self, *command: str, stdin: str = "") -> str:
        """What a command prints; it must end with 0."""
        done = subprocess.run(
            self._alone(command),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=180,
            env=self._environment,
            cwd=self._state,
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    @contextmanager
    def running(self, name: str, *command: str) -> Iterator[subprocess.Popen[bytes]]:
        """A process that lives until the block ends, and then ends by one SIGTERM."""
        with (self._state.parent / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                self._alone(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                cwd=self._state,
                start_new_session=True,
            )
        try:
            yield process
        finally:
            os.killpg(process.pid, 15)
            process.wait(timeout=90)

    def until_open(self, port: int, process: "subprocess.Popen[bytes]", name: str) -> None:
        """Wait until it listens."""
        deadline = time.monotonic() + 180
        while not listens(port):
            told = (self._state.parent / f"{name}.log").read_text(errors="replace")[-2000:]
            assert process.poll() is None, f"{name} ended\n{told}"
            assert time.monotonic() < deadline, f"{name} doesn't listen\n{told}"
            time.sleep(0.5)


@pytest.fixture(scope="module")
def server() -> Iterator[Managed]:
    with managed_postgres() as running:
        yield running


def test_what_is_installed_is_all_that_is_needed(
    binaries: Path, folder: Path, server: Managed
) -> None:
    """Tables for us and for Dagster, every process with the probe that compose and Kubernetes ask, and one
    day of one company delivered; nothing was written but in the folder for it."""
    code, web, api = free_port(), free_port(), free_port()
    with running_sandbox() as sandbox:
        image = Image(
            binaries,
            folder,
            {
                **environment(sandbox),
                "DATABASE_URL": server.url.render_as_string(hide_password=False),
                "DAGSTER_POSTGRES_URL": server.url.set(database="dagster").render_as_string(
                    hide_password=False
                ),
                "IMPACT_IN_JWT_SECRET": "a secret of the test's that is long enough",
                "DAGSTER_UI_URL": f"http://127.0.0.1:{web}",
            },
        )
        (image.state / "workspace.yaml").write_text(WORKSPACE.format(port=code))
        upgraded = json.loads(image.run("impact-in", "db", "upgrade", "--with-dagster", "--json"))
        again = json.loads(image.run("impact-in", "db", "upgrade", "--with-dagster", "--json"))
        image.run("impact-in", "recover")
        image.run("impact-in", "companies", "add", "acme", "--name", "Acme")
        (image.state / "events.csv").write_text(
            "event_id,company,occurred_at,activity,participant_ref,volunteer_ref,hours,"
            "outcome_category,outcome_score\n"
            "e1,acme,2026-11-20T10:00:00Z,session,P1,V1,1.5,language,7\n"
        )
        image.run("impact-in", "events", "import", str(image.state / "events.csv"))
        with (
            image.running(
                "code",
                *("dagster", "api", "grpc", "--host", "127.0.0.1", "--port", str(code)),
                *(
                    "--module-name",
                    "impact_in_pipelines.definitions",
                    "--location-name",
                    "impact_in",
                ),
            ) as code_server,
            image.running("api", "impact-in", "serve", "--port", str(api)) as api_server,
        ):
            image.until_open(code, code_server, "code")
            image.run("dagster", "api", "grpc-health-check", "--port", str(code))
            with (
                image.running("daemon", "dagster-daemon", "run", "--workspace", "workspace.yaml"),
                image.running(
                    "web",
                    *(
                        "impact-in",
                        "dagster-ui",
                        "--port",
                        str(web),
                        "--workspace",
                        "workspace.yaml",
                    ),
                ) as web_server,
            ):
                image.until_open(web, web_server, "web")
                image.until_open(api, api_server, "api")
                info = requests.get(f"http://127.0.0.1:{web}/server_info", timeout=30)
                bare = requests.get(
                    f"http://127.0.0.1:{web}/server_info", headers={"Host": "evil"}, timeout=30
                )
                ready = requests.get(f"http://127.0.0.1:{api}/readyz", timeout=30)
                image.run(
                    *("impact-in", "deliver", "--company", "acme", "--platform", "benevity"),
                    *("--from", "2026-11-20", "--to", "2026-11-20"),
                )
                image.run("dagster-daemon", "liveness-check")
        accepted = sandbox.client.accepted("benevity")["accepted"]

    assert upgraded["before"] is None
    assert again["before"] == again["after"]
    assert info.ok
    assert bare.status_code == 403
    assert ready.json()["status"] == "ready"
    assert len(accepted) == 1
    assert sorted(path.name for path in image.state.iterdir()) == [
        *("dagster", "events.csv", "tmp", "workspace.yaml"),
    ]


def test_the_launcher_for_kubernetes_is_there_and_what_builds_things_is_not(
    binaries: Path, folder: Path
) -> None:
    """The image's lock has the extra; neither pip nor a compiler, nor what only tests need."""
    image = Image(binaries, folder, {})

    image.run("python", "-c", "import dagster_k8s")
    names = {path.name for path in binaries.iterdir()}
    assert not names & {"pip", "gcc", "cc", "pytest", "ruff", "mypy"}
