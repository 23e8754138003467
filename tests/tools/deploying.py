"""Whether what is in `deploy/` holds, as far as that can be told without an engine or a cluster.

`make check` prints what doesn't and leaves with 1: the chart linted by Helm and rendered, each manifest
against Kubernetes' schemas, `compose.yaml` against its own, the Dockerfile by hadolint, units by systemd.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import helm_python
import jsonschema
import kubernetes_validate
import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
CHART = DEPLOY / "helm" / "impact-in"
UNITS = DEPLOY / "systemd"
KUBERNETES = "1.37"
RELEASE, NAMESPACE = "impact-in", "impact"
MOST_EXPOSED = 15
"""Tenths that `systemd-analyze security` may give a unit; 10 is what it calls exposed beyond doubt."""

_WARNING = 2
FULL: Mapping[str, Any] = {
    "image": {"pullSecrets": ["registry"], "tag": "1.2.3"},
    "secrets": ["impact-in", "impact-in-platforms"],
    "env": {"SLA_PAGE_POLICY": "significant"},
    "archive": {"claim": "impact-in-archive"},
    "web": {"replicas": 2, "readOnly": True, "allowedHosts": ["dagster.example.org"]},
    "drains": {
        "perPlatform": 8,
        "nodeSelector": {"pool": "drains"},
        "tolerations": [{"key": "drains"}],
    },
    "networkPolicy": {"database": {"cidrs": ["10.1.2.0/24"], "podLabels": {"app": "pgbouncer"}}},
}
"""Every part of the chart in use."""

ALONE: Mapping[str, Any] = {
    "dagster": {"enabled": False},
    "migration": {"enabled": False},
    "networkPolicy": {"enabled": False},
    "podDisruptionBudget": {"enabled": False},
}
"""As little as it may be."""

Manifest = dict[str, Any]


def rendered(values: Mapping[str, Any], release: str = RELEASE) -> list[Manifest]:
    """The chart's manifests, as Helm would hand them to Kubernetes."""
    with helm_python.Chart.load(str(CHART)) as chart:
        chart.validate_schema(dict(values))
        texts = chart.render(dict(values), name=release, namespace=NAMESPACE)
    return [
        document
        for name, text in sorted(texts.items())
        if name.endswith(".yaml")
        for document in yaml.safe_load_all(text)
        if document
    ]


def compose() -> Manifest:
    """`compose.yaml`, merged."""
    found: Manifest = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    return found


def findings() -> Iterator[str]:
    """What doesn't hold, in a line each."""
    yield from _chart()
    yield from _manifests()
    yield from _compose()
    yield from _dockerfile()
    yield from _units()


def _chart() -> Iterator[str]:
    linted = helm_python.lint(str(CHART))
    yield from (f"helm: {error}" for error in linted["errors"])
    for message in linted["messages"]:
        if message["severity"] >= _WARNING:
            yield f"helm: {message['path']}: {message['error']}"


def _manifests() -> Iterator[str]:
    for values in ({}, FULL, ALONE):
        for manifest in rendered(values):
            yield from schema_faults(manifest)


def schema_faults(manifest: Manifest) -> Iterator[str]:
    """What Kubernetes would refuse in `manifest`, unknown fields too."""
    try:
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
    except (kubernetes_validate.ValidationError, jsonschema.ValidationError) as error:
        where = f"{manifest.get('kind')} {manifest.get('metadata', {}).get('name')}"
        yield f"kubernetes: {where}: {error.message}"


def _compose() -> Iterator[str]:
    validator = jsonschema.Draft7Validator(_compose_schema())
    for error in validator.iter_errors(compose()):
        yield f"compose: {'/'.join(map(str, error.path))}: {error.message}"


@cache
def _compose_schema() -> Manifest:
    source = files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    found: Manifest = yaml.safe_load(source.read_text("utf-8"))
    return found


def _dockerfile() -> Iterator[str]:
    hadolint = Path(sys.executable).parent / "hadolint"
    done = _run(str(hadolint), "--no-color", str(DEPLOY / "Dockerfile"))
    yield from (f"hadolint: {line}" for line in done.stdout.splitlines())


def _units() -> Iterator[str]:
    if shutil.which("systemd-analyze") is None:
        print("systemd-analyze is not here (Debian's systemd): the units are not checked")
        return
    with tempfile.TemporaryDirectory() as folder:
        units = [_as_if_installed(unit, Path(folder)) for unit in sorted(UNITS.glob("impact-in*"))]
        services = [str(unit) for unit in units if unit.suffix in (".service", ".target")]
        verified = _run("systemd-analyze", "verify", *services)
        yield from (f"systemd: {line}" for line in verified.stderr.splitlines())
        for unit in units:
            if unit.suffix == ".service":
                yield from _exposure(unit)


def _as_if_installed(unit: Path, folder: Path) -> Path:
    """A copy whose commands exist: /opt/impact-in is this machine's environment."""
    here = folder / unit.name
    text = unit.read_text("utf-8").replace("/opt/impact-in/bin", str(Path(sys.executable).parent))
    here.write_text(text, "utf-8")
    return here


def _exposure(unit: Path) -> Iterator[str]:
    done = _run(
        *("systemd-analyze", "security", "--offline=yes", f"--threshold={MOST_EXPOSED}"),
        str(unit),
    )
    if done.returncode:
        yield f"systemd: {done.stdout.strip().splitlines()[-1].removeprefix('→ ')}"


def _run(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


if __name__ == "__main__":
    found = list(findings())
    print("\n".join(found) or "deploy/ holds")
    sys.exit(1 if found else 0)
