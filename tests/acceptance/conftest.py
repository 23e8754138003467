"""Dagster on the test's own PostgreSQL: a fresh instance, our tables and a sandbox for each test."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import factories
import pytest
from dagster import DagsterInstance
from factories import copied_database, execute_on_server
from lending import Lender
from sqlalchemy import URL

from impact_in_pipelines.db.engine import Database
from impact_in_pipelines.resources import runtime as runtime_resource
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.sandbox.server import Sandbox, running_sandbox
from impact_in_pipelines.settings import get_settings, read_settings

from .world import World

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """One sandbox for all tests here; each test finds it reset."""
    with running_sandbox() as running:
        yield running


@pytest.fixture(scope="session")
def dagster_template(postgres_url: URL, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a database with Dagster's tables, only copied from here on."""
    execute_on_server(postgres_url, 'CREATE DATABASE "dagster_tables"')
    home = make_dagster_home(tmp_path_factory.mktemp("template"))
    url = postgres_url.set(database="dagster_tables").render_as_string(hide_password=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_POSTGRES_URL", url)
        with DagsterInstance.from_config(str(home)) as instance:
            instance.get_runs_count()
            instance.get_asset_keys()
            instance.all_instigator_state()
    return "dagster_tables"


@pytest.fixture(scope="session")
def dagster_lender(postgres_url: URL, dagster_template: str) -> Iterator[Lender]:
    """Lends empty Dagster databases to the tests of this process."""
    # No test looks at the plans of Dagster's statements.
    lending = Lender(postgres_url, dagster_template, at_most=8 * 1024 * 1024)
    yield lending
    lending.close()


@pytest.fixture
def dagster_home(
    dagster_lender: Lender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """DAGSTER_HOME: a folder with the project's dagster.yaml, on an empty Dagster database."""
    with dagster_lender.lent() as url:
        home = make_dagster_home(tmp_path)
        monkeypatch.setenv("DAGSTER_HOME", str(home))
        monkeypatch.setenv("DAGSTER_POSTGRES_URL", url.render_as_string(hide_password=False))
        yield home


@pytest.fixture
def environment(database: Database, sandbox: Sandbox, tmp_path: Path) -> Mapping[str, str]:
    """The settings of a test's processes: its database, the sandbox's accounts, short delays."""
    return environment_for(database.url, sandbox, tmp_path)


@pytest.fixture
def world(
    dagster_home: Path,
    database: Database,
    sandbox: Sandbox,
    environment: Mapping[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[World]:
    """Accounts and a Dagster instance of the test's own; assets find both through the environment."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    forget_settings()
    sandbox.client.reset()
    with DagsterInstance.get() as instance:
        yield World(
            runtime=Runtime(read_settings(), database=database),
            sandbox=sandbox.client,
            instance=instance,
            home=dagster_home,
        )
    close_runtime()
    forget_settings()


def close_runtime() -> None:
    """Close what the resource keeps, without the question to the database that `get` begins with."""
    runtime_resource._runtime(()).close()


def forget_settings() -> None:
    """The next reader sees the present environment: both are kept for the life of a process."""
    get_settings.cache_clear()
    runtime_resource._runtime.cache_clear()


def environment_for(url: URL, sandbox: Sandbox, home: Path) -> Mapping[str, str]:
    """What a process of ours needs to work on the database `url` and to deliver to `sandbox`."""
    return {
        **factories.environment(sandbox),
        "DATABASE_URL": url.render_as_string(hide_password=False),
        "IMPACT_IN_HOME": str(home / "impact-in"),
        "IMPACT_IN_RETRY_JITTER": "0",
        "SCHEDULER_RETRY_DELAY_MS": "100",
    }


def make_dagster_home(parent: Path) -> Path:
    """A new folder in `parent` with the project's dagster.yaml."""
    home = parent / "dagster_home"
    home.mkdir()
    shutil.copy(ROOT / "dagster.yaml", home)
    return home


@dataclass(frozen=True)
class Site:
    """What Dagster's processes of a test's own need: a sandbox, `url` of our database, `home` (DAGSTER_HOME)
    and the environment that leads to all of them."""

    sandbox: Sandbox
    url: URL
    home: Path
    environment: Mapping[str, str]


@contextmanager
def own_site(server: URL, template: str, dagster_template: str, folder: Path) -> Iterator[Site]:
    """A sandbox, a database and a Dagster home in `folder` that nobody else uses."""
    home = make_dagster_home(folder)
    with (
        running_sandbox() as sandbox,
        copied_database(server, template) as url,
        copied_database(server, dagster_template) as dagster_url,
    ):
        environment = {
            **environment_for(url, sandbox, home),
            "DAGSTER_POSTGRES_URL": dagster_url.render_as_string(hide_password=False),
        }
        yield Site(sandbox, url, home, environment)
