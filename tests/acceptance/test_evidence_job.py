"""The daily job publishes where every chain stands, and fails when one was put back or written anew."""

import json
from pathlib import Path

import pytest
from dagster import DagsterInstance, ExecuteInProcessResult
from factories import MIDNIGHT, environment
from sqlalchemy import text

from impact_in_pipelines.db.engine import Database
from impact_in_pipelines.resources.runtime import RuntimeResource
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.sandbox.server import Sandbox
from impact_in_pipelines.schedules.evidence import evidence
from impact_in_pipelines.settings import read_settings

_RUNTIMES: list[Runtime] = []


class EvidenceRuntime(RuntimeResource):
    """The runtime resource on the test's own database."""

    def get(self) -> Runtime:
        return _RUNTIMES[-1]


@pytest.fixture
def heads(database: Database, sandbox: Sandbox, tmp_path: Path) -> Path:
    """The folder of published heads, of a database with one company."""
    settings = read_settings(environment(sandbox, EVIDENCE_HEADS_FOLDER=str(tmp_path)))
    made = Runtime(settings, database=database, clock=lambda: MIDNIGHT)
    made.companies.add("acme", name="Acme")
    _RUNTIMES.append(made)
    return tmp_path


def run() -> ExecuteInProcessResult:
    with DagsterInstance.ephemeral() as instance:
        return evidence.execute_in_process(
            instance=instance, resources={"runtime": EvidenceRuntime()}, raise_on_error=False
        )


def test_the_job_publishes_and_notices_a_chain_that_was_put_back(heads: Path) -> None:
    """A file a day; yesterday's says that a link was there which isn't any more."""
    assert run().success
    (file,) = heads.glob("*.json")
    document = json.loads(file.read_text())
    assert [one["links"] for one in document["heads"]] == [0]
    document["heads"][0] |= {"links": 1, "hash": "0" * 64}
    (heads / "heads-2026-01-01.json").write_text(json.dumps(document))
    done = run()
    assert not done.success
    (failure,) = (event for event in done.all_events if event.is_step_failure)
    assert "no longer lead through" in str(failure.step_failure_data.user_failure_data)
    # What it found stays said in the publication of the day.
    assert json.loads(file.read_text())["strays"] == [document["heads"][0]["company"]]


def test_the_chain_of_a_company_that_is_gone_is_no_fault(heads: Path, database: Database) -> None:
    """It was deleted, and its chain with it."""
    assert run().success
    (file,) = heads.glob("*.json")
    file.rename(heads / "heads-2026-01-01.json")
    with database.engine.begin() as connection:
        connection.execute(text("DELETE FROM audit_log"))
        connection.execute(text("DELETE FROM companies"))
    assert run().success
