"""One company with default connections to Benevity and Goodera, none to Workday."""

import sys
from collections.abc import Iterator

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine

from impact_in_pipelines.cli.main import main
from impact_in_pipelines.db.accounts.companies import Company, CompanyStore
from impact_in_pipelines.db.engine import Database
from impact_in_pipelines.db.schedules.store import ScheduleStore
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.settings import get_settings, read_settings

from .commands import Cli, Said
from .log import OSLO


@pytest.fixture
def runtime(database: Database) -> Runtime:
    """Default connections to Benevity and Goodera, none to Workday."""
    settings = read_settings(
        {
            "IMPACT_IN_SECRET_KEY": Fernet.generate_key().decode(),
            "BENEVITY_API_URL": "http://127.0.0.1:1",
            "BENEVITY_API_KEY": "key",
            "GOODERA_API_URL": "http://127.0.0.1:1",
            "GOODERA_API_KEY": "key",
        }
    )
    return Runtime(settings, database=database)


@pytest.fixture
def store(runtime: Runtime) -> ScheduleStore:
    return runtime.schedules


@pytest.fixture
def acme(runtime: Runtime) -> Company:
    return runtime.companies.add("acme", name="Acme", timezone=OSLO)


@pytest.fixture
def environment(database: Database) -> dict[str, str]:
    """Benevity and Goodera have a default account, Workday has none."""
    return {
        "DATABASE_URL": database.url.render_as_string(hide_password=False),
        "IMPACT_IN_SECRET_KEY": Fernet.generate_key().decode(),
        "BENEVITY_API_URL": "http://127.0.0.1:1",
        "BENEVITY_API_KEY": "key",
        "GOODERA_API_URL": "http://127.0.0.1:1",
        "GOODERA_API_KEY": "key",
        "GOODERA_ORGANIZATION_ID": "one-for-all",
        "COLUMNS": "100",
    }


@pytest.fixture
def cli(
    engine: Engine,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Cli]:
    """`impact-in schedules …` in this process, with a company acme in Oslo."""
    CompanyStore(engine).add("acme", name="Acme", timezone="Europe/Oslo")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    get_settings.cache_clear()

    def call(*words: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["impact-in", "schedules", *words])
        with pytest.raises(SystemExit) as left:
            main()
        captured = capsys.readouterr()
        code = left.value.code
        return Said(code if isinstance(code, int) else 0, captured.out, captured.err)

    yield call
    get_settings.cache_clear()
