"""Drains beside a backfill from the UI and beside cells that fail: they start all the same (design D13).

How soon is measured by `python -m benchmarks queue`, which runs this and prints it; here only the order
counts.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import URL

from impact_in_pipelines.assets.partitions import cell
from impact_in_pipelines.connectors.dagster_graphql import LOCATION, REPOSITORY
from impact_in_pipelines.db.engine import Database, make_engine
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.settings import read_settings

from .conftest import own_site
from .processes import running_stage
from .test_daemon import Production
from .world import day

pytestmark = pytest.mark.timeout(540)

BACKFILLED = [f"b{n:02}" for n in range(12)]
DAYS = 90
FAILING = [f"f{n}" for n in range(6)]
SCHEDULED = {"benevity": "due-benevity", "goodera": "due-goodera"}

LAUNCH_CELL = """
mutation ($parameters: ExecutionParams!) {
  launchRun(executionParams: $parameters) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on Error { message }
  }
}"""

TICKS = """
query ($selector: ScheduleSelector!) {
  scheduleOrError(scheduleSelector: $selector) {
    ... on Schedule { scheduleState { ticks(limit: 30) { timestamp runIds } } }
  }
}"""

DRAINS = """
query ($filter: RunsFilter!) {
  runsOrError(filter: $filter) {
    ... on Runs {
      results {
        runId
        stats { ... on RunStatsSnapshot { enqueuedTime launchTime startTime } }
      }
    }
  }
}"""


@pytest.fixture
def busy(
    postgres_url: URL,
    template: str,
    dagster_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Production]:
    """Dagster at work for companies of which two are due every minute; retries come after five minutes."""
    folder = tmp_path_factory.mktemp("busy")
    with own_site(postgres_url, template, dagster_template, folder) as site:
        environment = {**site.environment, "SCHEDULER_RETRY_DELAY_MS": "300000"}
        database = Database(url=site.url, engine=make_engine(site.url), embedded=False)
        runtime = Runtime(read_settings(environment), database=database)
        try:
            with running_stage(site.home, environment) as stage:
                yield Production(runtime, site.sandbox.client, stage)
        finally:
            runtime.close()


def test_drains_start_beside_a_backfill_and_cells_that_fail(busy: Production) -> None:
    """Twelve companies of ninety days each and six cells that wait for their retry used to hold every slot:
    drains waited 395 s, fires became `missed`, people were paged."""
    for slug in (*BACKFILLED, *FAILING):
        busy.company(slug, days=DAYS + 1)
    for slug in FAILING:
        busy.sandbox.add_fault("benevity", "server_error", status=500, organization=slug)
    for slug in BACKFILLED:
        # Slow enough for two runs at a time to be at it until the end.
        busy.sandbox.add_fault("goodera", "slow", delay_ms=25_000, organization=slug)
    busy.sandbox.configure(rate_limits_enabled=False)
    busy.stage.until(
        "the companies are partitions",
        lambda: set(busy.companies_in_dagster("goodera")) >= {*BACKFILLED, *FAILING},
        90,
    )
    alone = measured_alone(busy) if os.environ.get("MEASURE_ALONE") else 0
    backfill = busy.backfill(
        "goodera", [(slug, day(n)) for slug in BACKFILLED for n in range(1, DAYS + 1)]
    )
    for slug in FAILING:
        launch_cell(busy, "benevity", slug)
    busy.stage.until("the backfill has begun", lambda: started(busy, backfill), 120)
    if not alone:
        make_due_every_minute(busy)

    lags = busy.stage.until(
        "two drains to each have started", lambda: all_drains(busy, alone + 2), 240
    )

    unfinished = [
        run
        for run in busy.runs(dagster__backfill=backfill)
        if run["status"] in ("QUEUED", "STARTING", "STARTED")
    ]
    assert unfinished, "the backfill was over before: it proves nothing"
    at_work = [run for run in unfinished if run["status"] != "QUEUED"]
    assert len(at_work) <= 2
    for platform, measured in lags.items():
        seconds = measured[: len(measured) - alone]  # the latest tick comes first
        print(f"{platform}: drains started after {', '.join(seconds)} s (tick + queue + process)")

    busy.stage.until("the cells' runs have ended", lambda: cells_ended(busy), 120)
    rows = [row for row in busy.deliveries("benevity") if row["slug"] in FAILING]
    # Six companies' failures in a row hold the platform, if nothing arrived between them: pending, not tried.
    assert {row["status"] for row in rows} <= {"retrying", "pending"}
    assert {row["selected_by"] for row in rows} == {None}


def make_due_every_minute(busy: Production) -> None:
    """One company a platform, from the next full minute on."""
    fire = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    for platform, slug in SCHEDULED.items():
        busy.schedule(busy.company(slug), platform, cron="* * * * *", fire=fire)


def measured_alone(busy: Production) -> int:
    """Print how soon drains start with nothing beside them; returns how many a platform were waited for."""
    make_due_every_minute(busy)
    lags = busy.stage.until("a drain to each has started", lambda: all_drains(busy, 1), 240)
    for platform, seconds in lags.items():
        print(f"{platform}: drains started after {seconds[0]} s with nothing else at work")
    return 1


def launch_cell(busy: Production, platform: str, slug: str) -> None:
    """Materialise one cell as the UI does."""
    partition = cell(slug, day(1))
    tags = {
        "dagster/partition": partition,
        "dagster/partition/company": slug,
        "dagster/partition/day": day(1).isoformat(),
        "of": "the test",
    }
    parameters = {
        "selector": {
            "repositoryLocationName": LOCATION,
            "repositoryName": REPOSITORY,
            "jobName": "__ASSET_JOB",
            "assetSelection": [{"path": [f"{platform}_export"]}],
        },
        "runConfigData": {},
        "mode": "default",
        "executionMetadata": {"tags": [{"key": k, "value": v} for k, v in tags.items()]},
    }
    launched = busy.stage.ask(LAUNCH_CELL, parameters=parameters)["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched


def started(busy: Production, backfill: str) -> bool:
    return any(run["status"] == "STARTED" for run in busy.runs(dagster__backfill=backfill))


def cells_ended(busy: Production) -> bool:
    runs = busy.runs(of="the test")
    return len(runs) == len(FAILING) and {run["status"] for run in runs} == {"SUCCESS"}


def all_drains(busy: Production, wanted: int) -> dict[str, list[str]] | None:
    """`drains` by platform, once every one of them has so many."""
    found = {platform: drains(busy, platform) for platform in SCHEDULED}
    return found if all(len(one) >= wanted for one in found.values()) else None


def drains(busy: Production, platform: str) -> list[str]:
    """For each drain that the platform's schedule has requested and that has started: the seconds from the
    tick to its place in the queue, from there to its launch, and to its start."""
    tags = [{"key": "dagster/schedule_name", "value": f"deliver_to_{platform}"}]
    found = busy.stage.ask(DRAINS, filter={"tags": tags})["runsOrError"]["results"]
    stats = {run["runId"]: run["stats"] for run in found if run["stats"]["startTime"] is not None}
    return [
        f"{one['enqueuedTime'] - tick['timestamp']:.1f}"
        f" + {one['launchTime'] - one['enqueuedTime']:.1f}"
        f" + {one['startTime'] - one['launchTime']:.1f}"
        for tick in ticks(busy, platform)
        for run_id in tick["runIds"]
        if (one := stats.get(run_id))
    ]


def ticks(busy: Production, platform: str) -> list[dict[str, Any]]:
    """The schedule's ticks: the time that each is for, and the runs that it has requested."""
    selector = {
        "repositoryLocationName": LOCATION,
        "repositoryName": REPOSITORY,
        "scheduleName": f"deliver_to_{platform}",
    }
    found = busy.stage.ask(TICKS, selector=selector)["scheduleOrError"]
    return list(found["scheduleState"]["ticks"])
