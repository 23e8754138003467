"""The OpenAPI document is valid, described, and good for generating clients that work.

`clients/set-up` installs the generators (`make test` calls it); where one is missing its tests are skipped.
"""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate

from impact_in_pipelines.sandbox.server import Sandbox

from .api_harness import Held, Served, lent
from .test_api_access import described

CLIENTS = Path(__file__).parents[2] / "clients"
PYTHON = CLIENTS / "python"
TYPESCRIPT = CLIENTS / "typescript"
_QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}

needs_python = pytest.mark.skipif(
    not (PYTHON / ".venv/.ready").exists(), reason="no generator of Python clients: clients/set-up"
)
needs_node = pytest.mark.skipif(
    not (TYPESCRIPT / "node_modules/.ready").exists() or not shutil.which("node"),
    reason="no generator of TypeScript clients: clients/set-up",
)


@pytest.fixture
def api(held: Held, sandbox: Sandbox) -> Iterator[Served]:
    """An API of the test's own: a flow changes what there is."""
    with lent(held, sandbox) as running:
        yield running


@pytest.fixture
def document(api: Served, tmp_path: Path) -> Path:
    """The document as it is served, in a file."""
    found = tmp_path / "openapi.json"
    found.write_text(api.call("GET", "/openapi.json", token=None).text)
    return found


def test_the_document_is_valid_openapi() -> None:
    """By the specification's own schema: `ge` is no keyword of JSON Schema."""
    validate(described())


def test_everything_in_the_document_is_described() -> None:
    """Every operation, parameter, header, schema and field says what it means; the descriptions that aren't
    at the route or field stand in api/openapi/fields.py and operations.py."""
    document = described()
    missing = []
    for methods in document["paths"].values():
        for operation in methods.values():
            id_ = operation["operationId"]
            missing += [id_] if not operation.get("description") else []
            missing += [
                f"{id_}({one['name']})"
                for one in operation.get("parameters", ())
                if "$ref" not in one and not one.get("description")
            ]
    for name, schema in document["components"]["schemas"].items():
        missing += [name] if not schema.get("description") else []
        missing += [
            f"{name}.{field}"
            for field, found in schema.get("properties", {}).items()
            if not found.get("description") and "$ref" not in found
        ]
    assert missing == []


def test_every_tag_is_described() -> None:
    """A generated client makes a module of each."""
    document = described()
    used = {
        tag
        for methods in document["paths"].values()
        for operation in methods.values()
        for tag in operation["tags"]
    }
    assert {one["name"] for one in document["tags"]} == used


@needs_node
def test_redocly_finds_no_error(document: Path) -> None:
    """Its recommended rules, and those that ask for descriptions, as errors."""
    lint = [_node("redocly"), "lint", "--config", TYPESCRIPT / "redocly.yaml", document]
    run(lint, None, **_QUIET)


def test_the_clients_are_made_from_the_document_as_it_is(tmp_path: Path) -> None:
    """After a change of the API: make openapi. The file is the same whoever writes it: a connector that a
    developer has installed isn't in it."""
    info = tmp_path / "webhook_connector-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: webhook-connector\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[impact_in.connectors]\nwebhook = webhook_connector:Webhook\n"
    )
    example = CLIENTS.parent / "examples/webhook-connector"
    path = os.pathsep.join(map(str, (CLIENTS.parent, tmp_path, example)))
    written = tmp_path / "openapi.json"
    run([sys.executable, CLIENTS / "document.py", written], None, PYTHONPATH=path)
    assert written.read_text("utf-8") == (CLIENTS / "openapi.json").read_text("utf-8")


def test_the_clients_have_the_apis_version() -> None:
    """Also the package of npm, whose version isn't read from the document."""
    version = described()["info"]["version"]
    assert json.loads((TYPESCRIPT / "package.json").read_text())["version"] == version
    assert json.loads((TYPESCRIPT / "package-lock.json").read_text())["version"] == version


def every_area(folder: Path) -> set[str]:
    """The areas of which an example stands in `folder`."""
    return {path.stem for path in folder.iterdir() if path.suffix in (".py", ".ts")} - {"all"}


_RUN_ALL = """
import importlib, json, sys
from uuid import UUID
from impact_in_client import AuthenticatedClient
url, token, company, *areas = sys.argv[1:]
client = AuthenticatedClient(base_url=url, token=token)
print(json.dumps({area: importlib.import_module(area).run(client, UUID(company)) for area in areas}))
"""


@needs_python
def test_the_python_package_is_built_and_every_example_works(api: Served, tmp_path: Path) -> None:
    """A wheel, generated without a warning (which leaves an operation or an answer out), typed."""
    source = tmp_path / "python"
    shutil.copytree(PYTHON, source, ignore=shutil.ignore_patterns(".venv", "build", "*.egg-info"))
    shutil.copy(CLIENTS / "openapi.json", tmp_path)
    python = PYTHON / ".venv/bin/python"
    pip = [python, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    run([*pip, "--no-build-isolation", "--wheel-dir", tmp_path, source])
    (wheel,) = tmp_path.glob("impact_in_client-*.whl")
    with zipfile.ZipFile(wheel) as content:
        assert "impact_in_client/py.typed" in content.namelist()
    areas = sorted(AREAS)
    assert every_area(PYTHON / "examples") == AREAS

    found = run(
        [python, "-c", _RUN_ALL, *_arguments(api), *areas],
        PYTHONPATH=f"{wheel}:{PYTHON / 'examples'}",
    )

    check(json.loads(found), api)


@needs_node
def test_the_typescript_package_is_packed_and_every_example_works(
    api: Served, tmp_path: Path
) -> None:
    """Its types and the examples' hold under `strict`, and it is used as npm would install it."""
    source, used = tmp_path / "typescript", tmp_path / "used"
    shutil.copytree(
        TYPESCRIPT, source, ignore=shutil.ignore_patterns("node_modules", "dist", "schema.ts")
    )
    shutil.copy(CLIENTS / "openapi.json", tmp_path)
    (source / "node_modules").symlink_to(TYPESCRIPT / "node_modules")
    run(["npm", "run", "build", "--silent"], cwd=source)
    run(["npm", "pack", "--silent", "--pack-destination", tmp_path], cwd=source)
    (packed,) = tmp_path.glob("impact-in-client-*.tgz")
    modules = used / "node_modules"
    modules.mkdir(parents=True)
    with tarfile.open(packed) as content:
        content.extractall(modules, filter="data")
    (modules / "package").rename(modules / "impact-in-client")
    for name in ("openapi-fetch", "openapi-typescript-helpers", "@types"):
        (modules / name).symlink_to(TYPESCRIPT / "node_modules" / name)
    shutil.copytree(TYPESCRIPT / "examples", used / "examples")
    shutil.copy(TYPESCRIPT / "tsconfig.json", used)
    (used / "package.json").write_text('{"type": "module"}')
    assert every_area(TYPESCRIPT / "examples") == AREAS
    run([_node("tsc"), "--project", used / "examples"])

    found = run(["node", used / "examples/build/all.js", *_arguments(api)])

    check(json.loads(found), api)


AREAS = {"connections", "deliveries", "evidence", "notices", "schedules", "uploads"}


def check(found: Mapping[str, Any], api: Served) -> None:
    """What the examples of both languages find."""
    assert found == {
        "connections": {
            "companies": 1,
            "changed": "org-7",
            "connections": ["benevity", "workday"],
        },
        "deliveries": {
            "failed": str(api.own.failed),
            "total": 1,
            "status": "pending",
            "missing": 404,
        },
        "evidence": {"readable": True, "files": True},
        "notices": {
            "kinds": ["delivery.failed", "delivery.delivered"],
            "anotherSecret": True,
            "messages": 0,
        },
        "schedules": {"fires": 3, "schedule": "0 0 * * 0", "active": False},
        "uploads": {"state": "imported", "imported": 1, "rejected": [3]},
    }


def _arguments(api: Served) -> list[str]:
    return [api.url, api.token(), str(api.own.company)]


def _node(name: str) -> Path:
    return TYPESCRIPT / "node_modules/.bin" / name


def run(command: list[Any], cwd: Path | None = None, **environment: str) -> str:
    """What a command printed; fails with all that it said if it failed."""
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=180,
        cwd=cwd,
        env={**os.environ, **environment},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
