"""The schedule table and the job that changes many schedules, in Dagster."""

from datetime import timedelta

import pytest
from dagster import (
    DagsterInstance,
    DagsterInvalidConfigError,
    SensorResult,
    SkipReason,
    build_sensor_context,
    validate_run_config,
)
from factories import MIDNIGHT, environment

from impact_in_pipelines.db.engine import Database
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.resources.runtime import RuntimeResource
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.sandbox.server import Sandbox
from impact_in_pipelines.schedules.changes import (
    BulkAction,
    BulkChange,
    BulkPlatform,
    pause_or_resume,
)
from impact_in_pipelines.scheduling import ScheduleRule
from impact_in_pipelines.sensors.schedules import schedule_table
from impact_in_pipelines.settings import read_settings


class FixedRuntime(RuntimeResource):
    """The runtime resource on the test's own database."""

    def get(self) -> Runtime:
        return _RUNTIMES[-1]


_RUNTIMES: list[Runtime] = []


@pytest.fixture
def runtime(database: Database, sandbox: Sandbox) -> Runtime:
    """A runtime with two companies, one of them scheduled on two platforms."""
    made = Runtime(
        read_settings(environment(sandbox)),
        database=database,
        clock=lambda: MIDNIGHT,
    )
    for slug, platforms in (
        ("acme", (Platform.BENEVITY, Platform.WORKDAY)),
        ("beta", (Platform.BENEVITY,)),
    ):
        company = made.companies.add(slug, name=slug.title())
        for platform in platforms:
            made.schedules.create(
                company,
                platform,
                ScheduleRule("daily"),
                now=MIDNIGHT - timedelta(hours=1),
            )
    _RUNTIMES.append(made)
    return made


def tick(cursor: str | None) -> SensorResult | SkipReason:
    with DagsterInstance.ephemeral() as instance:
        context = build_sensor_context(instance=instance, cursor=cursor)
        result = schedule_table(context, runtime=FixedRuntime())
    assert isinstance(result, SensorResult | SkipReason)
    return result


def test_the_table_is_shown_once_for_each_change(runtime: Runtime) -> None:
    """The first tick shows it, the next one has nothing to do, a pause shows it again with the reason."""
    first = tick(None)
    assert isinstance(first, SensorResult)
    assert isinstance(tick(first.cursor), SkipReason)
    runtime.schedules.pause_all("audit", now=MIDNIGHT, platform=Platform.WORKDAY)
    second = tick(first.cursor)
    assert isinstance(second, SensorResult)
    (event,) = second.asset_events
    text = str(event.metadata["schedules"].value)
    assert "| acme | Workday | Every day at 00:00" in text
    assert "paused: audit" in text
    assert event.metadata["paused"].value == 1
    assert event.metadata["active"].value == 2


def test_the_job_pauses_a_platform_and_resumes_what_it_paused(runtime: Runtime) -> None:
    """Pausing by platform leaves the others; resuming by reason leaves what was paused for another."""
    assert run(
        BulkChange(action=BulkAction.pause, platform=BulkPlatform("benevity"), reason="outage")
    )
    states = {(s.company, s.platform.value): s.active for s in runtime.schedules.listed()}
    assert states == {
        ("acme", "benevity"): False,
        ("acme", "workday"): True,
        ("beta", "benevity"): False,
    }
    assert run(BulkChange(action=BulkAction.pause, company="acme", reason="audit"))
    assert run(BulkChange(action=BulkAction.resume, reason="outage"))
    states = {(s.company, s.platform.value): s.active for s in runtime.schedules.listed()}
    assert states == {
        ("acme", "benevity"): True,
        ("acme", "workday"): False,
        ("beta", "benevity"): True,
    }


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (BulkChange(action=BulkAction.pause, platform=BulkPlatform("benevity")), "reason"),
        (BulkChange(action=BulkAction.pause, company="nobody", reason="x"), "'nobody'"),
    ],
)
def test_a_bad_change_fails_with_one_line_and_changes_nothing(
    runtime: Runtime, change: BulkChange, text: str
) -> None:
    """No reason, an unknown platform or company: the run fails, says which, and no schedule differs."""
    before = runtime.schedules.listed()
    with DagsterInstance.ephemeral() as instance:
        result = pause_or_resume().execute_in_process(
            instance=instance,
            resources={"runtime": FixedRuntime()},
            run_config={"ops": {"change_schedules": {"config": change.model_dump(mode="json")}}},
            raise_on_error=False,
        )
        assert not result.success
        (failure,) = (e for e in result.all_events if e.is_step_failure)
        assert text in str(failure.step_failure_data.user_failure_data)
    assert runtime.schedules.listed() == before


def run(change: BulkChange) -> bool:
    with DagsterInstance.ephemeral() as instance:
        return (
            pause_or_resume()
            .execute_in_process(
                instance=instance,
                resources={"runtime": FixedRuntime()},
                run_config={
                    "ops": {"change_schedules": {"config": change.model_dump(mode="json")}}
                },
            )
            .success
        )


def test_the_launchpad_begins_with_values_and_knows_the_platforms() -> None:
    """Nobody has to know the keys: they are there, and what can't be is refused before a run starts."""
    job = pause_or_resume()
    assert job.run_config is not None
    assert job.run_config["ops"]["change_schedules"]["config"] == {
        "action": "pause",
        "company": "",
        "platform": "all",
        "reason": "",
    }
    wrong = {"ops": {"change_schedules": {"config": {"action": "pause", "platform": "benefity"}}}}
    with pytest.raises(DagsterInvalidConfigError, match="benefity"):
        validate_run_config(job, wrong)
