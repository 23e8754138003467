"""The sandbox and a world on it, for tests of the delivery core."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from factories import World, world_on
from sqlalchemy import URL

from impact_in_pipelines.db.embedded.cluster import embedded_url, stop_server
from impact_in_pipelines.db.engine import Database
from impact_in_pipelines.sandbox.server import Sandbox, running_sandbox

from .api_harness import Held, Served, holding, lent
from .embedded_users import copy_cluster
from .late_worlds import delivered_quarter


@pytest.fixture(scope="session")
def sandbox_process() -> Iterator[Sandbox]:
    """One sandbox process for all tests of this process."""
    with running_sandbox() as running:
        yield running


@pytest.fixture(scope="module")
def shared_sandbox(sandbox_process: Sandbox) -> Sandbox:
    """The sandbox for the tests of a module, without the faults that another module's test left in it."""
    sandbox_process.client.reset()
    return sandbox_process


@pytest.fixture
def sandbox(sandbox_process: Sandbox) -> Sandbox:
    """The sandbox without faults, counts or keys."""
    sandbox_process.client.reset()
    return sandbox_process


@pytest.fixture
def world(database: Database, sandbox: Sandbox) -> Iterator[World]:
    """A clean database and a clean sandbox, and a runtime on both."""
    with world_on(database.url, sandbox) as made:
        yield made


@pytest.fixture
def gated_world(database: Database, sandbox: Sandbox) -> Iterator[World]:
    """The same, with the expectations of production before every delivery."""
    with world_on(database.url, sandbox, gated=True) as made:
        yield made


@pytest.fixture(scope="session")
def held(postgres_url: URL, template: str, sandbox_process: Sandbox) -> Iterator[Held]:
    """Databases in which two companies have one of everything, for the tests of this process."""
    sandbox_process.client.reset()
    with holding(postgres_url, template, sandbox_process) as made:
        yield made


@pytest.fixture
def api(held: Held, sandbox: Sandbox) -> Iterator[Served]:
    """An API of the test's own."""
    with lent(held, sandbox) as running:
        yield running


@pytest.fixture(scope="session")
def made_cluster() -> Iterator[Path]:
    """An embedded cluster that was made and stopped, to be copied."""
    with tempfile.TemporaryDirectory(prefix="ii-") as folder:
        cluster = Path(folder) / "pg"
        embedded_url(cluster)
        stop_server(cluster)
        yield cluster


@pytest.fixture
def cluster(made_cluster: Path) -> Iterator[Path]:
    """A stopped cluster of the test's own, with its password; stopped at the end."""
    home = Path(tempfile.mkdtemp(prefix="ii-"))
    copy_cluster(made_cluster, home / "pg")
    yield home / "pg"
    stop_server(home / "pg")
    shutil.rmtree(home)


@pytest.fixture
def quarter(world: World, tmp_path: Path) -> World:
    """Two months of days, delivered to two platforms as they were then."""
    return delivered_quarter(world, tmp_path)
