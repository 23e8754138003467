"""Shared fixtures: a real embedded PostgreSQL, a clean database for each test."""

import logging
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from factories import NO_DAGSTER, execute_on_server
from hypothesis import settings as hypothesis_settings
from lending import Lender
from sqlalchemy import URL, Engine, text

from impact_in_pipelines.db.deliveries import listening
from impact_in_pipelines.db.embedded.cluster import embedded_url, stop_server
from impact_in_pipelines.db.engine import Database, make_engine
from impact_in_pipelines.db.migrate import upgrade
from impact_in_pipelines.logs import setting_up
from impact_in_pipelines.logs.context import about
from impact_in_pipelines.settings import get_settings, setting_names

hypothesis_settings.register_profile("suite", derandomize=True, deadline=None)
hypothesis_settings.load_profile("suite")

_ROOM_BYTES = 4 * 1024**3
_DAY_S, _LAST_S = 24 * 3600, 60

# A developer's own settings must not leak into a test.
_OURS = {*setting_names(), "NO_COLOR", "COLUMNS"}
_OURS_BEGIN = ("IMPACT_IN_", "DAGSTER_", "OTEL_", "PG")
for _name in list(os.environ):
    if _name in _OURS or _name.startswith(_OURS_BEGIN):
        del os.environ[_name]
# An API that ends waits for its listener, which looks up twice a second: hundreds of tests end one.
listening._WAIT_S = 0.05
# Nor may a Dagster that happens to run here be asked for drains: a test that wants one starts its own.
os.environ["DAGSTER_UI_URL"] = NO_DAGSTER
# A run that was started with `&` ignores Ctrl-C, and every process that a test starts would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _memory() -> str | None:
    """A folder in memory, where there is one with room enough: copying a database is mostly the making of
    hundreds of small files, which costs a disk's file system ten times as much."""
    folder = "/dev/shm"
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return None
    return folder if free > _ROOM_BYTES and os.access(folder, os.W_OK | os.X_OK) else None


@pytest.fixture(autouse=True)
def lines_about_nothing() -> Iterator[None]:
    """Runs of Dagster that a test executes in its process leave the next one's log lines alone."""
    with about():
        yield


def _environment() -> dict[str, str]:
    """Without what pytest itself keeps there."""
    return {name: text for name, text in os.environ.items() if name != "PYTEST_CURRENT_TEST"}


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """What the program changes in its process for good, since it ends with the command, is undone: a command
    that a test ran in this process would otherwise choose the next one's log level and Dagster."""
    environment, root = _environment(), logging.getLogger()
    handlers, factory = list(root.handlers), logging.getLogRecordFactory()
    levels = {one: one.level for one in map(logging.getLogger, setting_up._OURS)}
    yield
    for name in _environment().keys() - environment.keys():
        del os.environ[name]
    os.environ.update(environment)
    root.handlers[:] = handlers
    logging.setLogRecordFactory(factory)
    for logger, level in levels.items():
        if logger.level != level:
            logger.setLevel(level)
    setting_up._terminal = None
    get_settings.cache_clear()


@pytest.fixture(autouse=True)
def whole_day() -> None:
    """No test begins in a day's last minute (UTC): what is due, and what yesterday was, would change in its
    midst wherever Dagster or the database tells the time."""
    left = _DAY_S - time.time() % _DAY_S
    if left < _LAST_S:
        time.sleep(left)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[URL]:
    """A server of this test process's own, without care for a crash of the machine; stopped at the end."""
    # A Unix socket's path may have 107 characters: pytest's own temporary folders are too deep.
    home = Path(tempfile.mkdtemp(prefix="ii-", dir=_memory()))
    url = embedded_url(home / "pg")
    admin = make_engine(url).execution_options(isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        # Nothing needs to survive a crash of the machine, but what is committed that of a server process
        # (so synchronous_commit stays on: a write without fsync costs nothing). No vacuum may change a plan.
        for name in ("fsync", "full_page_writes", "autovacuum"):
            connection.execute(text(f"ALTER SYSTEM SET {name} = off"))
        connection.execute(text("ALTER SYSTEM SET max_wal_size = '128MB'"))
        connection.execute(text("SELECT pg_reload_conf()"))
    yield url
    admin.dispose()
    stop_server(home / "pg")
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def template(postgres_url: URL) -> str:
    """The name of a migrated database that is never connected to again, only copied."""
    execute_on_server(postgres_url, 'CREATE DATABASE "migrated"')
    engine = make_engine(postgres_url.set(database="migrated"), pool_size=1)
    upgrade(engine)
    engine.dispose()
    return "migrated"


@pytest.fixture(scope="session")
def lender(postgres_url: URL, template: str) -> Iterator[Lender]:
    """Lends clean, migrated databases to the tests of this process, one after the other."""
    lending = Lender(postgres_url, template)
    yield lending
    lending.close()


@pytest.fixture
def database(lender: Lender) -> Iterator[Database]:
    """A clean, migrated database of the test's own."""
    with lender.lent() as url:
        opened = Database(url=url, engine=make_engine(url), embedded=True)
        yield opened
        opened.close()


@pytest.fixture
def engine(database: Database) -> Engine:
    """The engine on the test's own database."""
    return database.engine
