"""Everything that the program reads is in its wheel: a checkout runs without noticing what one lacks."""

from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import setuptools

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "impact_in_pipelines"
NOT_SHIPPED = ("babel.cfg",)
"""Only those who translate need it."""


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What setup.py tells setuptools."""
    found: dict[str, Any] = {}
    monkeypatch.setattr(setuptools, "setup", found.update)
    monkeypatch.chdir(ROOT)
    code = (ROOT / "setup.py").read_text("utf-8")
    exec(compile(code, str(ROOT / "setup.py"), "exec"), {"__file__": str(ROOT / "setup.py")})
    return found


def folders(pattern: str) -> Iterator[Path]:
    """Folders of the package with files of such a name."""
    files = (path for path in PACKAGE.rglob(pattern) if "__pycache__" not in path.parts)
    yield from sorted({path.parent for path in files})


def test_every_folder_of_code_is_a_package_that_is_shipped(told: dict[str, Any]) -> None:
    """The migrations were left out: `impact-in` from a wheel ended with a traceback."""
    ours = {".".join(folder.relative_to(ROOT).parts) for folder in folders("*.py")}

    assert ours == set(told["packages"])


def test_every_other_file_is_shipped_with_its_package(told: dict[str, Any]) -> None:
    """SQL, templates, styles, translations."""
    left = []
    for path in PACKAGE.rglob("*"):
        if not path.is_file() or path.suffix in (".py", ".pyc") or path.name in NOT_SHIPPED:
            continue
        patterns = [
            (PACKAGE.parent / package.replace(".", "/"), pattern)
            for package, globs in told["package_data"].items()
            for pattern in globs
        ]
        if not any(
            folder in path.parents
            and fnmatch(str(path.relative_to(folder)), pattern)
            and pattern.count("/") == str(path.relative_to(folder)).count("/")
            for folder, pattern in patterns
        ):
            left.append(str(path.relative_to(ROOT)))

    assert left == []


def test_what_dagsters_processes_read_is_shipped(told: dict[str, Any]) -> None:
    """Beside the package: `dagster.yaml` and `workspace.yaml`."""
    ((folder, files),) = told["data_files"]

    assert folder == "share/impact-in"
    assert sorted(Path(name).name for name in files) == ["dagster.yaml", "workspace.yaml"]
    assert all((ROOT / name).is_file() for name in files)


def test_every_python_that_is_promised_is_tested(told: dict[str, Any]) -> None:
    """`make versions` and the hosted checks run on each version that the package says it runs on, and set-up
    takes no other."""
    promised = [one.rpartition(" ")[2] for one in told["classifiers"]]
    first, last = promised[0], promised[-1]
    after = f"3.{int(last.partition('.')[2]) + 1}"

    assert told["python_requires"] == f">={first},<{after}"
    names = " ".join(f"python{version}" for version in promised)
    assert f"\nPYTHONS ?= {names}\n" in (ROOT / "Makefile").read_text("utf-8")
    hosted = (ROOT / ".github/workflows/ci.yml").read_text("utf-8")
    assert "python: [" + ", ".join(f'"{version}"' for version in promised) + "]" in hosted
    taken = (ROOT / "requirements/set-up").read_text("utf-8")
    bounds = [f"({version.replace('.', ', ')})" for version in (first, last)]
    assert f"{bounds[0]} <= sys.version_info[:2] <= {bounds[1]}" in taken
