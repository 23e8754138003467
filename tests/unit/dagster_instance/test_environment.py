"""Where Dagster's folder is, and that whatever Dagster writes stays in it."""

import shutil
import sys
from pathlib import Path

import pytest
from dagster._core.instance.ref import InstanceRef

from impact_in_pipelines.dagster_instance import environment
from impact_in_pipelines.settings import read_settings

ROOT = Path(__file__).parents[3]
URL = "postgresql+psycopg2://someone@127.0.0.1:9/dagster"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that was started in some other folder."""
    (tmp_path / "started here").mkdir()
    monkeypatch.chdir(tmp_path / "started here")
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", URL)


def test_whatever_dagster_writes_is_under_its_home(tmp_path: Path) -> None:
    """A relative folder in dagster.yaml once landed beside whatever a process had been started in: compute
    logs of one run lay in three places."""
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(ROOT / "dagster.yaml", home)

    found = InstanceRef.from_dir(str(home))

    folders = [
        found.local_artifact_storage.storage_dir,
        found.compute_logs_data.config_dict["base_dir"],
    ]
    assert [home in Path(folder).parents for folder in folders] == [True, True]


def test_an_installed_program_makes_dagsters_home_in_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was installed is not written to: Dagster's folder lies in IMPACT_IN_HOME."""
    installed = tmp_path / "venv" / environment.INSTALLED
    installed.mkdir(parents=True)
    shutil.copy(ROOT / "dagster.yaml", installed)
    shutil.copy(ROOT / "deploy" / "workspace.yaml", installed)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    monkeypatch.setattr(environment, "__file__", str(tmp_path / "a" / "b" / "c" / "d.py"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    settings = read_settings({"IMPACT_IN_HOME": str(tmp_path / "state")})

    found = environment.dagster_environment(settings)

    assert found["DAGSTER_HOME"] == str(tmp_path / "state" / "dagster")
    assert (tmp_path / "state" / "dagster" / "dagster.yaml").read_bytes() == (
        ROOT / "dagster.yaml"
    ).read_bytes()
    assert environment.workspace_yaml() == installed / "workspace.yaml"
