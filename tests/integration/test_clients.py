"""The OpenAPI document is valid, described, and good for generating clients that work.

`clients/set-up` installs the generators (`make test` calls it); where one is missing its tests are skipped.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from factories import World, world_on
from openapi_spec_validator import validate

from .api_harness import SETTINGS, Served, served
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
def api(world: World) -> Iterator[Served]:
    """An API of the test's own: a flow changes what there is."""
    with (
        world_on(world.database.url, world.sandbox, gated=False, **SETTINGS) as one,
        served(one) as running,
    ):
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
    run([_node("redocly"), "lint", "--config", TYPESCRIPT / "redocly.yaml", document], **_QUIET)


@needs_python
def test_a_generated_python_client_works(api: Served, document: Path, tmp_path: Path) -> None:
    """Generated without a warning (a warning leaves an operation or an answer out), and used."""
    binaries = PYTHON / ".venv/bin"
    generator = [binaries / "openapi-python-client", "generate", "--meta", "none", "--config"]
    made = tmp_path / "impact_in"
    said = run(
        [*generator, PYTHON / "generator.yaml", "--path", document, "--output-path", made],
        PATH=f"{binaries}:{os.environ['PATH']}",
    )
    assert "WARNING" not in said
    assert "Unable" not in said

    found = run(
        [binaries / "python", PYTHON / "flow.py", *_arguments(api)], PYTHONPATH=str(tmp_path)
    )

    check(json.loads(found), api)


@needs_node
def test_a_generated_typescript_client_works(api: Served, document: Path, tmp_path: Path) -> None:
    """Its types hold under `strict`, and it is used."""
    for name in ("flow.ts", "tsconfig.json", "package.json"):
        shutil.copy(TYPESCRIPT / name, tmp_path)
    (tmp_path / "node_modules").symlink_to(TYPESCRIPT / "node_modules")
    run([_node("openapi-typescript"), document, "-o", tmp_path / "impact_in.d.ts"])
    run([_node("tsc"), "--project", tmp_path])

    found = run(["node", tmp_path / "build/flow.js", *_arguments(api)])

    check(json.loads(found), api)


def check(found: Mapping[str, Any], api: Served) -> None:
    """What both flows find."""
    assert found == {
        "companies": [api.own.slug],
        "changed": "org-7",
        "connections": ["benevity", "workday"],
        "failures": [str(api.own.failed)],
        "replayed": [str(api.own.failed)],
        "total": 1,
        "status": "pending",
        "slaStatus": found["slaStatus"],
        "missing": 404,
    }


def _arguments(api: Served) -> list[str]:
    return [api.url, api.token(), str(api.own.company), str(api.own.failed)]


def _node(name: str) -> Path:
    return TYPESCRIPT / "node_modules/.bin" / name


def run(command: list[Any], **environment: str) -> str:
    """What a command printed; fails with all that it said if it failed."""
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=180,
        env={**os.environ, **environment},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
