"""Connectors as they are found: good ones, bad ones, and what looking for them costs."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from impact_in_pipelines.connectors.plugin import Promise, Shipment
from impact_in_pipelines.connectors.plugins.goodera import Goodera
from impact_in_pipelines.connectors.testing import (
    CHECKS,
    TriedConnector,
    one_record_fails_no_batch,
    subject_of,
)
from impact_in_pipelines.db.schema.base import PLATFORM_CHECK
from impact_in_pipelines.platforms import FACTS, Platform, installed_platform

ROOT = Path(__file__).parents[3]
GOOD = (ROOT / "examples/webhook-connector/webhook_connector.py").read_text()
BAD: Mapping[str, tuple[str, str]] = {
    "broken": ("import nowhere_to_be_found\n", "Webhook"),
    "old": (GOOD.replace("api_version = 1", "api_version = 7"), "Webhook"),
    "unversioned": (GOOD.replace("    api_version = 1\n", ""), "Webhook"),
    "partless": ("class Nothing:\n    api_version = 1\n", "Nothing"),
    "abstract": (GOOD.replace("def promise", "def promised"), "Webhook"),
    "dear": (GOOD.replace("rate_limit_per_minute=60", "rate_limit_per_minute=0"), "Webhook"),
    "misnamed": (GOOD, "Webhok"),
    "benevity": (GOOD, "Webhook"),
    "Camel": (GOOD, "Webhook"),
    "all": (GOOD, "Webhook"),
    "leaves": ("raise SystemExit(3)\n", "Webhook"),
}
SHOW = """
import json, sys, logging
logging.basicConfig(format="%(message)s")
from impact_in_pipelines import platforms
from impact_in_pipelines.platforms import FACTS, Platform
names = list(platforms.registered_names())
untouched = [name for name in sys.modules if name.startswith(("plugin_", "impact_in_pipelines.conn"))]
shown = {
    "names": names,
    "untouched": untouched,
    "platforms": list(Platform),
    "problems": {f"{one.name}/{one.package}": str(one) for one in platforms.problems()},
    "files": [str(path) for path in platforms.installed_files()],
    "title": FACTS[Platform("gone")].title,
    "gone": "gone" in Platform,
    "heavy": sorted({"requests", "urllib3", "sqlalchemy", "dagster", "pydantic"} & sys.modules.keys()),
}
print(json.dumps(shown))
"""


def install(site: Path, name: str, source: str, attribute: str) -> None:
    """What pip leaves of a package with one connector."""
    module = f"plugin_{name.lower()}"
    (site / f"{module}.py").write_text(source)
    info = site / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        f"[impact_in.connectors]\n{name} = {module}:{attribute}\n"
    )
    (info / "RECORD").write_text(f"{module}.py,,\n{info.name}/entry_points.txt,,\n")


def shown(site: Path) -> tuple[dict[str, Any], str]:
    """What a process says that has the packages in `site`, and its log."""
    path = os.pathsep.join([str(ROOT), str(site)])
    done = subprocess.run(
        [sys.executable, "-c", SHOW],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    return json.loads(done.stdout), done.stderr


def test_bad_connectors_are_a_line_each_and_the_others_work(tmp_path: Path) -> None:
    """Each line names the connector, its package and the reason; a name of ours isn't taken."""
    install(tmp_path, "webhook", GOOD, "Webhook")
    for name, (source, attribute) in BAD.items():
        install(tmp_path, name, source, attribute)

    found, log = shown(tmp_path)

    assert found["platforms"] == ["benevity", "goodera", "workday", "webhook"]
    assert found["problems"].keys() == {f"{name}/plugin_{name.lower()}" for name in BAD}
    for name, reason in (
        ("broken", "No module named 'nowhere_to_be_found'"),
        ("old", "plug-in API version 1, it is written for 7"),
        ("unversioned", "plug-in API version 1, it states none"),
        ("partless", "it has no facts, payload"),
        ("abstract", "promise"),
        ("dear", "limits must be at least 1"),
        ("misnamed", "Webhok"),
        ("benevity", "its name is registered by impact-in-pipelines, plugin_benevity"),
        ("Camel", "its name must be"),
        ("all", "its name must be"),
        ("leaves", "SystemExit"),
    ):
        line = found["problems"][f"{name}/plugin_{name.lower()}"]
        assert reason in line
        assert f"connector '{name}' of plugin_{name.lower()}" in line
        assert line in log.splitlines()


def test_the_files_of_others_connectors_are_known(tmp_path: Path) -> None:
    """A process that is older than one of them hasn't loaded it: `doctor` compares."""
    install(tmp_path, "webhook", GOOD, "Webhook")

    found, _ = shown(tmp_path)

    info = tmp_path / "plugin_webhook-1.0.dist-info"
    assert found["files"] == [str(tmp_path / "plugin_webhook.py"), str(info / "entry_points.txt")]


def test_finding_them_imports_none_and_nothing_heavy(tmp_path: Path) -> None:
    """Names cost a look at the metadata; facts the connectors, and those no HTTP client. A platform that
    isn't installed can be shown all the same."""
    found, log = shown(tmp_path)

    assert found["names"] == ["benevity", "goodera", "workday"]
    assert found["untouched"] == []
    assert found["heavy"] == []
    assert (found["title"], found["gone"]) == ("gone (not installed)", False)
    assert log == ""


def test_a_platform_is_one_object_a_name() -> None:
    """So that `is` holds, wherever it comes from."""
    assert Platform("benevity") is Platform.BENEVITY
    assert json.loads(json.dumps(Platform.BENEVITY)) == "benevity"
    assert FACTS[Platform.BENEVITY].title == "Benevity"
    with pytest.raises(AttributeError):
        _ = Platform.GOPHER
    for text in ("gopher", "", "Benevity", "benevity\n", "a b"):
        with pytest.raises(ValueError, match="no platform"):
            installed_platform(text)
    for text in ("", "Benevity", "benevity\n", "a" * 31):
        with pytest.raises(ValueError, match="no name"):
            Platform(text)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("platform", list(Platform))
def test_ours_keep_what_every_connector_must(platform: Platform, check: Any) -> None:
    """The checks that a connector's author runs."""
    subject: TriedConnector = subject_of(platform)

    check(subject)


@pytest.mark.parametrize(
    ("name", "attribute"), [("beacon_connector", "Beacon"), ("lantern_connector", "Lantern")]
)
def test_the_page_alone_suffices(tmp_path: Path, name: str, attribute: str) -> None:
    """Its connectors, as they stand there, pass the checks with the very lines that it shows."""
    page = (ROOT / "docs/how-to/add-a-platform.md").read_text()
    sources = {
        module: page.partition(f"```python\n# {module}.py\n")[2].partition("```")[0]
        for module in ("beacon_connector", "lantern_connector")
    }
    lines = page.partition("connectors.testing beacon\n")[2].partition("```")[0]
    (tmp_path / "beacon_connector.py").write_text(sources["beacon_connector"])
    install(tmp_path, attribute.lower(), sources[name], attribute)

    done = subprocess.run(
        [sys.executable, "-m", "impact_in_pipelines.connectors.testing", attribute.lower()],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)])},
    )

    assert done.stdout == lines, done.stderr
    assert done.returncode == 0


def test_no_list_of_platforms_stands_anywhere_else() -> None:
    """Nothing of the core names one, the database's checks included: only the connectors, what simulates
    them, the demo that uses that, and examples. Migrations are history."""
    package = ROOT / "impact_in_pipelines"
    own = (
        "connectors/plugins/",
        "sandbox/",
        "cli/demo/",
        "cli/operating/sandbox.py",
        "db/migrations/",
    )
    naming = re.compile(
        r"""["'](benevity|goodera|workday)["']|Platform\.(BENEVITY|GOODERA|WORKDAY)"""
    )
    named = [
        f"{path.relative_to(package)}:{number}"
        for path in sorted(package.rglob("*"))
        if path.suffix in (".py", ".sql", ".html", ".js", ".css")
        and not str(path.relative_to(package)).startswith(own)
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if naming.search(line) and "examples=" not in line
    ]

    assert [one for one in named if not one.startswith("platforms/names.py")] == []
    assert "platform" in PLATFORM_CHECK
    assert not naming.search(PLATFORM_CHECK)


class _Forgetful(Goodera):
    """Doesn't say that a batch is one."""

    def promise(self, shipment: Shipment) -> Promise:
        return replace(super().promise(shipment), is_batch=False)


def test_a_connector_whose_batches_fail_whole_is_found() -> None:
    """Its author hears of it from the checks, and not from a hundred customers of one record."""
    subject = replace(subject_of(Platform.GOODERA), plugin=_Forgetful())

    with pytest.raises(AssertionError, match="fails a whole batch"):
        one_record_fails_no_batch(subject)
