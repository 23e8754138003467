"""`impact-in doctor`, the real command, on worlds in which something is wrong."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import URL

from impact_in_pipelines.cli.operating.findings import SENTENCES
from impact_in_pipelines.connectors.dagster_graphql import LOCATION, REPOSITORY, DagsterGraphql
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services.operating.health import Fact, of_code_server
from impact_in_pipelines.services.operating.platforms import hold

from .conftest import own_site
from .processes import running_stage
from .world import World

pytestmark = pytest.mark.timeout(240)


def doctor(*words: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """`impact-in doctor` in this process's environment, with these changes."""
    return subprocess.run(
        [sys.executable, "-m", "impact_in_pipelines.cli.main", "doctor", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **changes},
    )


def findings(ran: subprocess.CompletedProcess[str]) -> Mapping[str, Mapping[str, Any]]:
    """What was found, by its name."""
    assert ran.stderr == ""
    return {one["finding"]: one for one in json.loads(ran.stdout)["findings"]}


def test_every_fact_has_a_sentence() -> None:
    """And its name is its own: two facts of one value would be one."""
    assert set(SENTENCES) == set(Fact)
    assert {fact.value[0] for fact in Fact.__members__.values()} == {
        name.lower() for name in Fact.__members__
    }


def test_what_is_wrong_is_named_with_what_to_do(world: World) -> None:
    """A connection that no key reads, a platform on hold, a daemon that never ran, a variable that is no
    setting: each in a line, and exit code 1 for those with which nothing can work."""
    company = world.runtime.companies.add("acme", name="Acme")
    world.runtime.connections.save(
        company.id,
        Platform.GOODERA,
        base_url=world.sandbox.url,
        credentials={"api_key": "k"},
    )
    hold(world.runtime, Platform.WORKDAY, company_id=None, reason="they move house", actor="ingrid")

    ran = doctor("--json", IMPACT_IN_SECRET_KEY=Fernet.generate_key().decode(), IMPACT_IN_HOM="x")

    found = findings(ran)
    assert ran.returncode == 1
    assert not json.loads(ran.stdout)["ok"]
    assert {name for name, one in found.items() if one["state"] == "failed"} == {
        "key_fits_not",
        "daemon_silent",
    }
    assert "acme/goodera" in found["key_fits_not"]["said"]
    assert found["connection_closed"]["said"].endswith("by ingrid: they move house")
    assert found["setting_unknown"]["step"] == "did you mean IMPACT_IN_HOME?"
    assert {"database_answers", "tables_current", "storage_answers"} <= set(found)
    assert found["web_server_away"]["state"] == "warning"


STOP = """
mutation ($id: String!) {
  stopRunningSchedule(id: $id) { __typename ... on PythonError { message } }
}"""
SCHEDULE = """
query ($selector: ScheduleSelector!) {
  scheduleOrError(scheduleSelector: $selector) { ... on Schedule { id } }
}"""


@pytest.mark.slow
def test_a_production_at_work_is_well_until_somebody_switches_a_schedule_off(
    postgres_url: URL, template: str, dagster_template: str, tmp_path: Path
) -> None:
    """The daemon, the code server and its code are found; what is off is named, and is only a warning."""
    with (
        own_site(postgres_url, template, dagster_template, tmp_path) as site,
        running_stage(site.home, site.environment) as stage,
    ):
        there = {**site.environment, "DAGSTER_HOME": str(site.home), "DAGSTER_UI_URL": stage.url}
        well = stage.until("everything is well", lambda: well_in(there), 90)
        assert {one["state"] for one in well.values()} == {"ok"}
        assert {"daemon_at_work", "automation_on", "code_loaded"} <= set(well)
        (tmp_path / "package").mkdir()
        (tmp_path / "package" / "changed_since.py").touch()
        client = DagsterGraphql(stage.url, timeout_s=30)
        stale = of_code_server(client, stage.url, tmp_path / "package")
        assert stale.fact is Fact.CODE_OLD

        selector = {
            "scheduleName": "retention_nightly",
            "repositoryName": REPOSITORY,
            "repositoryLocationName": LOCATION,
        }
        id_ = stage.ask(SCHEDULE, selector=selector)["scheduleOrError"]["id"]
        stage.ask(STOP, id=id_)
        ran = doctor("--json", **there)

    assert ran.returncode == 0
    off = findings(ran)["automation_off"]
    assert (off["state"], off["said"]) == ("warning", "somebody has switched off retention_nightly")


def well_in(environment: Mapping[str, str]) -> Mapping[str, Mapping[str, Any]] | None:
    """What was found, unless something has failed: the daemon's parts need a moment to come up."""
    ran = doctor("--json", **environment)
    return findings(ran) if ran.returncode == 0 else None


def test_a_setting_with_which_nothing_starts_is_a_finding_too() -> None:
    """A key that is missing beside DATABASE_URL was an error on standard error, and no JSON at all."""
    ran = doctor(
        "--json", DATABASE_URL="postgresql://nobody@127.0.0.1:9/none", IMPACT_IN_SECRET_KEY=""
    )
    (wrong,) = findings(ran).values()
    assert ran.returncode == 1
    assert wrong["finding"] == "setting_wrong"
    assert wrong["said"].startswith("IMPACT_IN_SECRET_KEY must be set when DATABASE_URL is")
    ran = doctor(RETENTION_RUNS_DAYS="a month")
    assert ran.returncode == 1
    assert "RETENTION_RUNS_DAYS must be a whole number" in ran.stdout


def test_nothing_is_asked_of_what_rests_on_a_database_that_is_away(world: World) -> None:
    """One line says so, with the host, for people as for programs."""
    away = "postgresql://nobody:hidden@127.0.0.1:9/none"
    ran = doctor(DATABASE_URL=away)
    assert ran.returncode == 1
    lines = ran.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["ok", "ok", "ok", "failed"]
    assert "127.0.0.1" in lines[-1]
    assert "hidden" not in ran.stdout + ran.stderr
