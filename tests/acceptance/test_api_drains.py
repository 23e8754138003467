"""A replay through the API starts a drain at once, in the Dagster that is really there."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from integration.api_harness import BASE, MANAGER, SECRET, running
from sqlalchemy import URL

from impact_in_pipelines.api.context import build_context
from impact_in_pipelines.cli.accounts.token import minted
from impact_in_pipelines.db.engine import Database, make_engine
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.settings import read_settings

from .conftest import own_site
from .processes import Stage, running_stage
from .world import Accounts, day, midnight

pytestmark = pytest.mark.timeout(300)

RUNS = """
{ runsOrError(filter: {pipelineName: "drain_benevity"}) {
    ... on Runs { results { runId status tags { key value } } } } }"""


@dataclass(frozen=True)
class Operated(Accounts):
    """An API beside Dagster's processes."""

    stage: Stage
    url: str

    def call(self, method: str, path: str) -> Any:
        """The JSON of an answer that succeeds."""
        at = datetime.now(UTC) + timedelta(hours=1)
        token = minted(self.runtime.settings, "ingrid", list(MANAGER), ["*"], at)
        headers = {"Authorization": f"Bearer {token}"}
        answer = requests.request(method, f"{self.url}{path}", headers=headers, timeout=30)
        assert answer.ok, answer.text
        return answer.json()

    def failed(self, slug: str) -> str:
        """A delivery to Benevity that failed for good."""
        (row,) = self.execute(
            """INSERT INTO impact_deliveries (company_id, platform, trigger, status, period_start, period_end,
                   scheduled_for, idempotency_key, failed_at, last_error, error_kind)
               VALUES (:company, 'benevity', 'manual', 'failed', :day, :day, :at, gen_random_uuid(), :at,
                   'busy', 'server_error') RETURNING id""",
            company=self.company(slug),
            day=day(1),
            at=midnight(day(0)),
        )
        return str(row["id"])

    def runs(self) -> list[dict[str, str]]:
        """The drains that there were, with their tags."""
        found = self.stage.ask(RUNS)["runsOrError"]["results"]
        return [
            {**{t["key"]: t["value"] for t in run["tags"]}, "status": run["status"]}
            for run in found
        ]


@pytest.fixture
def operated(
    postgres_url: URL,
    template: str,
    dagster_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Operated]:
    """Dagster's processes, and an API that knows where its web server is."""
    folder = tmp_path_factory.mktemp("operated")
    with own_site(postgres_url, template, dagster_template, folder) as site:
        environment = {**site.environment, "IMPACT_IN_JWT_SECRET": SECRET}
        with running_stage(site.home, environment) as stage:
            settings = read_settings({**environment, "DAGSTER_UI_URL": stage.url})
            database = Database(site.url, make_engine(site.url), embedded=False)
            runtime = Runtime(settings, database=database)
            try:
                with running(build_context(runtime)) as address:
                    yield Operated(runtime, site.sandbox.client, stage, address)
            finally:
                runtime.close()


def test_a_replay_starts_a_drain_that_sends_it(operated: Operated) -> None:
    """Through Dagster's GraphQL API, not at the next tick, and signed with who asked."""
    assert operated.call("GET", "/readyz")["status"] == "ready"
    id_ = operated.failed("east")

    accepted = operated.call("POST", f"{BASE}/deliveries/{id_}/replay")

    assert accepted["drains"] == {"benevity": "started"}
    progress = operated.stage.until(
        "the replay is done",
        lambda: found if (found := operated.call("GET", accepted["statusUrl"]))["done"] else None,
        120,
    )
    assert progress["byStatus"] == {"success": 1}
    assert operated.arrived("benevity") == [("east", day(1))]
    assert "replay by ingrid" in {run.get("reason") for run in operated.runs()}
