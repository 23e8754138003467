"""The real thing: a code server, the daemon and the webserver, asked through GraphQL.

One stage for the module, and everything is set going at its start, so that the tests wait together for the
daemon's intervals (a minute for a schedule's tick, half a minute for sensors and backfills).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import URL, text

from impact_in_pipelines.assets.partitions import cell
from impact_in_pipelines.connectors.dagster_graphql import DagsterGraphql
from impact_in_pipelines.db.engine import Database, make_engine
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.settings import read_settings

from .conftest import own_site
from .processes import Stage, running_stage
from .world import Accounts, Cell, day

pytestmark = pytest.mark.timeout(420)

DRAINS = 3
"""One more than there are by default."""

RANGE: list[Cell] = [("east", day(n)) for n in (5, 4, 3)]
SCATTERED: list[Cell] = [("east", day(9)), ("north", day(2))]

LAUNCH_BACKFILL = """
mutation ($parameters: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $parameters) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}"""

RUNS = """
query ($filter: RunsFilter!) {
  runsOrError(filter: $filter) {
    ... on Runs { results { runId status jobName tags { key value } } }
  }
}"""

TERMINATE = """
mutation ($runId: String!) { terminateRun(runId: $runId) { __typename } }"""

STATUS = """
query ($asset: AssetKeyInput!) {
  assetNodeOrError(assetKey: $asset) {
    ... on AssetNode {
      partitionStats { numMaterialized numFailed numPartitions }
      assetMaterializations(limit: 50) { partition runId }
      partitionKeysByDimension { name partitionKeys }
    }
  }
}"""


@dataclass(frozen=True)
class Production(Accounts):
    """The accounts, and Dagster at work on them."""

    stage: Stage

    def runs(self, **tags: str) -> list[dict[str, Any]]:
        """The runs with these tags, the tags as a dictionary."""
        wanted = [{"key": key.replace("__", "/"), "value": value} for key, value in tags.items()]
        found = self.stage.ask(RUNS, filter={"tags": wanted})["runsOrError"]["results"]
        return [{**run, "tags": {t["key"]: t["value"] for t in run["tags"]}} for run in found]

    def asset(self, platform: str) -> Any:
        """What GraphQL says of the platform's export."""
        asset = {"path": [f"{platform}_export"]}
        return self.stage.ask(STATUS, asset=asset)["assetNodeOrError"]

    def companies_in_dagster(self, platform: str) -> list[str]:
        dimensions = self.asset(platform)["partitionKeysByDimension"]
        return next(d["partitionKeys"] for d in dimensions if d["name"] == "company")

    def backfill(self, platform: str, cells: list[Cell]) -> str:
        """Launch a backfill of these cells as the UI does; returns its id."""
        parameters = {
            "assetSelection": [{"path": [f"{platform}_export"]}],
            "partitionNames": [cell(*one) for one in cells],
        }
        launched = self.stage.ask(LAUNCH_BACKFILL, parameters=parameters)["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        found: str = launched["backfillId"]
        return found

    def finished(self, **tags: str) -> list[dict[str, Any]]:
        """The runs with these tags once there are some and all have ended."""

        def look() -> list[dict[str, Any]]:
            found = self.runs(**tags)
            ended = all(run["status"] in ("SUCCESS", "FAILURE", "CANCELED") for run in found)
            return found if ended else []

        return self.stage.until(f"runs with {tags} have ended", look, 240)


@pytest.fixture(scope="module")
def production(
    postgres_url: URL,
    template: str,
    dagster_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Production]:
    """Companies with a schedule that is due, and Dagster's processes, all of their own."""
    folder = tmp_path_factory.mktemp("production")
    with own_site(postgres_url, template, dagster_template, folder) as site:
        database = Database(url=site.url, engine=make_engine(site.url), embedded=False)
        environment = {**site.environment, "DRAINS_PER_PLATFORM": str(DRAINS)}
        runtime = Runtime(read_settings(environment), database=database)
        accounts = Accounts(runtime, site.sandbox.client)
        for slug in ("east", "north", "west"):
            accounts.due(slug, platform="benevity")
        try:
            with running_stage(site.home, environment) as stage:
                yield Production(runtime, site.sandbox.client, stage)
        finally:
            runtime.close()


@pytest.fixture(scope="module")
def backfills(production: Production) -> dict[str, str]:
    """Two backfills, launched together: a range on Goodera, scattered partitions on Workday."""
    production.stage.until(
        "the companies are partitions",
        lambda: set(production.companies_in_dagster("goodera")) >= {"east", "north", "west"},
        60,
    )
    return {
        "goodera": production.backfill("goodera", RANGE),
        "workday": production.backfill("workday", SCATTERED),
    }


def test_companies_become_partitions_without_a_code_change(
    production: Production, backfills: dict[str, str]
) -> None:
    """The sensor adds a company that has just come, while everything runs."""
    production.company("newcomer")

    production.stage.until(
        "the newcomer is a partition",
        lambda: "newcomer" in production.companies_in_dagster("goodera"),
        60,
    )


@pytest.mark.parametrize(("platform", "cells"), [("goodera", RANGE), ("workday", SCATTERED)])
def test_a_backfill_delivers_exactly_what_was_selected(
    production: Production, backfills: dict[str, str], platform: str, cells: list[Cell]
) -> None:
    """A range and scattered partitions: those company-days reach the platform, once, and are green."""
    backfill = backfills[platform]
    production.stage.until(
        "every selected day has arrived",
        lambda: len(production.arrived(platform)) >= len(cells),
        240,
    )
    assert {run["status"] for run in production.finished(dagster__backfill=backfill)} == {"SUCCESS"}
    assert production.arrived(platform) == sorted(cells)
    assert {row["trigger"] for row in production.deliveries(platform)} == {"backfill"}
    asset = production.asset(platform)
    assert asset["partitionStats"]["numMaterialized"] == len(cells)
    assert asset["partitionStats"]["numFailed"] == 0
    assert sorted(m["partition"] for m in asset["assetMaterializations"]) == sorted(
        cell(*one) for one in cells
    )


def test_a_range_runs_as_one_run(production: Production, backfills: dict[str, str]) -> None:
    """A run costs five CPU-seconds, whatever it does (D2)."""
    assert len(production.finished(dagster__backfill=backfills["goodera"])) == 1


def test_a_schedules_tick_launches_a_drain_that_delivers(
    production: Production, backfills: dict[str, str]
) -> None:
    """The daemon ticks, the drain runs, the platform has everything, the partitions are green."""
    (run,) = production.finished(dagster__schedule_name="deliver_to_benevity")

    assert run["status"] == "SUCCESS"
    assert run["jobName"] == "drain_benevity"
    assert run["tags"]["platform"] == "benevity"
    assert run["tags"]["reason"].startswith("due since ")
    due: list[Cell] = [("east", day(1)), ("north", day(1)), ("west", day(1))]
    assert production.arrived("benevity") == due
    asset = production.asset("benevity")
    assert asset["partitionStats"]["numMaterialized"] == 3
    assert asset["partitionStats"]["numFailed"] == 0
    assert sorted(m["partition"] for m in asset["assetMaterializations"]) == [
        cell(*one) for one in due
    ]
    assert {m["runId"] for m in asset["assetMaterializations"]} == {run["runId"]}
    rows = production.deliveries("benevity")
    assert {(row["status"], row["trigger"]) for row in rows} == {("success", "schedule")}
    assert {row["dagster_run_id"] for row in rows} == {run["runId"]}


def test_a_terminated_drain_records_what_is_under_way_and_gives_the_rest_back(
    production: Production, backfills: dict[str, str]
) -> None:
    """`Terminate` in the UI: the run ends as cancelled, nothing stays held, and the next drain finishes it;
    before, Dagster's interrupt only made the step start again."""
    for platform in ("goodera", "workday"):
        production.finished(dagster__backfill=backfills[platform])
    slugs = [f"c{n:02}" for n in range(30)]
    already = len(production.arrived("workday"))
    production.sandbox.configure(latency_ms=3000, rate_limits_enabled=False)
    production.due(*slugs, platform="workday")
    dagster = DagsterGraphql(production.stage.url, timeout_s=30)
    dagster.launch_drain(Platform.WORKDAY, "the next tick is up to a minute away")

    def at_work() -> str | None:
        runs = [run for run in production.runs(platform="workday") if run["status"] == "STARTED"]
        sent = len(production.arrived("workday")) > already
        return runs[0]["runId"] if runs and sent else None

    run_id = production.stage.until("a drain is sending", at_work, 150)
    answer = production.stage.ask(TERMINATE, runId=run_id)
    assert answer["terminateRun"]["__typename"] == "TerminateRunSuccess"

    def ended() -> str | None:
        (run,) = [run for run in production.runs(platform="workday") if run["runId"] == run_id]
        return run["status"] if run["status"] not in ("STARTED", "CANCELING") else None

    assert production.stage.until("the run has ended", ended, 60) == "CANCELED"
    mine = [row for row in production.deliveries("workday") if row["slug"] in slugs]
    done = [row for row in mine if row["dagster_run_id"] == run_id and row["status"] == "success"]
    assert 0 < len(done) < len(slugs)
    production.sandbox.configure(latency_ms=0)
    dagster.launch_drain(Platform.WORKDAY, "the next tick is up to a minute away")
    production.stage.until(
        "the next drain has sent the rest",
        lambda: (
            {row["status"] for row in production.deliveries("workday") if row["slug"] in slugs}
            == {"success"}
        ),
        150,
    )
    arrived = [one for one in production.arrived("workday") if one[0] in slugs]
    assert arrived == [(slug, day(1)) for slug in slugs]
    attempts = production.execute("SELECT DISTINCT outcome FROM delivery_attempts")
    assert attempts == [{"outcome": "delivered"}]


def test_as_many_drains_of_a_platform_run_as_the_setting_says(
    production: Production, backfills: dict[str, str]
) -> None:
    """The queue had slots for two, whatever DRAINS_PER_PLATFORM said. Each stands still where it claims."""
    production.finished(platform="workday")
    before = {run["runId"] for run in production.runs(platform="workday")}
    dagster = DagsterGraphql(production.stage.url, timeout_s=30)

    def at_work() -> bool:
        runs = [run for run in production.runs(platform="workday") if run["runId"] not in before]
        return [run["status"] for run in runs].count("STARTED") == DRAINS

    with production.runtime.database.engine.begin() as connection:
        connection.execute(text("LOCK TABLE impact_deliveries IN ACCESS EXCLUSIVE MODE"))
        for _ in range(DRAINS):
            dagster.launch_drain(Platform.WORKDAY, "all of them at once")
        production.stage.until("all have started", at_work, 90)
